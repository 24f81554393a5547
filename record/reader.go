package record

import (
	"fmt"
	"slices"
)

// Reader decodes the records of a batch. The zero value has no records; [Reader.Reset] gives it some. A Reader is for
// one goroutine at a time and can be used again and again.
type Reader struct {
	rest      []byte // records to come
	left      int    // how many
	count     int    // of the batch
	base      int64  // the batch's base offset
	delta     int64  // offset delta of the record before; -1 at first
	lastDelta int64  // the largest that the batch allows
	baseTime  int64
	stamped   bool // every record has the timestamp stamp
	stamp     int64
	err       error
}

// Reset makes r read b, which is checked as by [Parse] but for its checksum. Records alias b's memory or, where b is
// compressed, a new buffer that belongs to the garbage collector. The errors are [ErrTooLarge] when the records of a
// compressed batch are more than maxBytes, and a [*FieldError]; after an error r has no records.
func (r *Reader) Reset(b Batch, maxBytes int) error {
	*r = Reader{delta: -1}
	r.rest, r.err = b.records(maxBytes)
	if r.err != nil {
		return r.err
	}
	r.count = b.Count()
	r.left = r.count
	r.base, r.lastDelta = b.BaseOffset(), int64(b.LastOffsetDelta())
	r.baseTime, r.stamp, r.stamped = b.BaseTimestamp(), b.MaxTimestamp(), b.LogAppendTime()
	return nil
}

// records checks the header and returns the records, decompressed.
func (b Batch) records(maxBytes int) ([]byte, error) {
	whole, err := Parse(b)
	if err != nil {
		return nil, err
	}
	if len(whole) < len(b) {
		return nil, fieldErrorf("length", "%d bytes follow the batch", len(b)-len(whole))
	}
	if b.Compression() == None {
		return b.payload(), nil
	}
	if b.Count() == 0 {
		return nil, nil
	}
	records, err := decompress(b.Compression(), b.payload(), maxBytes)
	if err != nil {
		return nil, err
	}
	if b.Count() > len(records)/minRecord {
		return nil, fieldErrorf("record count", "%d in %d decompressed bytes", b.Count(), len(records))
	}
	return records, nil
}

// Err returns the error that ended the records, or nil.
func (r *Reader) Err() error { return r.err }

// Next decodes the next record into rec and reports whether there was one. At the end [Reader.Err] tells whether the
// batch was sound. rec stays valid after r moves on.
func (r *Reader) Next(rec *Record) bool {
	return r.left > 0 && r.decode(rec)
}

// AppendTo appends to dst up to limit of the records that are left and have an offset of at least from. It returns
// the error of a malformed record, after the sound ones before it; of those below from it looks at no more than lengths
// and offsets. It grows dst at most once.
func (r *Reader) AppendTo(dst []Record, from int64, limit int) ([]Record, error) {
	if limit <= 0 {
		return dst, r.err
	}
	r.skip(from)
	n := len(dst)
	dst = slices.Grow(dst, min(limit, r.left))
	dst = dst[:n+min(limit, r.left)]
	for n < len(dst) {
		if !r.decode(&dst[n]) {
			break
		}
		n++
	}
	return dst[:n], r.err
}

// skip passes over the records below from.
func (r *Reader) skip(from int64) {
	gaps := int64(r.count) <= r.lastDelta
	for r.left > 0 && r.base+r.delta+1 < from {
		b, end := r.record()
		if b == nil {
			return
		}
		delta := r.delta + 1
		if gaps {
			if delta = r.offsetDelta(b); delta < 0 || r.base+delta >= from {
				return
			}
		}
		if !r.pass(delta, end) {
			return
		}
	}
}

// offsetDelta is that of a record; -1 when there is an error.
func (r *Reader) offsetDelta(b []byte) int64 {
	_, p := varint(b, 1)
	delta, p := varint(b, p)
	if p < 0 || delta <= r.delta || delta > r.lastDelta {
		r.fail("offset delta", "%d is not in %d to %d", delta, r.delta+1, r.lastDelta)
		return -1
	}
	return delta
}

// record is the next record without its length, and the position behind it; nil when there is an error.
func (r *Reader) record() (b []byte, end int) {
	length, p := varint(r.rest, 0)
	if p < 0 || length < minRecord-1 || length > int64(len(r.rest)-p) {
		r.fail("length", "not within the %d bytes that remain", len(r.rest))
		return nil, 0
	}
	end = p + int(length)
	return r.rest[p:end:end], end
}

// pass goes on behind a record. It fails when that is the last and more bytes follow.
func (r *Reader) pass(delta int64, end int) bool {
	if r.left == 1 && len(r.rest) > end {
		return r.fail("length", "%d bytes follow the last record", len(r.rest)-end)
	}
	r.delta = delta
	r.rest = r.rest[end:]
	r.left--
	return true
}

// decode reads one record of those that are left. Every length is compared with what remains before it is used.
func (r *Reader) decode(rec *Record) bool {
	b, end := r.record()
	if b == nil {
		return false
	}
	if b[0] != 0 {
		return r.fail("attributes", "reserved bits are set: %#02x", b[0])
	}
	timeDelta, p := varint(b, 1)
	delta, p := varint(b, p)
	if p < 0 || delta <= r.delta || delta > r.lastDelta {
		return r.fail("offset delta", "%d is not in %d to %d", delta, r.delta+1, r.lastDelta)
	}
	key, p := span(b, p)
	value, p := span(b, p)
	headers, p := varint(b, p)
	if p < 0 || headers < 0 || headers > int64(len(b)-p) {
		return r.fail("key, value or header count", "not within the record's %d bytes", len(b))
	}
	rec.NumHeaders, rec.headers = int(headers), nil
	if headers > 0 {
		rec.headers = b[p:]
		p = skipHeaders(b, p, headers)
	}
	if p != len(b) {
		return r.fail("headers", "they do not end with the record")
	}
	ts := r.baseTime + timeDelta
	if r.stamped {
		ts = r.stamp
	}
	if ts < -1 {
		return r.fail("timestamp delta", "%d from %d is before 1970", timeDelta, r.baseTime)
	}
	rec.Offset, rec.Timestamp = r.base+delta, ts
	rec.Key, rec.Value = key, value
	return r.pass(delta, end)
}

// fail ends the records with an error about the next one.
func (r *Reader) fail(field, format string, args ...any) bool {
	r.err = &FieldError{Field: field, Record: r.count - r.left, Reason: fmt.Sprintf(format, args...)}
	r.left = 0
	r.rest = nil
	return false
}
