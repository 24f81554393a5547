package journal

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/dot-do/kafka-embedded/engine"
)

// The body of an entry is a run of operations in msgpack, up to its end:
//
//	put     string key, binary value
//	delete  string key, nil
//
// There is no count: nothing is allocated from a number that was read, except a key or value that the rest of the body
// can hold.
const (
	maxKey     = 4 << 10
	maxUnit    = 16 << 20 // encoded operations of one unit
	groupBytes = 1 << 20  // no further unit joins an entry, no further key a snapshot's entry, beyond this
)

// A Change is one operation of a unit: it puts a value, which may be empty, or deletes the key if the value is nil.
// Deleting a key that is not there is no error.
type Change struct {
	Key   string // 1 to 4096 bytes
	Value []byte
}

// size is an upper bound for the encoded length.
func (c Change) size() int { return len(c.Key) + len(c.Value) + 10 }

func checkChanges(cs []Change) error {
	total := 0
	for _, c := range cs {
		switch {
		case c.Key == "" || len(c.Key) > maxKey:
			return engine.Errorf(engine.ErrInvalidArgument, "journal: a key has 1 to %d bytes, not %d", maxKey, len(c.Key))
		case len(c.Value) > maxUnit || total+c.size() > maxUnit:
			return engine.Errorf(engine.ErrInvalidArgument, "journal: a unit has at most %d bytes", maxUnit)
		}
		total += c.size()
	}
	return nil
}

// encoder appends operations to one entry. Its buffer is used again for the next.
type encoder struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
}

func newEncoder() *encoder {
	e := &encoder{}
	e.enc = msgpack.NewEncoder(&e.buf)
	return e
}

// reset begins an entry, with room for the header.
func (e *encoder) reset() {
	if e.buf.Cap() > 2*groupBytes {
		e.buf = bytes.Buffer{} // after a rare large unit
	}
	e.buf.Reset()
	var room [headerSize]byte
	e.buf.Write(room[:])
}

// add appends operations; a [bytes.Buffer] does not fail.
func (e *encoder) add(cs ...Change) {
	for _, c := range cs {
		_ = e.enc.EncodeString(c.Key)
		_ = e.enc.EncodeBytes(c.Value)
	}
}

// full says that the entry should end here.
func (e *encoder) full() bool { return e.buf.Len() >= groupBytes }

// entry is what was encoded; it is valid until the next reset.
func (e *encoder) entry() []byte { return e.buf.Bytes() }

var errOps = errors.New("operations are malformed")

// decodeOps reads the operations of a body, which they do not share memory with. It never panics, and allocates no more
// than a small multiple of the body's length.
func decodeOps(body []byte) ([]Change, error) {
	var cs []Change
	r := bytes.NewReader(body)
	dec := msgpack.NewDecoder(r)
	for r.Len() > 0 {
		key, err := decodeField(dec, r, msgpcode.IsString, maxKey)
		if err != nil || len(key) == 0 {
			return nil, fmt.Errorf("%w: key at %d", errOps, len(body)-r.Len())
		}
		value, err := decodeField(dec, r, isBinOrNil, maxUnit)
		if err != nil {
			return nil, fmt.Errorf("%w: value at %d", errOps, len(body)-r.Len())
		}
		cs = append(cs, Change{string(key), value})
	}
	return cs, nil
}

func isBinOrNil(code byte) bool { return msgpcode.IsBin(code) || code == msgpcode.Nil }

// decodeField reads a string, binary or nil, whose code must be allowed and whose length must be at most limit and at
// most what is left.
func decodeField(dec *msgpack.Decoder, r *bytes.Reader, allowed func(byte) bool, limit int) ([]byte, error) {
	code, err := dec.PeekCode()
	if err != nil {
		return nil, err
	}
	if !allowed(code) {
		return nil, errOps
	}
	n, err := dec.DecodeBytesLen()
	switch {
	case err != nil:
		return nil, err
	case code == msgpcode.Nil:
		return nil, nil
	case n < 0 || n > limit || n > r.Len():
		return nil, errOps
	}
	b := make([]byte, n)
	return b, dec.ReadFull(b)
}
