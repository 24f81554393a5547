package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

const (
	pollRecords = 1000
	// A partition with this many records in memory is not read until it has half of them.
	mostBuffered = 4000
	// glance bounds a poll whose only purpose is to find out whether there is more. It is real time, since it stands for
	// no delay that anyone could observe on the topology's clock.
	glance = 5 * time.Millisecond
	// regroup bounds how long a member sleeps without looking whether it was given partitions.
	regroup = time.Second
	// stretch is how many records are processed between two looks at context and clock.
	stretch = 128
)

var (
	// errStop ends a run without an error.
	errStop = errors.New("stopped")
	// errReplan makes a run begin again: a topic has more partitions than it had.
	errReplan = errors.New("a topic has more partitions")
)

// Run runs the topology until ctx ends, which is no error, or, with [WithUntilEnd], everything is processed. It shares
// the work with other runs of the same application: see the package's documentation.
func (t *Topology) Run(ctx context.Context) error {
	for {
		cause, err := t.run(ctx)
		switch {
		case err != nil:
			return errors.Join(cause, err)
		case errors.Is(cause, errReplan):
			continue
		case errors.Is(cause, errStop), ctx.Err() != nil && errors.Is(cause, ctx.Err()):
			return nil
		}
		return cause
	}
}

// run returns why the run has ended, and what went wrong after that.
func (t *Topology) run(ctx context.Context) (cause, err error) {
	i, err := newInstance(ctx, t)
	if err != nil {
		return err, nil
	}
	if cause = i.open(ctx); cause == nil {
		cause = i.loop(ctx)
	}
	return cause, i.close(ctx, cause)
}

// loop processes records until the run is over.
func (i *instance) loop(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return nil
		}
		now := i.env.Clock.Now()
		worked, err := i.work(now)
		if err != nil {
			return err
		}
		if !worked || now.Sub(i.polled) >= regroup/2 {
			if over, err := i.end(ctx); over || err != nil {
				return err
			}
			if err := i.poll(ctx); err != nil {
				return err
			}
			now = i.env.Clock.Now()
		}
		if err := i.tick(ctx, now); err != nil {
			return err
		}
	}
}

// work processes some records of each task.
func (i *instance) work(now time.Time) (worked bool, err error) {
	for _, r := range i.tasks {
		did, err := r.work(now, i.consumer)
		if worked = worked || did; err != nil {
			return worked, err
		}
	}
	return worked, nil
}

// tick lets time go on, and commits where it is time to.
func (i *instance) tick(ctx context.Context, now time.Time) error {
	for _, r := range slices.Clone(i.tasks) {
		before := r.closings
		if err := r.tick(now); err != nil {
			r.torn = true
			return err
		}
		r.dirty = r.dirty || r.closings != before
		if err := i.settle(r, r.maybeCommit(ctx, now)); err != nil {
			return err
		}
	}
	return nil
}

// settle judges the error of a commit. A task that another instance has taken is given up.
func (i *instance) settle(r *runner, err error) error {
	if err == nil || !moved(err) {
		return err
	}
	i.env.Logger.Warn("task begins anew, or was taken over", "application", i.id, "task", r.id, "err", err)
	i.assigned = nil // and comes back, if it is still this instance's
	return i.drop(r)
}

// poll reads records, and waits for them if there is nothing else to do.
func (i *instance) poll(ctx context.Context) error {
	polling, stop := i.patient(ctx)
	fetches, err := i.consumer.Poll(polling, pollRecords)
	ended := polling.Err() != nil
	stop()
	i.polled = i.env.Clock.Now()
	if i.failed != nil {
		return i.failed
	}
	if err != nil && !(ended && len(fetches) == 0) {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	sought, err := i.assign(ctx, fetches)
	if err != nil {
		return err
	}
	for _, f := range fetches {
		if !sought[f.TopicPartition] {
			i.take(f)
		}
	}
	if len(fetches) == 0 {
		return i.caughtUp()
	}
	return nil
}

// patient is the context of a poll: it ends when something else is to be done.
func (i *instance) patient(ctx context.Context) (context.Context, func()) {
	polling, cancel := context.WithCancel(ctx)
	timers := make([]clock.Timer, 0, 2)
	stop := func() {
		for _, t := range timers {
			t.Stop()
		}
		cancel()
	}
	if d, ok := i.hurry(); ok {
		timers = append(timers, clock.Real.AfterFunc(d, cancel))
	}
	if d, ok := i.patience(); ok {
		timers = append(timers, i.env.Clock.AfterFunc(max(d, 1), cancel))
	}
	return polling, stop
}

// hurry is how long a poll may take at most, in real time.
func (i *instance) hurry() (time.Duration, bool) {
	if i.assigned == nil || i.config.untilEnd {
		return glance, true
	}
	for _, r := range i.tasks {
		if r.behind() != nil || r.head() != nil {
			return glance, true
		}
	}
	return regroup, i.id != ""
}

// patience is for how long nothing can happen in the tasks without a record.
func (i *instance) patience() (least time.Duration, bounded bool) {
	within := func(d time.Duration) {
		if !bounded || d < least {
			least, bounded = d, true
		}
	}
	for _, r := range i.tasks {
		if d, ok := r.patience(); ok {
			within(d)
		}
		if r.ledger != nil && r.dirty {
			within(i.config.commitInterval)
		}
	}
	return least, bounded
}

// take keeps what was read.
func (i *instance) take(f engine.Fetch) {
	for _, r := range i.tasks {
		in := r.byPartition[f.TopicPartition]
		if in == nil {
			continue
		}
		if in.take(f); len(in.buffer) >= mostBuffered && !in.paused {
			in.paused = true
			i.consumer.Pause(in.tp)
		}
		in.finished()
	}
}

// caughtUp asks where partitions without records stand: there may be nothing but markers before their end. That a poll
// returned nothing does not say so, it may have been too short.
func (i *instance) caughtUp() error {
	for _, r := range i.tasks {
		for _, in := range r.inputs {
			if len(in.buffer) > 0 || in.read >= in.end {
				continue
			}
			next, err := i.consumer.Position(in.tp)
			if errors.Is(err, engine.ErrInvalidArgument) {
				continue // it was given up
			}
			if err != nil {
				return err
			}
			in.read = max(in.read, min(next, in.end))
			in.finished()
		}
	}
	return nil
}
