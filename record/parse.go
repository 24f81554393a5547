package record

import (
	"encoding/binary"
	"math"

	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// minRecord is the size of the smallest record: length, attributes, two deltas, null key, null value, no headers.
const minRecord = 7

// Peek returns the size of the batch that starts at b, of which it needs [PeekSize] bytes, from its length and magic
// alone. The errors are [ErrShort] when b has too few bytes to tell, [ErrEnd] when the length is zero, and a
// [*FieldError].
func Peek(b []byte) (size int, err error) {
	if len(b) < logOverhead {
		return 0, ErrShort
	}
	length := int32(binary.BigEndian.Uint32(b[posLength:]))
	if length == 0 {
		return 0, ErrEnd
	}
	if length < HeaderSize-logOverhead || length > MaxSize-logOverhead {
		return 0, fieldErrorf("length", "%d is not in %d to %d", length, HeaderSize-logOverhead, MaxSize-logOverhead)
	}
	if len(b) < PeekSize {
		return 0, ErrShort
	}
	if b[posMagic] != magic {
		return 0, fieldErrorf("magic", "%d is not %d", b[posMagic], magic)
	}
	return int(length) + logOverhead, nil
}

// Parse returns the first batch in b, which it aliases, after checking every field of its header against the others.
// It verifies neither the checksum nor the records: see [Batch.Verify] and [Reader]. The errors are those of [Peek],
// and [ErrShort] when the batch does not end within b.
func Parse(b []byte) (Batch, error) {
	size, err := Peek(b)
	if err != nil {
		return nil, err
	}
	if len(b) < size {
		return nil, ErrShort
	}
	batch := Batch(b[:size:size])
	if err := batch.check(); err != nil {
		return nil, err
	}
	return batch, nil
}

// Verify checks that b is exactly one batch, its checksum, and what [Parse] checks. b may be any bytes.
func (b Batch) Verify() error {
	size, err := Peek(b)
	if err != nil {
		return err
	}
	if len(b) < size {
		return ErrShort
	}
	if len(b) > size {
		return fieldErrorf("length", "%d bytes follow the batch", len(b)-size)
	}
	if sum := b.checksum(); sum != b.CRC() && !seeded.On(seeded.UncheckedSum) {
		return fieldErrorf("crc", "checksum %#08x ≠ %#08x", sum, b.CRC())
	}
	return b.check()
}

// check compares the fields of a header whose length and magic are right.
func (b Batch) check() error {
	if err := b.checkAttributes(); err != nil {
		return err
	}
	if err := b.checkCount(); err != nil {
		return err
	}
	if err := b.checkTimestamps(); err != nil {
		return err
	}
	return b.checkProducer()
}

func (b Batch) checkAttributes() error {
	if a := b.Attributes(); a&^attrAll != 0 {
		return fieldErrorf("attributes", "reserved bits are set: %#04x", uint16(a))
	}
	if c := b.Compression(); !c.valid() {
		return fieldErrorf("attributes", "unknown codec %d", int8(c))
	}
	return nil
}

func (b Batch) checkCount() error {
	base, delta, count := b.BaseOffset(), b.LastOffsetDelta(), int64(b.i32(posCount))
	payload := int64(len(b.payload()))
	switch {
	case base < 0:
		return fieldErrorf("base offset", "%d is negative", base)
	case delta < 0 || base >= math.MaxInt64-int64(delta): // room for the offset after the last
		return fieldErrorf("last offset delta", "%d is negative or overflows", delta)
	case count < 0:
		return fieldErrorf("record count", "%d is negative", count)
	case count > int64(delta)+1:
		return fieldErrorf("record count", "%d with a last offset delta of %d", count, delta)
	case (count == 0) != (payload == 0):
		return fieldErrorf("record count", "%d in %d bytes", count, payload)
	case b.Compression() == None && count > payload/minRecord:
		return fieldErrorf("record count", "%d in %d bytes", count, payload)
	}
	return nil
}

// checkTimestamps leaves the base timestamp of some batches alone: where a broker stamped the batch, the clock of the
// producer may have been ahead of it, and a delete horizon lies in the future.
func (b Batch) checkTimestamps() error {
	largest, base := b.MaxTimestamp(), b.BaseTimestamp()
	if largest < -1 {
		return fieldErrorf("max timestamp", "%d is negative", largest)
	}
	if b.Count() > 0 && !b.LogAppendTime() && !b.HasDeleteHorizon() && largest < base {
		return fieldErrorf("max timestamp", "%d is below the base timestamp %d", largest, base)
	}
	return nil
}

func (b Batch) checkProducer() error {
	id, epoch, sequence := b.ProducerID(), b.ProducerEpoch(), b.BaseSequence()
	switch {
	case id < NoProducer:
		return fieldErrorf("producer id", "%d is negative", id)
	case id == NoProducer && b.IsTransactional():
		return fieldErrorf("producer id", "a transactional batch has none")
	case epoch < NoProducer || epoch == NoProducer && id != NoProducer:
		return fieldErrorf("producer epoch", "%d with the producer id %d", epoch, id)
	case sequence < NoProducer:
		return fieldErrorf("base sequence", "%d is negative", sequence)
	}
	return nil
}
