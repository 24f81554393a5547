package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/stream"
)

// stateCurve is about how many keys a stream counts.
func stateCurve() Curve {
	return Curve{
		Name: "state", Title: "How many keys a stream counts", Grows: "keys",
		Lines: []Line{
			{"count by key, each key new", "ns/record"},
			{"count by key, each key known", "ns/record"},
			{"restore", "ms"},
			{"heap of a key", "B each"},
		},
		At: func(g GrowthSizes) []int64 {
			return g.sizes([]int64{1000, 10_000}, []int64{1000, 10_000, 100_000, 1_000_000})
		},
		Measure: measureState,
	}
}

// measureState counts each key once, then once more, and then a single record, before which the state is restored.
func measureState(g growing) ([]float64, error) {
	log, _, err := g.open()
	if err != nil {
		return nil, err
	}
	if err := log.createRaw(clientTopic, 1, 0); err != nil {
		return nil, err
	}
	fresh, err := g.count(log, g.At)
	if err != nil {
		return nil, err
	}
	known, err := g.count(log, g.At)
	if err != nil {
		return nil, err
	}
	heap := heapAndStacks()
	restored, err := g.count(log, 1)
	if err != nil {
		return nil, err
	}
	heap = max(restored.heap-heap, 0) / float64(g.At)
	// What comes before the first result is the start: the topics are made, or the state is restored.
	perRecord := func(run counted) float64 { return each(run.took-run.first, g.At-1) }
	return []float64{perRecord(fresh), perRecord(known), milliseconds(restored.first), heap}, log.Close()
}

// counted is one run of the stream.
type counted struct {
	took  time.Duration
	first time.Duration // until the first result
	heap  float64       // live bytes at the last result
}

// count sends a record of each of the first n keys, and runs the stream until it has counted them.
func (g growing) count(log *clientLog, n int64) (run counted, err error) {
	ctx, batch := context.Background(), make([]kafka.Message, 0, batchSize)
	for i := range n {
		batch = append(batch, kafka.Message{Key: "key-" + strconv.FormatInt(i, 10), Value: []byte("1")})
		if len(batch) == batchSize || i == n-1 {
			if err := log.producer.SendBatch(ctx, batch); err != nil {
				return run, err
			}
			batch = batch[:0]
		}
	}
	counts := log.Stream(clientTopic, kafka.WithApplicationID("count"), kafka.WithUntilEnd()).
		GroupBy(func(m *kafka.Message) string { return m.Key }).Count()
	var results int64
	began := clock.Real.Now()
	err = counts.Each(ctx, func(stream.Result[string, int64]) error {
		if results++; results == 1 {
			run.first = clock.Real.Now().Sub(began)
		}
		if results == n && n == 1 {
			run.heap = heapAndStacks()
		}
		return nil
	})
	run.took = clock.Real.Now().Sub(began)
	if err == nil && results != n {
		err = errors.New(fmt.Sprint(results, " results, want ", n))
	}
	return run, err
}
