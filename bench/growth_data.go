package main

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// dataCurve is about how much is in the log.
func dataCurve() Curve {
	return Curve{
		Name: "data", Title: "How much is in the log", Grows: "MiB",
		Lines: []Line{
			{"append, batches of 1000", "ns/record"},
			{"read one at random", "ns/record"},
			{"open after a clean close", "ms"},
			{"open after the writer was killed", "ms"},
		},
		At: func(g GrowthSizes) []int64 {
			all := g.sizes([]int64{4, 16, 64}, []int64{100, 1024, 10 * 1024, 100 * 1024})
			return slices.DeleteFunc(all, func(mib int64) bool { return mib > g.MaxMiB })
		},
		Measure: measureData,
	}
}

// measureData has a process write the log and kills it. What it has left is opened, read, closed and opened again.
func measureData(g growing) ([]float64, error) {
	took, err := killWhenReady(Task{Curve: "data", Growing: g, Endless: true}, growthLimit, 8)
	if err != nil {
		return nil, err
	}
	records := g.dataRecords()
	appended := float64(binary.BigEndian.Uint64(took)) / float64(records)
	log, killed, err := g.open()
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	read, err := g.timed(1, unlimited, func(int) func() error {
		return func() error {
			_, err := log.Read(random.Int64N(records))
			return err
		}
	})
	if err = errors.Join(err, log.Close()); err != nil {
		return nil, err
	}
	log, clean, err := g.open()
	if err != nil {
		return nil, err
	}
	return []float64{appended, read, milliseconds(clean), milliseconds(killed)}, log.Close()
}

func (g growing) dataRecords() int64 { return g.At << 20 / recordBytes / batchSize * batchSize }

// appendUntilKilled appends as much as was asked for, prints how many nanoseconds that took, and goes on.
func (g growing) appendUntilKilled(ready io.Writer) error {
	log, _, err := g.open()
	if err != nil {
		return err
	}
	records, enough, began := makeRecords(), g.dataRecords(), clock.Real.Now()
	for n := int64(0); n < 2*enough; n += batchSize {
		if n == enough {
			took := uint64(clock.Real.Now().Sub(began).Nanoseconds())
			if _, err := ready.Write(binary.BigEndian.AppendUint64([]byte{readyByte}, took)); err != nil {
				return err
			}
		}
		if err := log.Append(records); err != nil {
			return err
		}
	}
	return errors.New("nobody killed the writer")
}

// open opens the client's log, for sends that reach the operating system, and tells how long that took.
func (g growing) open() (*clientLog, time.Duration, error) {
	began := clock.Real.Now()
	log, err := openClient(g.Dir, System)
	return log, clock.Real.Now().Sub(began), err
}

// timed is the nanoseconds of an operation that some goroutines repeat until the budget is used up, or each of them has
// done it limit times, once they have all done it for the first time.
func (g growing) timed(goroutines int, limit int64, worker func(i int) func() error) (float64, error) {
	ops := make([]func() error, goroutines)
	for i := range ops {
		ops[i] = worker(i)
	}
	op := func(i int) func() error { return ops[i] }
	if _, err := repeat(goroutines, g.Budget, 1, op); err != nil {
		return 0, err
	}
	began := clock.Real.Now()
	n, err := repeat(goroutines, g.Budget, limit, op)
	return each(clock.Real.Now().Sub(began), n), err
}

// each is the nanoseconds that one of n took.
func each(took time.Duration, n int64) float64 {
	return float64(took.Nanoseconds()) / float64(max(n, 1))
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
