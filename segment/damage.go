package segment

import (
	"errors"
	"io"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
)

// readAround is Read where a batch is damaged on the way from an index entry to the one that is wanted. It looks
// closer: at the index, at every batch in between, and at where sound batches go on.
func (s *Segment) readAround(q request) ([]byte, error) {
	if err := s.offsets.Recheck(); errors.Is(err, index.ErrMismatch) {
		if err := s.rebuild(); err != nil {
			return nil, err
		}
	}
	place, err := s.lookup(q.from)
	if err != nil {
		return nil, err
	}
	st := s.startAt(place)
	for {
		st.careful = true
		data, err := s.readFrom(st, q)
		var bad *Invalid
		if !errors.As(err, &bad) {
			return data, err
		}
		if bad.Expected < 0 { // the index led right to the damage: which offset begins it, the batches before know
			if place, err = s.lookup(st.last - 1); err != nil {
				return nil, err
			}
			if place.Position >= st.at {
				place = index.Place{Last: -1, Bound: -1}
			}
			st = s.startAt(place)
			continue
		}
		at, next := s.resume(bad)
		if q.from < next {
			return nil, s.corrupt(bad, next)
		}
		st = start{at: at, next: next, last: -1, bound: -1}
	}
}

// corruption is the error for damage that a scan met.
func (s *Segment) corruption(bad *Invalid, from int64) error {
	if bad.Expected < 0 {
		bad = &Invalid{Position: bad.Position, Expected: from, Reason: bad.Reason}
	}
	_, next := s.resume(bad)
	return s.corrupt(bad, next)
}

func (s *Segment) corrupt(bad *Invalid, next int64) error {
	return &engine.CorruptionError{
		File: s.Path(), Position: bad.Position, First: bad.Expected, Next: next, Reason: bad.Reason,
	}
}

// resume finds where sound batches go on behind damage, and with which offset; -1 and the end when nowhere.
//
// What looks like a batch may be part of a record: somebody stores batches as values, and a damaged length hides where
// its record ends. So batches count only when they lead, one after the other, to a place that is known otherwise: that
// of an index entry, or the end of the segment.
func (s *Segment) resume(bad *Invalid) (at, next int64) {
	size := s.Size()
	end := s.Next() // after size: no less than what stands below it
	before := int64(-1)
	place := s.anchor(bad.Expected)
	for ; place.Bound > before && place.Bound < size; place = s.anchor(s.base + place.BoundLast) {
		before = place.Bound
		if place.Bound <= bad.Position {
			continue
		}
		b, err := s.batchAt(place.Bound, size)
		if err != nil || b.LastOffset() != s.base+place.BoundLast || b.BaseOffset() <= bad.Expected {
			continue
		}
		if at, next, ok := s.run(bad, place.Bound, b.BaseOffset(), s.info.Compacted); ok {
			return at, next
		}
		return place.Bound, b.BaseOffset()
	}
	if at, next, ok := s.run(bad, size, end, true); ok {
		return at, next
	}
	return size, end
}

// anchor is the place of an offset in the index, and no place when the index fails.
func (s *Segment) anchor(offset int64) index.Place {
	place, err := s.offsets.Lookup(uint32(max(offset-s.base, 0)))
	if err != nil {
		return index.Place{Bound: -1}
	}
	return place
}

// batchAt reads and verifies the batch at a position.
func (s *Segment) batchAt(at, limit int64) (record.Batch, error) {
	return NewScanner(s.file, at, limit, Chain{Next: -1, Epoch: -1}).Scan()
}

// run finds the first sound batch behind damage from which others lead exactly to bound, where offset next belongs; or
// at most next, where there may be gaps.
func (s *Segment) run(bad *Invalid, bound, next int64, gaps bool) (at, base int64, ok bool) {
	for from := bad.Position + 1; ; {
		at, base, ok = Resync(s.file, from, bound, bad.Expected+1)
		if !ok {
			return 0, 0, false
		}
		sc := NewScanner(s.file, at, bound, Chain{Next: base, Gaps: s.info.Compacted, Epoch: -1})
		for {
			if _, err := sc.Scan(); errors.Is(err, io.EOF) && sc.Position() == bound {
				if sc.Next == next || gaps && sc.Next < next {
					return at, base, true
				}
				break
			} else if err != nil {
				break
			}
		}
		from = max(sc.Position(), at+1)
	}
}
