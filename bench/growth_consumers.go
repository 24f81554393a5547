package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// consumersCurve is about how many consumers read one partition, each in a group of its own.
func consumersCurve() Curve {
	return Curve{
		Name: "consumers", Title: "How many consumers there are, each in a group of its own", Grows: "consumers",
		Lines: []Line{
			{"a record for one of them, all reading", "ns/record"},
			{"the same with a commit of it", "ns/record"},
			{"heap and stacks of one, waiting", "B each"},
			{"heap and stacks of one, reading", "B each"},
			{"goroutines of one, its caller's included", "goroutines each"},
		},
		At: func(g GrowthSizes) []int64 {
			return g.sizes([]int64{1, 10, 100}, []int64{1, 10, 100, 1000})
		},
		Measure: measureConsumers,
	}
}

// fan is consumers that read the same records. Each tells when it has read the first one, half of the next batch of
// them, where it stops until resume is closed, the other half, and a last batch, each record of which it commits.
type fan struct {
	log      *clientLog
	count    int64
	read     int64 // records to read, beside the first
	commit   int64 // and to read and commit
	reached  chan error
	resume   chan struct{}
	consumes sync.WaitGroup
}

func measureConsumers(g growing) ([]float64, error) {
	log, _, err := g.open()
	if err != nil {
		return nil, err
	}
	total := int64(g.Budget / (5 * time.Microsecond)) // for all of them together
	f := &fan{
		log: log, count: g.At, read: max(total/g.At, 20), commit: max(total/g.At/10, 10),
		reached: make(chan error, g.At), resume: make(chan struct{}),
	}
	if err := f.send(1); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	values, err := f.measure(ctx)
	cancel()
	f.consumes.Wait()
	return values, errors.Join(err, log.Close())
}

func (f *fan) measure(ctx context.Context) ([]float64, error) {
	heap, running := heapAndStacks(), goroutines()
	for i := range f.count { // one after the other, as a program starts them
		f.consumes.Go(func() { f.consume(ctx, i) })
		if err := <-f.reached; err != nil {
			return nil, err
		}
	}
	idle := (heapAndStacks() - heap) / float64(f.count)
	running = (goroutines() - running) / float64(f.count)

	first, err := f.lap(func() error { return f.send(f.read) })
	if err != nil {
		return nil, err
	}
	active := (heapAndStacks() - heap) / float64(f.count)
	second, err := f.lap(func() error { close(f.resume); return nil })
	if err != nil {
		return nil, err
	}
	committed, err := f.lap(func() error { return f.send(f.commit) })
	return []float64{
		each(first+second, f.count*f.read), each(committed, f.count*f.commit), max(idle, 0), max(active, 0), running,
	}, err
}

// lap is how long it takes from start until every consumer has reached its next mark.
func (f *fan) lap(start func() error) (time.Duration, error) {
	began := clock.Real.Now()
	err := start()
	for range f.count {
		if err != nil {
			return 0, err
		}
		err = <-f.reached
	}
	return clock.Real.Now().Sub(began), err
}

func (f *fan) consume(ctx context.Context, i int64) {
	consumer := f.log.Consumer(clientTopic, fmt.Sprintf("group-%d", i), kafka.WithRawValues())
	marks := []int64{1, 1 + f.read/2, 1 + f.read, 1 + f.read + f.commit}
	var n int64
	for m := range consumer.Messages(ctx) {
		if n++; n > 1+f.read {
			if err := m.Commit(ctx); err != nil {
				f.reached <- err
				return
			}
		}
		if slices.Contains(marks, n) {
			f.reached <- nil
		}
		if n == marks[1] {
			select {
			case <-f.resume:
			case <-ctx.Done():
			}
		}
	}
	if err := consumer.Err(); err != nil {
		f.reached <- err
	}
}

// send appends so many records in batches.
func (f *fan) send(records int64) error {
	batch := makeRecords()
	for records > 0 {
		n := min(records, batchSize)
		if err := f.log.Append(batch[:n]); err != nil {
			return err
		}
		records -= n
	}
	return nil
}
