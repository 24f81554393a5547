package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap"
)

// walkLimit ends the walk of a log that waits for records which are gone.
const walkLimit = 5 * time.Second

// walk goes on behind what is damaged, as docs/operations.md tells users to.
func (l *clientLog) walk(visit func(value []byte)) error {
	consumer := l.Consumer(clientTopic, "", kafka.WithRawValues(), kafka.WithUntilEnd())
	defer consumer.Close()
	var met []error
	for next := int64(-1); ; {
		for m := range consumer.Messages(context.Background()) {
			visit(m.Bytes())
		}
		err := consumer.Err()
		if err == nil {
			return errors.Join(met...)
		}
		met = append(met, err)
		var damaged *kafka.CorruptionError
		if !errors.As(err, &damaged) || damaged.Next <= next {
			return errors.Join(met...)
		}
		next = damaged.Next
		if err := consumer.Seek(context.Background(), clientTopic, 0, next); err != nil {
			return errors.Join(append(met, err)...)
		}
	}
}

// report is the client's Health.
func (l *clientLog) report() string {
	health := l.Health()
	said := health.Notes
	for _, p := range health.Partitions {
		said = append(said, damages(p.Damage)...)
		if p.ReadOnly {
			said = append(said, fmt.Sprintf("%s-%d is read-only", p.Topic, p.Partition))
		}
	}
	return strings.Join(said, "; ")
}

func (p *partition) report() string {
	return strings.Join(append(p.log.Notes(), damages(p.log.Damage())...), "; ")
}

func damages(all []engine.Damage) (said []string) {
	for _, d := range all {
		said = append(said, fmt.Sprintf("%s: %s (in offsets %d to %d)", d.File, d.Detail, d.First, d.Next-1))
	}
	return said
}

func (l *rosedbLog) walk(visit func(value []byte)) error {
	reader := l.log.NewReader()
	for {
		record, _, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		visit(record)
	}
}

func (l *etcdLog) walk(visit func(value []byte)) error {
	log, err := wal.OpenForRead(zap.NewNop(), l.dir, &walpb.Snapshot{})
	if err != nil {
		return err
	}
	defer log.Close()
	_, _, entries, err := log.ReadAll()
	for _, entry := range entries {
		visit(entry.Data)
	}
	return err
}

// walk takes the records out of the queue.
func (l *diskQueueLog) walk(visit func(value []byte)) error {
	ctx, cancel := context.WithTimeout(context.Background(), walkLimit)
	defer cancel()
	for l.queue.Depth() > 0 {
		select {
		case record := <-l.queue.ReadChan():
			visit(record)
		case <-ctx.Done():
			return nil // it counts records that it does not give, and says nothing of them
		}
	}
	return nil
}

func (l *kfakeLog) walk(visit func(value []byte)) error {
	info := l.cluster.PartitionInfo(kfakeTopic, 0)
	client, err := l.newClient(kgo.ConsumeTopics(kfakeTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), walkLimit)
	defer cancel()
	for next := info.LogStartOffset; next < info.HighWatermark && ctx.Err() == nil; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil && ctx.Err() == nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) {
			next = record.Offset + 1
			visit(record.Value)
		})
	}
	return nil
}
