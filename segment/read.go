package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/record"
)

// request is a Read under way.
type request struct {
	from, upTo int64
	maxBytes   int
	buf        []byte // the caller's memory; nil when the batches are to be in memory that nobody else uses
}

// Read returns whole batches, checked, from the one that holds offset from, or the first one after it where compaction
// left a gap, up to the first whose base offset is at least upTo. They are about maxBytes, at least one batch. They are in
// buf where it has the capacity, and otherwise, also when it is nil, in memory that nobody else uses. Nothing at all means
// that there is no such batch.
//
// Where a batch is damaged the ones before it are returned; a Read that starts at the damage returns a
// *engine.CorruptionError, and one from its Next on goes on behind it. Other errors are those of the file system.
func (s *Segment) Read(buf []byte, from, upTo int64, maxBytes int) ([]byte, error) {
	q := request{from, upTo, maxBytes, buf}
	data, err := s.read(q)
	if err == nil {
		return data, nil
	}
	if bad := new(Invalid); errors.As(err, &bad) {
		data, err = s.readAround(q)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &engine.CorruptionError{File: s.Path(), First: s.base, Next: s.Next(), Reason: "the file is missing"}
	}
	return data, err
}

func (s *Segment) read(q request) ([]byte, error) {
	if at, ok := s.hints.find(q.from - s.base); ok {
		return s.readFrom(start{at: at, next: q.from, last: -1, bound: -1}, q)
	}
	place, err := s.lookup(q.from)
	if err != nil {
		return nil, err
	}
	// Entries that are far apart belong to large batches, each with an entry: then the next one is of the batch that
	// is wanted.
	if place.Bound-place.Position >= 2*indexInterval && place.Last < q.from-s.base {
		st := start{at: place.Bound, next: -1, last: s.base + place.BoundLast, bound: -1, likely: place.Bound - place.Position}
		data, err := s.readFrom(st, q)
		if err != nil || len(data) > 0 && record.Batch(data).BaseOffset() <= q.from {
			return data, err
		}
	}
	return s.readFrom(s.startAt(place), q)
}

func (s *Segment) lookup(offset int64) (index.Place, error) {
	if err := s.Recognise(); err != nil {
		return index.Place{}, err
	}
	rel := uint32(max(offset-s.base, 0))
	place, err := s.offsets.Lookup(rel)
	if errors.Is(err, index.ErrMismatch) {
		if err = s.rebuild(); err == nil {
			place, err = s.offsets.Lookup(rel)
		}
	}
	return place, err
}

// start is where a read begins to look, and what it must find there.
type start struct {
	at      int64
	next    int64 // base offset of the first batch, or a lower bound in a compacted segment; -1 for any
	last    int64 // last offset of the first batch; -1 for any
	bound   int64 // where it is sure to be at an end; -1 when that is not known
	likely  int64 // size of the first batch, if it is like the one before
	careful bool  // also check the contents of batches that are only passed over
}

func (s *Segment) startAt(p index.Place) start {
	if p.Last < 0 {
		return start{at: 0, next: s.base, last: -1, bound: p.Bound}
	}
	return start{at: p.Position, next: -1, last: s.base + p.Last, bound: p.Bound}
}

// hints remember where recent reads ended, so that a reader that goes on from there needs no index. A slot holds an
// offset less the base, plus one, and a position; what it leads to is checked like everything else.
type hints [8]atomic.Uint64

func (h *hints) find(rel int64) (at int64, ok bool) {
	x := h[uint64(rel)%uint64(len(h))].Load()
	return int64(uint32(x)), rel >= 0 && x>>32 == uint64(rel)+1
}

func (h *hints) put(rel, at int64) {
	h[uint64(rel)%uint64(len(h))].Store((uint64(rel)+1)<<32 | uint64(at))
}

// walk goes over the batches in a stretch of the file.
type walk struct {
	chain   Chain
	last    int64 // as in start
	careful bool
	buf     []byte // memory for data, where it suffices
	at      int64  // position of data
	data    []byte
	limit   int64 // end of the file
	short   bool  // limit is less than it should be
}

// small is the largest stretch that is read into memory used again, so that a batch can be looked for in it and only
// what was found be copied out.
const small = 4 * indexInterval

var smalls = sync.Pool{New: func() any { return new([small]byte) }}

