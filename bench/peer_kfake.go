package main

import (
	"context"
	"io"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kfakeCluster: franz-go's fake of a Kafka cluster with a data directory, and its client on a loopback socket.
var kfakeCluster = Contender{
	Name: "kfake", Module: "github.com/twmb/franz-go/pkg/kfake",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openKfake,
}

const kfakeTopic = "records"

type kfakeLog struct {
	cluster *kfake.Cluster
	client  *kgo.Client
	end     int64
}

func openKfake(dir string, o OpenOptions) (Log, error) {
	cluster, err := newKfake(dir, o.Level, kfake.SeedTopics(1, kfakeTopic))
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic(kfakeTopic),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0), kgo.RequiredAcks(kgo.AllISRAcks()),
	)
	return &kfakeLog{cluster: cluster, client: client}, err
}

func newKfake(dir string, level Level, options ...kfake.Opt) (*kfake.Cluster, error) {
	options = append(options, kfake.NumBrokers(1), kfake.DataDir(dir),
		kfake.WithLogger(kfake.BasicLogger(io.Discard, kfake.LogLevelNone)))
	if level == Fsync {
		options = append(options, kfake.SyncWrites())
	}
	return kfake.NewCluster(options...)
}

func (l *kfakeLog) Append(records [][]byte) error {
	batch := make([]*kgo.Record, len(records))
	for i, record := range records {
		batch[i] = &kgo.Record{Value: record}
	}
	return l.client.ProduceSync(context.Background(), batch...).FirstErr()
}

func (l *kfakeLog) ReadAll() (records, bytes int64, err error) {
	info := l.cluster.PartitionInfo(kfakeTopic, 0)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(l.cluster.ListenAddrs()...), kgo.ConsumeTopics(kfakeTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	for records < info.HighWatermark {
		fetches := client.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			return records, bytes, err
		}
		fetches.EachRecord(func(record *kgo.Record) {
			records++
			bytes += int64(len(record.Value))
		})
	}
	return records, bytes, nil
}

func (l *kfakeLog) Read(int64) ([]byte, error) { return nil, errUnsupported }

func (l *kfakeLog) Close() error {
	l.client.Close()
	l.cluster.Close()
	return nil
}
