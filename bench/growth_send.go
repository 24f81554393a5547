package main

import (
	"context"
	"math/rand/v2"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// recordSizeCurve is about how long a record's value is.
func recordSizeCurve() Curve {
	lines := []string{"send one, to the operating system", "batches of at most 1000 and 1 MiB", "read all, raw records"}
	c := Curve{
		Name: "record-size", Title: "How long a record is", Grows: "bytes of a value",
		At: func(g GrowthSizes) []int64 {
			return g.sizes([]int64{10, 1000, 100_000}, []int64{10, 100, 1 << 10, 10 << 10, 100 << 10, 1 << 20})
		},
		Measure: measureRecordSize,
	}
	for _, unit := range []string{"ns/record", "MB/s"} {
		for _, name := range lines {
			c.Lines = append(c.Lines, Line{name, unit})
		}
	}
	return c
}

func measureRecordSize(g growing) ([]float64, error) {
	const single, maxMessage, most = "single", 2 << 20, 256 << 20
	log, _, err := g.open()
	if err != nil {
		return nil, err
	}
	for _, topic := range []string{single, clientTopic} {
		if err := log.createRaw(topic, 1, maxMessage); err != nil {
			return nil, err
		}
	}
	value := make([]byte, g.At)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(value) // documented never to fail
	batch := make([][]byte, min(max(1<<20/g.At, 1), batchSize))
	for i := range batch {
		batch[i] = value
	}
	ctx, producer := context.Background(), log.producerOf(single)
	sent, err := g.timed(1, most/g.At, func(int) func() error {
		return func() error { return producer.Send(ctx, kafka.Message{Value: value}) }
	})
	if err != nil {
		return nil, err
	}
	batched, err := g.timed(1, most/g.At/int64(len(batch)), func(int) func() error {
		return func() error { return log.Append(batch) }
	})
	if err != nil {
		return nil, err
	}
	began := clock.Real.Now()
	records, _, err := log.ReadAll()
	if err != nil {
		return nil, err
	}
	times := []float64{sent, batched / float64(len(batch)), each(clock.Real.Now().Sub(began), records)}
	values := times
	for _, ns := range times {
		values = append(values, float64(g.At)*1e3/ns)
	}
	return values, log.Close()
}

// goroutinesCurve is about how many goroutines send at once.
func goroutinesCurve() Curve {
	return Curve{
		Name: "goroutines", Title: "How many goroutines send at once", Grows: "goroutines",
		Lines: []Line{{"send one, to the operating system", "ns/record"}, {"send one, fsynced", "ns/record"}},
		At: func(g GrowthSizes) []int64 {
			return g.sizes([]int64{1, 8, 64}, []int64{1, 2, 8, 64, 1000})
		},
		Measure: func(g growing) ([]float64, error) {
			log, _, err := g.open()
			if err != nil {
				return nil, err
			}
			ctx, record := context.Background(), kafka.Message{Value: makeRecords()[0]}
			var values []float64
			for _, acks := range []kafka.Acks{kafka.AcksLeader, kafka.AcksAll} {
				producer := log.Producer(clientTopic, kafka.WithAcks(acks))
				send := func() error { return producer.Send(ctx, record) }
				ns, err := g.timed(int(g.At), unlimited, func(int) func() error { return send })
				if err != nil {
					return nil, err
				}
				values = append(values, ns)
			}
			return values, log.Close()
		},
	}
}