func (s *Segment) readFrom(st start, q request) ([]byte, error) {
	w := walk{
		chain: Chain{Next: st.next, Gaps: s.info.Compacted, Epoch: -1},
		last:  st.last, careful: st.careful, at: st.at, limit: s.Size(), buf: q.buf,
	}
	// One read brings the batch that is asked for in all but rare cases: it starts before the next index entry.
	want := max(int64(q.maxBytes), st.likely+indexInterval, 2*indexInterval)
	if st.bound >= 0 {
		want = max(int64(q.maxBytes), min(st.bound-st.at, scanBuffer))
	}
	shared := q.buf == nil && want <= small
	if shared {
		scratch := smalls.Get().(*[small]byte)
		defer smalls.Put(scratch)
		w.buf = scratch[:]
	}
	for {
		if err := w.load(s.file, want); err != nil || len(w.data) == 0 {
			return nil, err
		}
		data, need, err := w.take(q.from, q.upTo, q.maxBytes)
		if err != nil || len(data) == 0 && need == 0 {
			return nil, err
		}
		if len(data) > 0 {
			s.hints.put(w.chain.Next-s.base, w.at)
			if shared {
				data = bytes.Clone(data)
			}
			return data, nil
		}
		if want = max(need, int64(q.maxBytes)); shared && want > small {
			w.buf, shared = nil, false
		}
	}
}

// load reads up to n bytes at w.at.
func (w *walk) load(r io.ReaderAt, n int64) error {
	n = min(n, w.limit-w.at)
	w.data = nil
	switch {
	case n <= 0 && w.short:
		return w.invalid(fmt.Errorf("the file ends at %d", w.limit))
	case n <= 0:
		return nil
	}
	data := w.buf[:min(n, int64(cap(w.buf)))]
	if int64(len(data)) < n {
		data = make([]byte, n)
	}
	got, err := r.ReadAt(data, w.at)
	if int64(got) < n {
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		w.limit, w.short = w.at+int64(got), true
		if got == 0 {
			return w.invalid(fmt.Errorf("the file ends at %d", w.limit))
		}
	}
	w.data = data[:got]
	return nil
}

// take skips batches below from and returns the verified ones from there on. When the data ends before it has one it
// returns how many bytes it needs at the new w.at, or 0 when there is nothing to be had.
func (w *walk) take(from, upTo int64, maxBytes int) (data []byte, need int64, err error) {
	rest := w.data
	var first []byte
	n := 0
	for len(rest) > 0 {
		size, err := record.Peek(rest)
		if errors.Is(err, record.ErrShort) {
			size = record.HeaderSize
		} else if err != nil {
			return w.end(first, n, err)
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
		if b.BaseOffset() >= upTo && w.chain.Next >= upTo || n > 0 && n+size > maxBytes {
			break
		}
		before := w.chain
		if err := w.check(b, from); err != nil {
			return w.end(first, n, err)
		}
		if b.BaseOffset() >= upTo {
			w.chain = before
			break
		}
		if b.LastOffset() >= from {
			if n == 0 {
				first = rest
			}
			n += size
		}
		rest = rest[size:]
		w.at += int64(size)
	}
	if n == 0 && len(rest) == 0 && (w.at < w.limit || w.short) {
		return nil, 2 * indexInterval, nil
	}
	return first[:n:n], 0, nil
}

// check verifies a batch. The contents of batches that are only passed over do not matter.
func (w *walk) check(b record.Batch, from int64) error {
	verify := b.Verify
	if b.LastOffset() < from && !w.careful {
		verify = func() error { _, err := record.Parse(b); return err }
	}
	if err := verify(); err != nil {
		return err
	}
	if w.last >= 0 && b.LastOffset() != w.last && !seeded.On(seeded.TrustedIndex) {
		return fmt.Errorf("last offset is %d where the index has %d", b.LastOffset(), w.last)
	}
	w.last = -1
	return w.chain.Follow(b)
}

// end returns what was good before an error, or the error.
func (w *walk) end(first []byte, n int, err error) ([]byte, int64, error) {
	if n > 0 {
		return first[:n:n], 0, nil
	}
	return nil, 0, w.invalid(err)
}

func (w *walk) invalid(err error) error {
	return &Invalid{Position: w.at, Expected: w.chain.Next, Reason: err.Error()}
}
