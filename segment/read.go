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

// Read returns whole batches, checked, from the one that holds offset from, or the first one after it where compaction
// left a gap, up to the first whose base offset is at least upTo. They are about maxBytes, at least one batch, and in
// memory that nobody else uses. Nothing at all means that there is no such batch.
//
// Where a batch is damaged the ones before it are returned; a Read that starts at the damage returns a
// *engine.CorruptionError. Other errors are those of the file system.
func (s *Segment) Read(from, upTo int64, maxBytes int) ([]byte, error) {
	place, err := s.lookup(from)
	if err != nil {
		return nil, err
	}
	data, err := s.readFrom(place, from, upTo, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &engine.CorruptionError{File: s.Path(), First: from, Next: s.Next(), Reason: "the file is missing"}
	}
	var bad *Invalid
	if !errors.As(err, &bad) {
		return data, err
	}
	if place.Last >= 0 && bad.Position == place.Position {
		// The index led here. Ask the log itself before calling it damaged.
		if err := s.rebuild(); err != nil {
			return nil, err
		}
		if place, err = s.lookup(from); err != nil {
			return nil, err
		}
		if data, err = s.readFrom(place, from, upTo, maxBytes); !errors.As(err, &bad) {
			return data, err
		}
	}
	return nil, s.corruption(bad, from)
}

func (s *Segment) lookup(offset int64) (index.Place, error) {
	rel := uint32(max(offset-s.base, 0))
	place, err := s.offsets.Lookup(rel)
	if errors.Is(err, index.ErrMismatch) {
		if err = s.rebuild(); err == nil {
			place, err = s.offsets.Lookup(rel)
		}
	}
	return place, err
}

// walk goes over the batches in a stretch of the file.
type walk struct {
	chain Chain
	last  int64 // the last offset that the first batch must have; -1 for any
	at    int64 // position of data
	data  []byte
	limit int64 // end of the file
}

func (s *Segment) readFrom(place index.Place, from, upTo int64, maxBytes int) ([]byte, error) {
	size := s.Size()
	w := walk{chain: Chain{Next: -1, Gaps: s.info.Compacted}, last: -1, at: place.Position, limit: size}
	if place.Last < 0 {
		w.chain.Next = s.base
	} else {
		w.last = s.base + place.Last
	}
	// One read brings the batch that is asked for in all but rare cases: it starts before the next index entry.
	want := int64(max(maxBytes, 2*indexInterval))
	if place.Bound >= 0 {
		want = max(int64(maxBytes), place.Bound-place.Position)
	}
	for {
		if err := w.load(s.file, want); err != nil || len(w.data) == 0 {
			return nil, err
		}
		data, need, err := w.take(from, upTo)
		if err != nil || len(data) > 0 || need == 0 {
			return data, err
		}
		want = max(need, int64(maxBytes))
	}
}

// load reads up to n bytes at w.at.
func (w *walk) load(r io.ReaderAt, n int64) error {
	n = min(n, w.limit-w.at)
	if n <= 0 {
		w.data = nil
		return nil
	}
	w.data = make([]byte, n)
	got, err := r.ReadAt(w.data, w.at)
	if int64(got) == n {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return w.invalid(fmt.Errorf("the file ends at %d instead of %d", w.at+int64(got), w.limit))
	}
	return err
}

// take skips batches below from and returns the verified ones from there on. When the data ends before it has one it
// returns how many bytes it needs at the new w.at, or 0 when there is nothing to be had.
func (w *walk) take(from, upTo int64) (data []byte, need int64, err error) {
	rest := w.data
	var start []byte
	n := 0
	for len(rest) > 0 {
		size, err := record.Peek(rest)
		if errors.Is(err, record.ErrShort) {
			size = record.HeaderSize
		} else if err != nil {
			return w.end(start, n, err)
		}
		if size > len(rest) {
			if n > 0 {
				break
			}
			if int64(size) > w.limit-w.at {
				return w.end(nil, 0, fmt.Errorf("a batch of %d bytes, but the file ends after %d", size, w.limit-w.at))
			}
			return nil, int64(size), nil
		}
		b := record.Batch(rest[:size:size])
		if b.BaseOffset() >= upTo && w.chain.Next >= upTo {
			break
		}
		if err := w.check(b, from); err != nil {
			return w.end(start, n, err)
		}
		if b.BaseOffset() >= upTo {
			break
		}
		if b.LastOffset() >= from {
			if n == 0 {
				start = rest
			}
			n += size
		}
		rest = rest[size:]
		w.at += int64(size)
	}
	if n == 0 && len(rest) == 0 && w.at < w.limit {
		return nil, 2 * indexInterval, nil
	}
	return start[:n:n], 0, nil
}

// check verifies a batch. The contents of batches that are only passed over do not matter.
func (w *walk) check(b record.Batch, from int64) error {
	verify := b.Verify
	if b.LastOffset() < from {
		verify = func() error { _, err := record.Parse(b); return err }
	}
	if err := verify(); err != nil {
		return err
	}
	if w.last >= 0 && b.LastOffset() != w.last {
		return fmt.Errorf("last offset is %d where the index has %d", b.LastOffset(), w.last)
	}
	w.last = -1
	return w.chain.Follow(b)
}

// end returns what was good before an error, or the error.
func (w *walk) end(start []byte, n int, err error) ([]byte, int64, error) {
	if n > 0 {
		return start[:n:n], 0, nil
	}
	return nil, 0, w.invalid(err)
}

func (w *walk) invalid(err error) error {
	return &Invalid{Position: w.at, Expected: w.chain.Next, Reason: err.Error()}
}

// corruption says which offsets the damage makes unreadable, for a reader that wanted offset from.
func (s *Segment) corruption(bad *Invalid, from int64) error {
	e := &engine.CorruptionError{
		File: s.Path(), Position: bad.Position, First: max(bad.Expected, s.base), Next: s.Next(), Reason: bad.Reason,
	}
	if bad.Expected < 0 {
		e.First = from
	}
	if _, base, ok := Resync(s.file, bad.Position+1, s.Size(), e.First+1); ok && base < e.Next {
		e.Next = base
	}
	return e
}
