package segment

import (
	"errors"
	"fmt"
	"math"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// The file is grown ahead of the write position, so that an fsync need not write its length: 84 µs instead of 115 µs
// on the machine this was measured on. The zeros are cut when the segment is sealed or closed.
const (
	firstGrowth = 64 << 10
	mostGrowth  = 8 << 20
)

// MaxBytes is how large a segment's file can be: positions in indexes are Kafka's, of 32 bits.
const MaxBytes = math.MaxInt32

// Append writes a batch, whose base offset and epoch are set, at the end. When it returns an error the segment is as
// before, except that the file may hold bytes that nobody will see; call CutBack before the next Append.
func (s *Segment) Append(b record.Batch, nowMs int64) error {
	if err := s.write(b); err != nil {
		return err
	}
	s.note(b, nowMs)
	return nil
}

// AppendAll is Append of batches that stand one behind the other, with one write.
func (s *Segment) AppendAll(batches []byte, nowMs int64) error {
	if err := s.write(batches); err != nil {
		return err
	}
	for len(batches) > 0 {
		n, err := record.Peek(batches)
		if err != nil {
			return err
		}
		s.note(record.Batch(batches[:n]), nowMs)
		batches = batches[n:]
	}
	return nil
}

func (s *Segment) write(b []byte) error {
	end := s.info.Size + int64(len(b))
	if end > s.grown {
		s.grow(end)
	}
	_, err := s.file.WriteAt(b, s.info.Size)
	return err
}

// grow makes room up to end and as much again. It is only an optimisation: a file system that refuses is not asked to
// explain, because the write will.
func (s *Segment) grow(end int64) {
	to := end + min(max(s.grown, firstGrowth), mostGrowth)
	if s.file.Truncate(to) == nil {
		s.grown = to
	} else {
		s.grown = end
	}
}

// note enters a batch that stands at the end of the file into all that is kept of the segment, and shows it to readers.
// Index entries come last: one that exists leads to a visible batch.
func (s *Segment) note(b record.Batch, nowMs int64) {
	due := s.info.count(b, nowMs)
	s.largest.Store(s.info.MaxTimestamp)
	s.size.Store(s.info.Size)
	s.next.Store(s.info.Next)
	if due {
		s.info.enter(s.offsets, s.times)
	}
}

// NoteAborted enters an aborted transaction whose marker is the newest batch.
func (s *Segment) NoteAborted(t index.AbortedTxn) { s.aborted.Append(t) }

// Aborted appends to dst the aborted transactions with records in [from, upTo) whose markers stand in this segment. It
// reports whether later segments cannot hold more of them.
func (s *Segment) Aborted(dst []index.AbortedTxn, from, upTo int64) ([]index.AbortedTxn, bool, error) {
	return s.aborted.Collect(dst, from, upTo)
}

// CutBack removes what a failed Append may have written.
func (s *Segment) CutBack() error {
	if err := s.file.Truncate(s.info.Size); err != nil {
		return err
	}
	s.grown = s.info.Size
	return nil
}

// ErrSync is matched by the error of an fsync that failed, whatever the cause: it must not be tried again.
var ErrSync = errors.New("fsync failed")

// Sync makes the batches durable.
func (s *Segment) Sync() error {
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("%w: %w", ErrSync, err)
	}
	return nil
}

// FlushIndexes hands index entries to the operating system. That is worth an attempt and nothing more: a lost index is
// rebuilt.
func (s *Segment) FlushIndexes() {
	_, _ = s.offsets.Flush(), s.times.Flush()
	_ = s.aborted.Flush()
}

// Seal cuts the files to their contents and makes them durable. Nothing may be appended afterwards. An index that finds
// no room is left as it is: it does not match what Info says of it, and will be rebuilt.
func (s *Segment) Seal() error {
	if err := s.Trim(); err != nil {
		return err
	}
	for _, seal := range []func() error{s.offsets.Seal, s.times.Seal, s.aborted.Seal} {
		if err := seal(); err != nil && !vfs.IsNoSpace(err) {
			return err
		}
	}
	return s.Sync()
}

// Trim cuts off the zeros that the file was grown by.
func (s *Segment) Trim() error {
	if s.grown == s.info.Size {
		return nil
	}
	if err := s.file.Truncate(s.info.Size); err != nil {
		return err
	}
	s.grown = s.info.Size
	return nil
}

// Fits reports whether n more bytes with count offsets fit in a segment of at most limit bytes.
func (s *Segment) Fits(n int, count int64, limit int64) bool {
	return s.info.Size+int64(n) <= limit && s.info.Next+count-s.base <= 1<<31-1
}
