package record

import (
	"encoding/binary"
	"math"
	"slices"
)

// Options are the fields of a batch that its records do not decide. Note that [NoProducer] is -1, not zero: start from
// [Plain] or [Batch.Options].
type Options struct {
	Compression Compression
	// Level is the codec's own: gzip and lz4 1 to 9, zstd 1 to 22. 0 is the codec's default. None and snappy have
	// no levels and ignore it.
	Level                int
	ProducerID           int64 // or NoProducer
	ProducerEpoch        int16 // or NoProducer
	BaseSequence         int32 // or NoProducer
	PartitionLeaderEpoch int32
	Transactional        bool  // needs a producer id
	Control              bool  // the records are markers
	LogAppendTime        bool  // readers see the largest timestamp on every record
	DeleteHorizonMs      int64 // when compaction may remove tombstones and markers; 0 is not known yet
}

// Plain are the options of a batch without a producer id.
func Plain(c Compression) Options {
	return Options{Compression: c, ProducerID: NoProducer, ProducerEpoch: NoProducer, BaseSequence: NoProducer}
}

// Builder makes batches, one after the other, in buffers that it keeps. The zero value is a builder of [Plain]
// uncompressed batches. A Builder is for one goroutine at a time.
type Builder struct {
	buf        []byte // header and records, not compressed
	compressed []byte // header and records, compressed by Finish
	opts       Options
	count      int32
	baseOffset int64
	next       int64 // offset delta for Append
	lastDelta  int64 // the least last offset delta; -1 is not set
	baseTime   int64
	maxTime    int64
}

// Reset starts a batch at base offset 0. Wrong options make [Builder.Finish] fail.
func (b *Builder) Reset(o Options) {
	b.opts = o
	b.buf = slices.Grow(b.buf[:0], HeaderSize)[:HeaderSize]
	b.count, b.baseOffset, b.next, b.lastDelta = 0, 0, 0, -1
	b.baseTime, b.maxTime = -1, -1
	if o.DeleteHorizonMs != 0 {
		b.baseTime = o.DeleteHorizonMs
	}
}

// SetBaseOffset sets the offset that offset deltas count from. It does not change those of records already appended.
func (b *Builder) SetBaseOffset(offset int64) { b.start().baseOffset = offset }

// SetLastOffsetDelta makes the batch span at least delta+1 offsets even when its last record, or all of them, are
// missing, as compaction needs it.
func (b *Builder) SetLastOffsetDelta(delta int32) { b.start().lastDelta = int64(delta) }

// start resets a zero Builder.
func (b *Builder) start() *Builder {
	if len(b.buf) < HeaderSize {
		b.Reset(Plain(None))
	}
	return b
}

// Count is the number of records appended since Reset.
func (b *Builder) Count() int { return int(b.count) }

// Size is the number of bytes since Reset, header included, before compression. Finish never makes a larger batch.
func (b *Builder) Size() int { return max(len(b.buf), HeaderSize) }

// Append copies a record, at the offset after the one before. The timestamp is in milliseconds since 1970, -1 for none;
// a nil key or value is null. The errors are [ErrTooLarge] when the batch would exceed [MaxSize], and a [*FieldError];
// after an error the batch is as before.
func (b *Builder) Append(ts int64, key, value []byte, headers []Header) error {
	tail, err := b.append(b.next, ts, key, value, len(headers), headersLen(headers))
	if err != nil {
		return err
	}
	putHeaders(tail, headers)
	return nil
}

// AppendAt is Append at base offset + offsetDelta, which must be above that of the record before.
func (b *Builder) AppendAt(offsetDelta int32, ts int64, key, value []byte, headers []Header) error {
	tail, err := b.append(int64(offsetDelta), ts, key, value, len(headers), headersLen(headers))
	if err != nil {
		return err
	}
	putHeaders(tail, headers)
	return nil
}

// AppendRecord is Append of r at its own offset, which must lie above the record before and not below the base offset:
// see [Builder.SetBaseOffset].
func (b *Builder) AppendRecord(r *Record) error {
	tail, err := b.append(r.Offset-b.baseOffset, r.Timestamp, r.Key, r.Value, r.NumHeaders, int64(len(r.headers)))
	if err != nil {
		return err
	}
	copy(tail, r.headers)
	return nil
}

