package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// taskID names a task of an application: the sub-topology that it runs, and the partition of its inputs.
type taskID struct {
	sub       int
	partition int32
}

func (id taskID) String() string { return fmt.Sprintf("%d-%d", id.sub, id.partition) }

// progress is the store with the stream time of the sub-topology's tasks. Those of others are not in it: a transaction
// of theirs could keep its end from being read.
func (id taskID) progress() string { return fmt.Sprintf("progress-%d", id.sub) }

// runner runs a task over the engine.
type runner struct {
	*Task
	id        taskID
	ledger    *ledger // nil when nothing is stored
	committed time.Time
	purged    time.Time
	dirty     bool // something was processed since the last commit
	finished  bool // everything was processed and closed, with [WithUntilEnd]
	torn      bool // a record was processed in part
}

// behind is an input that is known to have records none of which is in memory: which record is the next cannot be told
// before one of them is.
func (r *runner) behind() *input {
	for _, in := range r.inputs {
		if len(in.buffer) == 0 && in.read < in.end {
			return in
		}
	}
	return nil
}

// head is the input whose next record has the smallest timestamp.
func (r *runner) head() (least *input) {
	for _, in := range r.inputs {
		if len(in.buffer) > 0 && (least == nil || in.buffer[0].Timestamp < least.buffer[0].Timestamp) {
			least = in
		}
	}
	return least
}

// work processes some records, the one with the smallest timestamp first, and reports whether there were any. Inputs of
// which enough was processed are read again.
func (r *runner) work(now time.Time, consumer engine.Consumer) (bool, error) {
	if r.behind() != nil {
		return false, nil
	}
	for n := range stretch {
		in := r.head()
		if in == nil {
			return n > 0, nil
		}
		if err := r.one(in, now); err != nil {
			return true, err
		}
		if in.paused && len(in.buffer) < mostBuffered/2 {
			in.paused = false
			consumer.Resume(in.tp)
		}
		if len(in.buffer) == 0 {
			if in.finished(); in.read < in.end {
				return true, nil
			}
		}
	}
	return true, nil
}

// one processes the next record of an input. When the one who loops over the results wants no more, the record counts as
// not processed, if it has left no trace in state and outputs.
func (r *runner) one(in *input, now time.Time) error {
	r.dirty = true
	for i := range in.lanes {
		in.lanes[i].since = now
	}
	before, pending := in.buffer, r.pending
	in.buffer = before[1:]
	err := r.process(in, &before[0])
	if err != nil && errors.Is(err, errStop) {
		in.buffer, in.next = before, before[0].Offset
		r.torn = len(r.operators) > 0 || r.pending != pending
	}
	return err
}

// maybeCommit commits when it is time to, or when much has gathered.
func (r *runner) maybeCommit(ctx context.Context, now time.Time) error {
	if r.ledger == nil || !r.dirty {
		return nil
	}
	if now.Sub(r.committed) < r.config.commitInterval {
		if r.pending < mostPending {
			return nil
		}
		return r.ledger.write(ctx, r.Task)
	}
	return r.commit(ctx)
}

// commit stores what was processed since the last commit.
func (r *runner) commit(ctx context.Context) error {
	if r.ledger == nil || !r.dirty {
		return nil
	}
	r.dirty, r.committed = false, r.env.Clock.Now()
	if err := r.ledger.commit(ctx, r.Task); err != nil {
		return err
	}
	if r.committed.Sub(r.purged) >= purgeEvery {
		r.purged = r.committed
		r.ledger.purge(ctx, r.Task)
	}
	return nil
}

// close gives the task up; what was begun since the last commit is done again by whoever has it next.
func (r *runner) close(ctx context.Context, kept bool) error {
	r.hide(kept)
	if r.ledger == nil {
		return nil
	}
	return r.ledger.close(ctx)
}

// moved reports whether an error says that another instance has the task now, or may have, or that the task's producer is
// no longer where the topic's partitions think it is, as may be on a cluster. Either way whoever has the task begins anew
// at the last commit, with a producer of its own.
func moved(err error) bool {
	return errors.Is(err, engine.ErrFenced) || errors.Is(err, engine.ErrRebalanceInProgress) ||
		errors.Is(err, engine.ErrOutOfOrderSequence)
}
