package segment

import (
	"errors"
	"fmt"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
)

// maxDecompressed bounds what one batch may become when a lookup has to open it.
const maxDecompressed = 1 << 30

// MaxTimestamp is the largest timestamp of any visible record, in milliseconds since 1970, or -1.
func (s *Segment) MaxTimestamp() int64 { return s.largest.Load() }

// OffsetAt finds the first record in [from, upTo) with a timestamp of at least ms.
func (s *Segment) OffsetAt(ms, from, upTo int64) (offset int64, found bool, err error) {
	rel, err := s.times.Lookup(ms)
	if errors.Is(err, index.ErrMismatch) {
		if err = s.rebuild(); err == nil {
			rel, err = s.times.Lookup(ms)
		}
	}
	if err != nil {
		return 0, false, err
	}
	scratch := smalls.Get().(*[small]byte)
	defer smalls.Put(scratch)
	// The index has led to within an interval of the record, unless timestamps go back.
	chunk := indexInterval
	for at := max(from, s.base+int64(rel)); at < min(upTo, s.Next()); chunk = small {
		data, err := s.Read(scratch[:], at, upTo, chunk)
		if err != nil || len(data) == 0 {
			return 0, false, err
		}
		for len(data) > 0 {
			n, err := record.Peek(data)
			if err != nil {
				return 0, false, fmt.Errorf("a batch that was just verified: %w", err)
			}
			b := record.Batch(data[:n:n])
			if b.MaxTimestamp() >= ms && !b.IsControl() {
				if offset, found, err := s.firstSince(b, ms, from, upTo); found || err != nil {
					return offset, found, err
				}
			}
			at = b.LastOffset() + 1
			data = data[n:]
		}
	}
	return 0, false, nil
}

func (s *Segment) firstSince(b record.Batch, ms, from, upTo int64) (int64, bool, error) {
	var r record.Reader
	if err := r.Reset(b, maxDecompressed); err != nil {
		return 0, false, s.undecodable(b, err)
	}
	var rec record.Record
	for r.Next(&rec) {
		if rec.Timestamp >= ms && rec.Offset >= from && rec.Offset < upTo {
			return rec.Offset, true, nil
		}
	}
	if err := r.Err(); err != nil {
		return 0, false, s.undecodable(b, err)
	}
	return 0, false, nil
}

func (s *Segment) undecodable(b record.Batch, err error) error {
	return &engine.CorruptionError{
		File: s.Path(), Position: -1, First: b.BaseOffset(), Next: b.LastOffset() + 1, Reason: err.Error(),
	}
}
