package segment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
)

// Each calls fn with every batch of a sealed segment, checked and valid during the call, and stops at the first error.
// Damage is a *engine.CorruptionError; it may come after the last batch, because only the checksum of the whole file
// covers everything.
func (s *Segment) Each(fn func(record.Batch) error) error {
	sc := s.Scanner(0)
	crc := uint32(0)
	for {
		b, err := sc.Scan()
		if errors.Is(err, io.EOF) {
			return s.checkWhole(sc.Position(), crc)
		}
		if err != nil {
			return s.damage(err)
		}
		crc = fold(crc, b)
		if err := fn(b); err != nil {
			return err
		}
	}
}

// damage turns what a Scanner met into the error for callers.
func (s *Segment) damage(err error) error {
	var bad *Invalid
	if errors.As(err, &bad) {
		return s.corruption(bad, s.base)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &engine.CorruptionError{File: s.Path(), First: s.base, Next: s.Next(), Reason: "the file is missing"}
	}
	return err
}

func (s *Segment) checkWhole(end int64, crc uint32) error {
	reason := ""
	switch {
	case end != s.Size():
		reason = fmt.Sprintf("zeros from %d on", end)
	case crc != s.info.CRC:
		reason = mismatch(crc, s.info.CRC)
	default:
		return nil
	}
	return &engine.CorruptionError{File: s.Path(), Position: end, First: s.base, Next: s.Next(), Reason: reason}
}

func mismatch(got, want uint32) string {
	return fmt.Sprintf("checksum of the file %#08x ≠ %#08x", got, want)
}

// Sealed is what was known of the segment when it was sealed, but for the states of its indexes: those may be rebuilt
// at any time.
func (s *Segment) Sealed() Info {
	i := s.info
	i.Offsets, i.Times, i.Aborted, i.TimeIndexed = index.State{}, index.State{}, index.State{}, 0
	return i
}
