package txn

import (
	"errors"
	"math"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// Commit makes the records visible and the offsets committed, all of them, durably. After an error none ever is, except
// when the error says that the outcome is unknown: then the journal's fsync failed, and the next opening decides. A
// transaction into which nothing was put writes nothing.
func (t *Txn) Commit() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		return t.ended
	}
	if t.failed == nil && len(t.parts) == 0 && len(t.offsets) == 0 {
		t.end()
		return nil
	}
	if err := t.prepare(); err != nil {
		t.abort()
		return aborted(err)
	}
	t.c.commit(t)
	switch d := t.decided; t.outcome {
	case Refused:
		t.abort()
		return aborted(t.err)
	case Unknown:
		t.c.add(&ending{id: t.id, decision: d, unknown: true, parts: t.touched(), release: t.id.next()})
		t.end()
		return engine.Errorf(engine.ErrIO, "the outcome of the transaction is unknown: %w; "+
			"it stays open until the journal works again, at the latest when the client is opened anew", t.err)
	default:
		t.c.finish(&ending{id: t.id, commit: true, decision: d, parts: t.touched(), release: t.id.next()})
	}
	t.end()
	return nil
}

// prepare writes what has not been written. The caller holds mu.
func (t *Txn) prepare() error {
	if t.failed != nil {
		return t.failed
	}
	if err := t.flushAll(); err != nil {
		return err
	}
	if t.id != noID {
		return nil
	}
	id, err := t.c.take() // only offsets are committed
	if err == nil {
		t.id = id
	}
	return err
}

// aborted puts first what became of the transaction: the cause may be an error that speaks of its own outcome.
func aborted(err error) error {
	code := engine.ErrIO
	var e *engine.Error
	if errors.As(err, &e) {
		code = e.Code
	}
	dressed := engine.Errorf(code, "the transaction was aborted: %w", err)
	if e != nil {
		dressed = dressed.At(e.Topic, e.Partition)
		dressed.Retriable = e.Retriable
	}
	return dressed
}

// Abort makes sure that nothing of the transaction is ever visible to readers of committed records. Of one that has ended
// it is no error.
func (t *Txn) Abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended == nil {
		t.abort()
	}
}

// kill aborts the transaction, if it is open, on behalf of somebody else.
func (t *Txn) kill(reason *engine.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended == nil {
		t.abort()
		t.ended = reason
	}
}

// abort ends the transaction without a trace for readers of committed records. The caller holds mu.
func (t *Txn) abort() {
	switch {
	case t.written:
		t.c.finish(&ending{id: t.id, parts: t.touched(), release: t.id.next()})
	case t.id != noID:
		t.c.mu.Lock()
		t.c.giveBack(t.id) // its epoch was not used
		t.c.mu.Unlock()
	}
	t.end()
}

// touched are the partitions that need a marker. One whose first append failed does not: nothing is there, or it takes no
// more appends until it is opened again, which aborts what it finds.
func (t *Txn) touched() (parts []Partition) {
	for _, p := range t.parts {
		if p.next > 0 {
			parts = append(parts, p.Partition)
		}
	}
	return parts
}

// end lets go of everything. The caller holds mu.
func (t *Txn) end() {
	for _, p := range t.parts {
		t.drop(p)
	}
	t.parts, t.offsets = nil, nil
	t.timer.Stop()
	t.ended = errClosed("the transaction has ended; begin another")
	t.c.over(t)
}

// marker makes the batch that ends a transaction. Its epoch is the next one, so that the log refuses what comes late; only
// a log of another program may hold the very last.
func (id ID) marker(commit bool, nowMs int64) record.Batch {
	epoch := id.Epoch
	if epoch < math.MaxInt16 {
		epoch++
	}
	return record.EndTxnMarker(commit, id.Producer, epoch, 0, nowMs)
}
