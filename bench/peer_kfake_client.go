package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

func openKfakeFor(r *Run) (*kfakeLog, error) {
	log, err := openKfake(r.Dir, OpenOptions{Level: r.Level, Batch: 1, Goroutines: 1})
	if err != nil {
		return nil, err
	}
	return log.(*kfakeLog), nil
}

// newClient makes a further client of the cluster.
func (l *kfakeLog) newClient(options ...kgo.Opt) (*kgo.Client, error) {
	options = append(options, kgo.SeedBrokers(l.cluster.ListenAddrs()...), kgo.DefaultProduceTopic(kfakeTopic),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RequiredAcks(kgo.AllISRAcks()))
	return kgo.NewClient(options...)
}

func (l *kfakeLog) newMember() (*kgo.Client, error) {
	return l.newClient(kgo.ConsumerGroup("group"), kgo.ConsumeTopics(kfakeTopic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
}

func runKfakeAsync(r *Run) error {
	log, err := openKfakeFor(r)
	if err != nil {
		return err
	}
	client, err := log.newClient(kgo.ProducerLinger(linger))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx := context.Background()
	var failed atomic.Pointer[error]
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.Store(&err)
		}
	}
	send := func(record []byte) error {
		client.Produce(ctx, &kgo.Record{Value: record}, promise)
		return nil
	}
	flush := func() error {
		err := client.Flush(ctx)
		if first := failed.Load(); first != nil {
			err = errors.Join(err, *first)
		}
		return err
	}
	if err := r.timedAsync(send, flush); err != nil {
		return err
	}
	return log.Close()
}

func kfakeMessenger(r *Run) (messenger, error) {
	log, err := openKfakeFor(r)
	if err != nil {
		return messenger{}, err
	}
	client, err := log.newClient(kgo.ConsumeTopics(kfakeTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return messenger{}, err
	}
	return messenger{
		send: func(record []byte) error { return log.Append([][]byte{record}) },
		listen: func(ctx context.Context, got func()) error {
			for ctx.Err() == nil {
				fetches := client.PollFetches(ctx)
				if err := fetches.Err(); err != nil && ctx.Err() == nil {
					return err
				}
				fetches.EachRecord(func(*kgo.Record) { got() })
			}
			return nil
		},
		close: func() error {
			client.Close()
			return log.Close()
		},
	}, nil
}

func readKfakeGroup(r *Run) (records, bytes int64, err error) {
	log, err := openKfakeFor(r)
	if err != nil {
		return 0, 0, err
	}
	r.meter.Start()
	member, err := log.newMember()
	if err != nil {
		return 0, 0, err
	}
	for records < r.Records {
		fetches := member.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			return records, bytes, err
		}
		fetches.EachRecord(func(record *kgo.Record) {
			records++
			bytes += int64(len(record.Value))
		})
	}
	r.meter.Stop(records) // leaving is not part of it
	member.Close()
	return records, bytes, log.Close()
}

func runKfakeCommits(r *Run) error {
	log, err := openKfakeFor(r)
	if err != nil {
		return err
	}
	if err := log.Append(makeRecords()); err != nil {
		return err
	}
	member, err := log.newMember()
	if err != nil {
		return err
	}
	defer member.Close()
	ctx := context.Background()
	var records []*kgo.Record
	for len(records) < batchSize {
		fetches := member.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		records = append(records, fetches.Records()...)
	}
	at := 0
	err = r.timed(1, func(int) func() error {
		return func() error {
			at = (at + 1) % len(records)
			return member.CommitRecords(ctx, records[at])
		}
	})
	if err != nil {
		return err
	}
	return log.Close()
}