// append writes a record but for its headers, of which it returns the place.
func (b *Builder) append(delta, ts int64, key, value []byte, headers int, headersSize int64) ([]byte, error) {
	b.start()
	switch {
	case delta < b.next || delta > math.MaxInt32:
		return nil, b.blame("offset delta", "not in what is left of 0 to 2^31-1")
	case ts < -1:
		return nil, b.blame("timestamp", "before 1970")
	case b.count == 0 && b.opts.DeleteHorizonMs == 0:
		b.baseTime = ts
	}
	body := 1 + varintLen(ts-b.baseTime) + varintLen(delta) + spanLen(key) + spanLen(value) +
		varintLen(int64(headers)) + headersSize
	size := varintLen(body) + body
	if size > MaxSize-int64(len(b.buf)) {
		return nil, ErrTooLarge
	}
	p := len(b.buf)
	b.buf = slices.Grow(b.buf, int(size))[:p+int(size)]
	p = putVarint(b.buf, p, body)
	b.buf[p] = 0 // attributes
	p = putVarint(b.buf, p+1, ts-b.baseTime)
	p = putVarint(b.buf, p, delta)
	p = putSpan(b.buf, p, key)
	p = putSpan(b.buf, p, value)
	p = putVarint(b.buf, p, int64(headers))
	b.count++
	b.next = delta + 1
	b.maxTime = max(b.maxTime, ts)
	return b.buf[p:], nil
}

// blame is an error about the record that would have been the next.
func (b *Builder) blame(field, reason string) error {
	return &FieldError{Field: field, Record: int(b.count), Reason: reason}
}

// Finish compresses the records, unless that would make them larger, and fills in the header. The batch is valid, and
// may be patched, until the next Append or Reset. The errors are [ErrEmpty] and a [*FieldError] about the options.
func (b *Builder) Finish() (Batch, error) {
	b.start()
	if b.count == 0 && b.lastDelta < 0 {
		return nil, ErrEmpty
	}
	batch, codec, err := b.compress()
	if err != nil {
		return nil, err
	}
	b.fill(batch, codec)
	if err := batch.check(); err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(batch[posCRC:], batch.checksum())
	return batch, nil
}

// compress returns the batch with its header still to be filled in, and the codec that its records have.
func (b *Builder) compress() (Batch, Compression, error) {
	if b.count == 0 || b.opts.Compression == None {
		return b.buf, None, nil
	}
	header := slices.Grow(b.compressed[:0], HeaderSize)[:HeaderSize]
	out, err := compress(header, b.buf[HeaderSize:], b.opts.Compression, b.opts.Level)
	if err != nil {
		return nil, None, err
	}
	b.compressed = out
	if len(out) >= len(b.buf) {
		return b.buf, None, nil
	}
	return out, b.opts.Compression, nil
}

// fill writes the header but for its checksum.
func (b *Builder) fill(batch Batch, codec Compression) {
	batch.put64(posBaseOffset, b.baseOffset)
	batch.put32(posLength, int32(len(batch)-logOverhead))
	batch.put32(posLeaderEpoch, b.opts.PartitionLeaderEpoch)
	batch[posMagic] = magic
	batch.put16(posAttributes, b.opts.attributes()|int16(codec))
	batch.put32(posLastOffsetDelta, int32(max(b.lastDelta, b.next-1)))
	batch.put64(posBaseTimestamp, b.baseTime)
	batch.put64(posMaxTimestamp, b.maxTime)
	batch.put64(posProducerID, b.opts.ProducerID)
	batch.put16(posProducerEpoch, b.opts.ProducerEpoch)
	batch.put32(posBaseSequence, b.opts.BaseSequence)
	batch.put32(posCount, b.count)
}

// attributes are the flags without the codec.
func (o *Options) attributes() (a int16) {
	if o.LogAppendTime {
		a |= attrLogAppendTime
	}
	if o.Transactional {
		a |= attrTransactional
	}
	if o.Control {
		a |= attrControl
	}
	if o.DeleteHorizonMs != 0 {
		a |= attrDeleteHorizon
	}
	return a
}

// SizeOf bounds from above what a record adds to [Builder.Size].
func SizeOf(key, value []byte, headers []Header) int {
	const fixed = 5 + 1 + maxVarint + 5 + 5 + 5 + 5 // length, attributes, deltas, two lengths, header count
	return int(min(fixed+int64(len(key))+int64(len(value))+headersLen(headers), math.MaxInt))
}
