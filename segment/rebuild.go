package segment

import (
	"errors"
	"io"

	"github.com/dot-do/kafka-embedded/index"
)

// CheckIndexes loads the offset and time index and rebuilds them when they are not what was recorded. It is for a
// segment that will be appended to; those of sealed segments are checked when they are first used.
func (s *Segment) CheckIndexes() error {
	err := s.loadIndexes()
	if errors.Is(err, index.ErrMismatch) {
		return s.rebuild()
	}
	return err
}

func (s *Segment) loadIndexes() error {
	if err := s.offsets.Load(); err != nil {
		return err
	}
	return s.times.Load()
}

// CheckAborted reports whether the index of aborted transactions is what was recorded. It cannot be rebuilt from the
// segment alone: see ReplaceAborted.
func (s *Segment) CheckAborted() (ok bool, err error) {
	if err = s.aborted.Load(); errors.Is(err, index.ErrMismatch) {
		return false, nil
	}
	return err == nil, err
}

// RecheckAborted is CheckAborted, but compares the file again: it may have changed since.
func (s *Segment) RecheckAborted() (ok bool, err error) {
	if err = s.aborted.Recheck(); errors.Is(err, index.ErrMismatch) {
		return false, nil
	}
	return err == nil, err
}

// ReplaceAborted fills the index of aborted transactions anew, in the order of their markers.
func (s *Segment) ReplaceAborted(ts []index.AbortedTxn) { s.aborted.Replace(ts) }

// rebuild makes the offset and time index anew from the headers of the batches, while others read and one appends.
// Entries depend on the log alone, so that the new files are the old ones; where the log is damaged, entries are
// missing.
func (s *Segment) rebuild() error {
	s.rebuilding.Lock()
	defer s.rebuilding.Unlock()
	if s.offsets.Recheck() == nil && s.times.Recheck() == nil {
		return nil // somebody else has just done it
	}
	inOffsets, inTimes := s.offsets.Written(), s.times.Written()
	offsets, times := index.NewOffset(nil, index.State{}), index.NewTime(nil, index.State{}, -1)
	if err := s.index(offsets, times); err != nil {
		return err
	}
	if err := s.offsets.Replace(inOffsets, offsets.Entries()); err != nil {
		return err
	}
	return s.times.Replace(inTimes, times.Entries())
}

// index fills indexes from the headers of all visible batches.
func (s *Segment) index(offsets *index.Offset, times *index.Time) error {
	info := Empty(s.base)
	sc := s.Scanner(0)
	sc.SkipCRC = true
	for {
		b, err := sc.Scan()
		var bad *Invalid
		if errors.As(err, &bad) {
			at, next, ok := s.run(bad, sc.limit, s.Next(), true)
			if !ok {
				return nil // the read that meets the damage will say so
			}
			info.Size = at
			sc = NewScanner(s.file, at, sc.limit, Chain{Next: next, Gaps: sc.Gaps, Epoch: -1})
			sc.SkipCRC = true
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		info.note(b, 0, offsets, times)
	}
}

// Scanner reads the visible batches from a position on.
func (s *Segment) Scanner(from int64) *Scanner {
	next := int64(-1)
	if from == 0 {
		next = s.base
	}
	return NewScanner(s.file, from, s.Size(), Chain{Next: next, Gaps: s.info.Compacted, Epoch: -1})
}

// ScannerAt reads the visible batches from somewhat before an offset on.
func (s *Segment) ScannerAt(offset int64) (*Scanner, error) {
	place, err := s.lookup(offset)
	if err != nil {
		return nil, err
	}
	return s.Scanner(place.Position), nil
}

// ScannerBehind goes on behind the damage that a Scanner of this segment met. It returns nil when nothing sound follows.
func (s *Segment) ScannerBehind(bad *Invalid) *Scanner {
	at, next := s.resume(&Invalid{Position: bad.Position, Expected: max(bad.Expected, s.base)})
	if at >= s.Size() {
		return nil
	}
	return NewScanner(s.file, at, s.Size(), Chain{Next: next, Gaps: s.info.Compacted, Epoch: -1})
}
