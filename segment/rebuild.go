package segment

import (
	"errors"
	"io"

	"github.com/dot-do/kafka-embedded/index"
)

// CheckIndexes loads the offset and time index and rebuilds them when they are not what was recorded. It is for a
// segment that will be appended to; those of sealed segments are checked when they are first used.
func (s *Segment) CheckIndexes() error {
	err := s.offsets.Load()
	if err == nil {
		err = s.times.Load()
	}
	if errors.Is(err, index.ErrMismatch) {
		return s.rebuild()
	}
	return err
}

// rebuild makes the offset and time index anew from the headers of the batches. Entries depend on the log alone, so
// the new files are the old ones. Readers that come meanwhile find fewer entries and scan further.
func (s *Segment) rebuild() error {
	s.rebuilding.Lock()
	defer s.rebuilding.Unlock()
	s.offsets.Reset()
	s.times.Reset()
	scratch := Empty(s.base)
	sc := s.Scanner(0)
	sc.SkipCRC = true
	for {
		b, err := sc.Scan()
		var bad *Invalid
		if errors.Is(err, io.EOF) || errors.As(err, &bad) {
			break // the read that meets the damage will say so
		}
		if err != nil {
			return err
		}
		scratch.note(b, 0, s.offsets, s.times)
	}
	s.FlushIndexes()
	return nil
}

// Scanner reads the visible batches from a position on.
func (s *Segment) Scanner(from int64) *Scanner {
	next := int64(-1)
	if from == 0 {
		next = s.base
	}
	return NewScanner(s.file, from, s.Size(), Chain{Next: next, Gaps: s.info.Compacted})
}
