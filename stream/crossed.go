package stream

import (
	"encoding/binary"

	"github.com/dot-do/kafka-embedded/engine"
)

// A record of a repartition topic has the key, the headers and the timestamp of the record that the element was made
// of. Its value is
//
//	flags byte, lane uvarint, up to varint,
//	time varint, length of topic uvarint, topic, partition uvarint, offset varint, element (encoded by the stream's coder)
//
// where the lane is the number of the task that wrote it, up to is that task's stream time, and topic, partition and
// offset are the source record's. A signal ends behind the first line: it tells of time that has gone on, so that a task
// whose elements are few holds no window open.
const (
	crossedElement   = 1 << iota // there is an element
	crossedTombstone             // the source record has no value
	crossedMade                  // an operator with state made the element: there is no source record
)

// mostLanes bounds what a lane's number makes a reader allocate.
const mostLanes = 1 << 16

// crossed is the value of a record of a repartition topic.
type crossed struct {
	flags     byte
	lane      int
	upTo      int64
	time      int64
	topic     []byte
	partition int32
	offset    int64
	element   []byte
}

func (c *crossed) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, c.flags), uint64(c.lane))
	dst = binary.AppendVarint(dst, c.upTo)
	if c.flags&crossedElement == 0 {
		return dst
	}
	dst = binary.AppendVarint(dst, c.time)
	dst = append(binary.AppendUvarint(dst, uint64(len(c.topic))), c.topic...)
	dst = binary.AppendUvarint(dst, uint64(c.partition))
	dst = binary.AppendVarint(dst, c.offset)
	return append(dst, c.element...)
}

// parseCrossed takes a value apart; what it returns shares memory with b.
func parseCrossed(b []byte) (c crossed, err error) {
	p := fields{rest: b}
	c.flags = p.byte()
	c.lane = int(p.uvarint(mostLanes - 1))
	c.upTo = p.varint()
	if c.flags&crossedElement != 0 {
		c.time = p.varint()
		c.topic = p.bytes(p.uvarint(engine.MaxNameBytes))
		c.partition = int32(p.uvarint(1<<31 - 1))
		c.offset = p.varint()
		c.element = p.rest[:len(p.rest):len(p.rest)]
	}
	if p.bad {
		return crossed{}, engine.Errorf(engine.ErrCorrupt, "the value of a repartition record is malformed at byte %d", len(b)-len(p.rest))
	}
	return c, nil
}

// fields reads one field after the other. After the first malformed one it reads zeros.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) byte() byte {
	b := f.bytes(1)
	if f.bad {
		return 0
	}
	return b[0]
}

func (f *fields) bytes(n uint64) []byte {
	if f.bad || n > uint64(len(f.rest)) {
		f.bad = true
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(f.rest)
	if f.bad || n <= 0 || v > most {
		f.bad = true
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	if f.bad || n <= 0 {
		f.bad = true
		return 0
	}
	f.rest = f.rest[n:]
	return v
}
