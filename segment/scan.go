package segment

import (
	"errors"
	"fmt"
	"io"

	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/record"
)

// Invalid says that the bytes at a position are not the batch that belongs there.
type Invalid struct {
	Position int64
	Expected int64 // offset that was expected there; -1 when any would do
	Reason   string
}

func (e *Invalid) Error() string { return fmt.Sprintf("at %d: %s", e.Position, e.Reason) }

// Chain checks what a batch's own checksum leaves out: that batches follow one another. Base offset, length and epoch
// lie outside it.
type Chain struct {
	Next  int64 // offset expected next; -1 takes any first batch
	Gaps  bool  // compacted: offsets rise, but may leave gaps
	Epoch int32 // least epoch that fits; -1 takes any
}

// Follow checks that b comes next, and moves on.
func (c *Chain) Follow(b record.Batch) error {
	base := b.BaseOffset()
	switch {
	case base < 0:
		return fmt.Errorf("base offset %d", base)
	case c.Next >= 0 && base != c.Next && (!c.Gaps || base < c.Next) && !seeded.On(seeded.UncheckedOffset):
		return fmt.Errorf("base offset is %d where %d belongs", base, c.Next)
	case b.LastOffset() < base:
		return fmt.Errorf("base offset %d overflows", base)
	case c.Epoch >= 0 && b.PartitionLeaderEpoch() < c.Epoch:
		return fmt.Errorf("epoch went back from %d to %d", c.Epoch, b.PartitionLeaderEpoch())
	}
	c.Next = b.LastOffset() + 1
	if c.Epoch >= 0 {
		c.Epoch = b.PartitionLeaderEpoch()
	}
	return nil
}

const scanBuffer = 256 << 10

// Scanner reads the batches of a file in order and checks each.
type Scanner struct {
	Chain
	SkipCRC bool // headers and order only

	r          io.ReaderAt
	pos, limit int64
	short      bool   // limit is less than it should be
	buf        []byte // file bytes from pos on
	space      []byte
}

// NewScanner scans from a position up to limit, the length of the file.
func NewScanner(r io.ReaderAt, from, limit int64, c Chain) *Scanner {
	return &Scanner{Chain: c, r: r, pos: from, limit: limit}
}

// Position is where the next batch starts.
func (s *Scanner) Position() int64 { return s.pos }

// Scan returns the next batch, which is valid until the call after. It returns io.EOF at the limit and where zeros
// begin, *Invalid where no valid batch stands, and otherwise the error of the read.
func (s *Scanner) Scan() (record.Batch, error) {
	if s.pos >= s.limit {
		if s.short {
			return nil, s.invalid(fmt.Errorf("the file ends at %d", s.limit))
		}
		return nil, io.EOF
	}
	b, err := s.batch()
	if err == nil {
		err = s.check(b)
	}
	if err != nil {
		return nil, err
	}
	s.buf = s.buf[len(b):]
	s.pos += int64(len(b))
	return b, nil
}

func (s *Scanner) batch() (record.Batch, error) {
	size, err := record.Peek(s.buf)
	if errors.Is(err, record.ErrShort) && !s.short {
		if err := s.fill(scanBuffer); err != nil {
			return nil, err
		}
		size, err = record.Peek(s.buf)
	}
	switch {
	case errors.Is(err, record.ErrEnd):
		return nil, io.EOF
	case err != nil:
		return nil, s.invalid(err)
	case int64(size) > s.limit-s.pos:
		return nil, s.invalid(fmt.Errorf("a batch of %d bytes, but the file ends after %d", size, s.limit-s.pos))
	case size > len(s.buf):
		if err := s.fill(size); err != nil {
			return nil, err
		}
		if size > len(s.buf) {
			return nil, s.invalid(fmt.Errorf("the file ends at %d", s.limit))
		}
	}
	return record.Batch(s.buf[:size:size]), nil
}

// fill makes buf hold at least n bytes from pos on, or all that there are.
func (s *Scanner) fill(n int) error {
	n = int(min(int64(max(n, scanBuffer)), s.limit-s.pos))
	if cap(s.space) < n {
		s.space = make([]byte, n)
	}
	have := copy(s.space[:n], s.buf)
	got, err := s.r.ReadAt(s.space[have:n], s.pos+int64(have))
	s.buf = s.space[:have+got]
	if have+got < n {
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		s.limit, s.short = s.pos+int64(have+got), true
	}
	return nil
}

func (s *Scanner) check(b record.Batch) error {
	check := b.Verify
	if s.SkipCRC {
		check = func() error { _, err := record.Parse(b); return err }
	}
	if err := check(); err != nil {
		return s.invalid(err)
	}
	if err := s.Follow(b); err != nil {
		return s.invalid(err)
	}
	return nil
}

func (s *Scanner) invalid(err error) error {
	return &Invalid{Position: s.pos, Expected: s.Next, Reason: err.Error()}
}

// Resync finds the first valid batch at or after from whose base offset is at least least, for reading on behind
// damage. It looks at every byte, because a damaged length field hides where the next batch starts; it may find one that
// is part of a record. It gives up when bytes that were made to look like many batches cost too much time.
func Resync(r io.ReaderAt, from, limit, least int64) (position, base int64, ok bool) {
	const window = 1 << 20
	buf := make([]byte, min(window, max(limit-from, 0)))
	budget := 64<<20 + 4*max(limit-from, 0)
	for at := from; at < limit; {
		n, _ := r.ReadAt(buf[:min(int64(len(buf)), limit-at)], at)
		if n < record.HeaderSize {
			return 0, 0, false
		}
		for i := 0; i+record.HeaderSize <= n && budget >= 0; i++ {
			size, ok := candidate(buf[i:n], limit-at-int64(i), least)
			if !ok {
				continue
			}
			budget -= int64(size)
			if base, ok := validAt(r, buf[i:n], size, at+int64(i)); ok {
				return at + int64(i), base, true
			}
		}
		at += int64(n - record.HeaderSize + 1)
	}
	return 0, 0, false
}

// candidate reports whether head may be the start of a batch that ends within room bytes.
func candidate(head []byte, room, least int64) (size int, ok bool) {
	if head[16] != 2 { // the magic: at nearly every byte this says no, and no error need be made
		return 0, false
	}
	size, err := record.Peek(head)
	if err != nil || int64(size) > room {
		return 0, false
	}
	b := record.Batch(head)
	return size, b.BaseOffset() >= least && b.LastOffsetDelta() >= 0 && b.Attributes()&^0x7f == 0
}

// validAt reports whether a valid batch of a size stands at position, of which head are the first bytes.
func validAt(r io.ReaderAt, head []byte, size int, position int64) (base int64, ok bool) {
	b := record.Batch(head)
	if size > len(head) {
		b = make(record.Batch, size)
		if n, _ := r.ReadAt(b, position); n < size {
			return 0, false
		}
	}
	b = b[:size:size]
	return b.BaseOffset(), b.Verify() == nil
}
