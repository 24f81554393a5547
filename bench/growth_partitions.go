package main

import (
	"context"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// partitionsCurve is about how many partitions a topic has.
func partitionsCurve() Curve {
	return Curve{
		Name: "partitions", Title: "How many partitions there are", Grows: "partitions",
		Lines: []Line{
			{"send one, spread over all", "ns/record"},
			{"heap and stacks of one, idle", "B each"},
			{"create, and a record to each", "ms"},
			{"open after a clean close", "ms"},
		},
		At: func(g GrowthSizes) []int64 {
			return g.sizes([]int64{1, 10, 100}, []int64{1, 10, 100, 1000, 10_000})
		},
		Measure: measurePartitions,
	}
}

func measurePartitions(g growing) ([]float64, error) {
	const topic = "wide"
	log, _, err := g.open()
	if err != nil {
		return nil, err
	}
	ctx, n, record := context.Background(), int(g.At), kafka.Message{Value: makeRecords()[0]}
	producer, at := log.producerOf(topic), 0
	send := func() error {
		_, err := producer.SendTo(ctx, at%n, record)
		at++
		return err
	}
	heap, began := heapAndStacks(), clock.Real.Now()
	if err := log.createRaw(topic, n, 0); err != nil {
		return nil, err
	}
	for range n {
		if err := send(); err != nil {
			return nil, err
		}
	}
	created := clock.Real.Now().Sub(began)
	heap = max(heapAndStacks()-heap, 0) / float64(n)
	sent, err := g.timed(1, unlimited, func(int) func() error { return send })
	if err != nil {
		return nil, err
	}
	if err := log.Close(); err != nil {
		return nil, err
	}
	log, opened, err := g.open()
	if err != nil {
		return nil, err
	}
	return []float64{sent, heap, milliseconds(created), milliseconds(opened)}, log.Close()
}

// createRaw makes a topic of raw values; a maxMessage of 0 is the default.
func (l *clientLog) createRaw(topic string, partitions, maxMessage int) error {
	return l.Admin().CreateTopic(context.Background(), topic, kafka.TopicConfig{
		Partitions: partitions, Codec: kafka.Raw.Name(), MaxMessageBytes: maxMessage,
	})
}
