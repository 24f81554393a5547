package segment

import (
	"errors"
	"io"

	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// Replay reads batches that stand behind what is known of the segment, checks them and makes them visible. It returns
// nil at size, the length of the file, and where zeros begin; *Invalid at the first that does not fit; and otherwise the
// error of the file system. epoch is the least that fits; nowMs stands for the times of the appends, which are not known.
//
// Batches from offset rewriteFrom on are written again where they stand, so that the next Sync really makes them
// durable: after a failed fsync the operating system may take pages for clean that never reached the disk.
func (s *Segment) Replay(size int64, epoch int32, nowMs, rewriteFrom int64, note func(record.Batch)) error {
	s.grown = size
	sc := NewScanner(s.file, s.info.Size, size, Chain{Next: s.info.Next, Epoch: max(epoch, s.info.Epoch)})
	sc.SkipCRC = seeded.On(seeded.TornTail)
	for {
		b, err := sc.Scan()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if b.BaseOffset() >= rewriteFrom {
			if _, err := s.file.WriteAt(b, s.info.Size); err != nil {
				return err
			}
		}
		s.note(b, nowMs)
		note(b)
	}
}

// ZerosFrom reports whether nothing but zeros follows the visible batches, up to size.
func (s *Segment) ZerosFrom(size int64) (bool, error) {
	zeros := true
	err := s.chunks(s.Size(), size, func(b []byte) error {
		for _, c := range b {
			zeros = zeros && c == 0
		}
		return nil
	})
	return zeros, err
}

// HasValidAfter reports whether a valid batch that belongs behind the visible ones stands in [from, size).
func (s *Segment) HasValidAfter(from, size int64) bool {
	_, _, ok := Resync(s.file, from, size, s.Next())
	return ok
}

// CopyTo copies the bytes in [from, to) of the log file.
func (s *Segment) CopyTo(f vfs.File, from, to int64) error {
	return vfs.CopyRange(f, s.file, from, to-from)
}

func (s *Segment) chunks(from, to int64, fn func([]byte) error) error {
	buf := make([]byte, min(scanBuffer, max(to-from, 0)))
	for from < to {
		part := buf[:min(int64(len(buf)), to-from)]
		n, err := s.file.ReadAt(part, from)
		if n == 0 && err != nil {
			return err
		}
		if err := fn(part[:n]); err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
