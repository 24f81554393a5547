package main

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// repeat has each of some goroutines do its operation again and again, until the budget of time is used up, or it has
// done it limit times, or it returns io.EOF. It returns how often it was done by all. worker makes the operation of the
// ith goroutine, before the clock starts.
func repeat(goroutines int, budget time.Duration, limit int64, worker func(i int) (op func() error)) (int64, error) {
	var (
		over  atomic.Bool
		total atomic.Int64
		group sync.WaitGroup
		errs  = make(chan error, goroutines)
	)
	timer := clock.Real.AfterFunc(budget, func() { over.Store(true) })
	defer timer.Stop()
	work := func(op func() error) {
		var done int64
		defer func() { total.Add(done) }()
		for done < limit {
			if err := op(); err != nil {
				errs <- err
				return
			}
			if done++; over.Load() { // not before the first: there is a figure on the slowest machine
				return
			}
		}
	}
	for i := 1; i < goroutines; i++ {
		op := worker(i)
		group.Go(func() { work(op) })
	}
	work(worker(0)) // a single worker is this goroutine, as in a caller's own loop
	group.Wait()
	close(errs)
	for err := range errs {
		if !errors.Is(err, io.EOF) {
			return total.Load(), err
		}
	}
	return total.Load(), nil
}

// unlimited is a limit of [repeat] that is never reached.
const unlimited = 1 << 62

// timed measures an operation that some goroutines repeat. What it does at first, such as opening files, is no part of
// the figure.
func (r *Run) timed(goroutines int, worker func(i int) func() error) error {
	ops := make([]func() error, goroutines)
	for i := range ops {
		ops[i] = worker(i)
	}
	op := func(i int) func() error { return ops[i] }
	if _, err := repeat(goroutines, r.Sizes.Budget/20, unlimited, op); err != nil {
		return err
	}
	r.meter.Start()
	n, err := repeat(goroutines, r.Sizes.Budget, unlimited, op)
	r.meter.Stop(n)
	r.value = r.meter.NsPerRecord()
	if err == nil && n == 0 {
		err = errors.New("nothing was left to do after the first operations")
	}
	return err
}
