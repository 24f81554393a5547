package log

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// replayProducers restores the state of producer ids, and with it the last stable offset: from a snapshot and the
// batches behind it. What behind the watermark aborts a transaction is entered into the index again.
func (r *recovery) replayProducers() error {
	end := r.end.Load()
	if !r.usesProducers() {
		r.stable.Store(end)
		return nil
	}
	if err := r.dropFutureSnapshots(end); err != nil {
		return err
	}
	// A snapshot behind the first batch to be entered would hide it.
	from := end
	for _, s := range r.list[r.sealed:] {
		from = min(from, r.known[s])
	}
	ps, from, err := r.loadSnapshot(from)
	if err != nil {
		return err
	}
	r.producers = ps
	r.producers.used = true
	err = r.eachBatch(from, end, func(s *segment.Segment, b record.Batch) {
		t, aborted := r.producers.apply(b, s.Sealed().MaxAppend)
		if known, rest := r.known[s]; aborted && rest && b.BaseOffset() >= known {
			s.NoteAborted(t)
		}
	}, r.damagedAt)
	if err != nil {
		return err
	}
	r.stable.Store(r.producers.lastStable(end))
	return r.checkAborted()
}

// usesProducers reports whether a producer id has ever occurred. The watermark may be older than the manifest.
func (r *recovery) usesProducers() bool {
	return !r.hasMark || r.mark.producers ||
		slices.ContainsFunc(r.list, func(s *segment.Segment) bool { return s.Sealed().Producers })
}

// checkAborted rebuilds the indexes of aborted transactions that will be appended to and are not what was recorded;
// those of sealed segments are checked when they are first used.
func (r *recovery) checkAborted() error {
	for _, s := range r.list[r.sealed:] {
		ok, err := s.CheckAborted()
		if err == nil && !ok {
			err = r.rebuildAborted(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// damagedAt reports damage below the watermark that came to light while something else was looked for.
func (r *recovery) damagedAt(s *segment.Segment, bad *segment.Invalid, next int64) {
	r.damaged(segment.Name(s.Base())+segment.LogExt, fmt.Sprintf("at %d: %s", bad.Position, bad.Reason),
		max(bad.Expected, s.Base()), next)
}

// eachBatch calls fn with every batch with a producer id in [from, upTo), in order. Where there is damage it calls damaged
// and goes on behind it; checksums are compared, since one bit makes a marker one of another transaction, or none: then a
// transaction that is committed would be aborted. It fails with errDropped when retention or a compaction removes a
// segment meanwhile.
func (l *Log) eachBatch(
	from, upTo int64, fn func(*segment.Segment, record.Batch), damaged func(s *segment.Segment, bad *segment.Invalid, next int64),
) error {
	for _, s := range *l.segments.Load() {
		if s.Next() <= from || s.Base() >= upTo {
			continue
		}
		if !s.Acquire() {
			return errDropped
		}
		err := l.eachIn(s, from, upTo, fn, damaged)
		_ = s.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) eachIn(
	s *segment.Segment, from, upTo int64, fn func(*segment.Segment, record.Batch),
	damaged func(s *segment.Segment, bad *segment.Invalid, next int64),
) error {
	sc, err := s.ScannerAt(from)
	if c := new(engine.CorruptionError); errors.As(err, &c) { // nothing in the file can be trusted
		damaged(s, &segment.Invalid{Position: c.Position, Expected: s.Base(), Reason: c.Reason}, s.Next())
		return nil
	}
	if err != nil {
		return err
	}
	for {
		b, err := sc.Scan()
		var bad *segment.Invalid
		if errors.As(err, &bad) {
			if sc = s.ScannerBehind(bad); sc == nil {
				damaged(s, bad, s.Next())
				return nil
			}
			damaged(s, bad, sc.Next)
			continue
		}
		if errors.Is(err, io.EOF) || err == nil && b.BaseOffset() >= upTo {
			return nil
		}
		if err != nil {
			return err
		}
		if b.LastOffset() >= from && b.ProducerID() >= 0 {
			fn(s, b)
		}
	}
}

// Aborted lists the aborted transactions with records in [from, upTo), by their first offsets.
func (l *Log) Aborted(from, upTo int64) ([]index.AbortedTxn, error) {
	for {
		all, err := l.abortedNow(from, upTo)
		if err == nil {
			slices.SortFunc(all, func(a, b index.AbortedTxn) int { return cmp.Compare(a.First, b.First) })
			return all, nil
		}
		if !errors.Is(err, errDropped) {
			return nil, l.ioError(err, "reading the aborted-transaction index")
		}
		if err := l.gone(); err != nil {
			return nil, err
		}
	}
}

// abortedNow fails with errDropped when a segment was removed or replaced meanwhile: its successor must be asked.
func (l *Log) abortedNow(from, upTo int64) (all []index.AbortedTxn, err error) {
	for _, s := range *l.segments.Load() {
		if s.Next() <= from {
			continue
		}
		if !s.Acquire() {
			return nil, errDropped
		}
		var complete bool
		all, complete, err = l.abortedIn(s, all, from, upTo)
		_ = s.Release()
		if err != nil || complete {
			return all, err
		}
	}
	return all, nil
}

func (l *Log) abortedIn(s *segment.Segment, dst []index.AbortedTxn, from, upTo int64) ([]index.AbortedTxn, bool, error) {
	n := len(dst)
	dst, complete, err := s.Aborted(dst, from, upTo)
	if errors.Is(err, index.ErrMismatch) {
		if err = l.rebuildAborted(s); err == nil {
			dst, complete, err = s.Aborted(dst[:n], from, upTo)
		}
	}
	return dst, complete, err
}

// gone returns why a segment of the list cannot be read: ErrClosed, or nil when it was only removed from the list.
func (l *Log) gone() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.errorf(engine.ErrClosed, "the partition is closed")
	}
	return nil
}

// rebuildAborted makes the index of aborted transactions of a segment anew, from the log. A transaction may have begun
// before the segment; what has been deleted of the log since cannot be known any more, and then no entry claims that
// later segments need not be asked. No compaction replaces segments meanwhile; when one has just replaced s it fails with
// errDropped.
func (l *Log) rebuildAborted(s *segment.Segment) error {
	l.rebuilding.Lock()
	defer l.rebuilding.Unlock()
	if !slices.Contains(*l.segments.Load(), s) {
		return errDropped
	}
	if ok, err := s.RecheckAborted(); ok || err != nil {
		return err // somebody else has just done it
	}
	ps, from, err := l.loadSnapshot(s.Base())
	if err != nil {
		return err
	}
	whole := ps.saved >= 0 || from == 0
	var ts []index.AbortedTxn
	note := func(in *segment.Segment, b record.Batch) {
		t, aborted := ps.apply(b, 0)
		if !aborted || in != s {
			return
		}
		if !whole {
			t.LastStable = math.MinInt64
		}
		ts = append(ts, t)
	}
	err = l.eachBatch(from, s.Next(), note, func(*segment.Segment, *segment.Invalid, int64) { whole = false })
	if err == nil {
		s.ReplaceAborted(ts)
	}
	return err
}
