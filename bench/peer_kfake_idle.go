package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// runKfakePartitions makes a cluster of so many partitions and sends a record to each; what the cluster and the client
// hold besides is in the figure.
func runKfakePartitions(r *Run) error {
	var log *kfakeLog
	ctx, record := context.Background(), makeRecords()[0]
	const topic = "wide"
	err := r.held(r.Sizes.Idle, heapAndStacks, func(i int) error {
		if i == 0 {
			cluster, err := newKfake(r.Dir, r.Level, kfake.SeedTopics(int32(r.Sizes.Idle), topic))
			if err != nil {
				return err
			}
			log = &kfakeLog{cluster: cluster}
			if log.client, err = log.newClient(kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
				return err
			}
		}
		return log.client.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: int32(i), Value: record}).FirstErr()
	})
	if err != nil {
		return err
	}
	return log.Close()
}
