package main

import (
	"context"
	"fmt"
	"sync"

	kafka "github.com/dot-do/kafka-embedded"
)

// runClientPartitions opens the partitions of one topic by sending a record to each.
func runClientPartitions(r *Run) error {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return err
	}
	ctx, record := context.Background(), makeRecords()[0]
	if err := log.producer.Send(ctx, kafka.Message{Value: record}); err != nil {
		return err
	}
	const topic = "wide"
	config, producer := kafka.TopicConfig{Partitions: r.Sizes.Idle}, log.producerOf(topic)
	err = r.held(r.Sizes.Idle, heapAndStacks, func(i int) error {
		if i == 0 {
			if err := log.Admin().CreateTopic(ctx, topic, config); err != nil {
				return err
			}
		}
		_, err := producer.SendTo(ctx, i, kafka.Message{Value: record})
		return err
	})
	if err != nil {
		return err
	}
	return log.Close()
}

func clientConsumers(r *Run) (waiting, error) {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return waiting{}, err
	}
	if err := log.Append(makeRecords()[:1]); err != nil {
		return waiting{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	return waiting{
		add: func(i int) error {
			consumer := log.Consumer(clientTopic, fmt.Sprintf("group-%d", i), kafka.WithRawValues())
			read := make(chan struct{})
			loops.Go(func() {
				for range consumer.Messages(ctx) {
					close(read)
				}
			})
			<-read
			return nil
		},
		close: func() error {
			cancel()
			loops.Wait()
			return log.Close()
		},
	}, nil
}
