package record

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Positions in the header; see the diagram in the package's documentation.
const (
	posBaseOffset      = 0
	posLength          = 8
	posLeaderEpoch     = 12
	posMagic           = 16
	posCRC             = 17
	posAttributes      = 21
	posLastOffsetDelta = 23
	posBaseTimestamp   = 27
	posMaxTimestamp    = 35
	posProducerID      = 43
	posProducerEpoch   = 51
	posBaseSequence    = 53
	posCount           = 57

	// HeaderSize is the size of a batch's header, and of a batch without records.
	HeaderSize = 61
	// PeekSize is how many bytes [Peek] needs.
	PeekSize = 17
	// MaxSize is the size of the largest batch that the format can hold here: the length of Kafka's own buffers.
	MaxSize = math.MaxInt32

	logOverhead = 12 // base offset and length, which the length does not count
	magic       = 2
)

// Bits of the attributes.
const (
	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
	attrAll           = 0x7f
)

// NoProducer is the producer id, producer epoch or base sequence of a batch without one.
const NoProducer = -1

// Batch is a view over the bytes of exactly one batch, header and records. It comes from [Parse] or [Builder.Finish]:
// the methods of other bytes may panic, except those of [Batch.Verify]. Methods that only read may be called
// concurrently.
type Batch []byte

// BaseOffset is the offset of the first record that the batch was built with.
func (b Batch) BaseOffset() int64 { return b.i64(posBaseOffset) }

// LastOffset is the offset of the last record that the batch was built with.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// LastOffsetDelta is LastOffset less BaseOffset.
func (b Batch) LastOffsetDelta() int32 { return b.i32(posLastOffsetDelta) }

// Size is the number of bytes of header and records.
func (b Batch) Size() int { return len(b) }

// PartitionLeaderEpoch is the incarnation of the partition that the batch was written by.
func (b Batch) PartitionLeaderEpoch() int32 { return b.i32(posLeaderEpoch) }

// Checksummed divides the batch into the part of the header that its checksum leaves out, the checksum among it, and the
// bytes that it covers.
func (b Batch) Checksummed() (before, covered []byte) { return b[:posAttributes], b[posAttributes:] }

// CRC is the checksum as stored.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[posCRC:]) }

// Attributes are the flags as stored.
func (b Batch) Attributes() int16 { return b.i16(posAttributes) }

// Compression is the codec of the records.
func (b Batch) Compression() Compression { return Compression(b.Attributes() & attrCodec) }

// LogAppendTime reports whether MaxTimestamp, the time of the append, stands for the timestamp of every record.
func (b Batch) LogAppendTime() bool { return b.Attributes()&attrLogAppendTime != 0 }

// IsTransactional reports whether the batch belongs to a transaction.
func (b Batch) IsTransactional() bool { return b.Attributes()&attrTransactional != 0 }

// IsControl reports whether the records are markers rather than data; see [ParseControl].
func (b Batch) IsControl() bool { return b.Attributes()&attrControl != 0 }

// HasDeleteHorizon reports whether BaseTimestamp is the time from which compaction may remove the batch's tombstones
// and markers.
func (b Batch) HasDeleteHorizon() bool { return b.Attributes()&attrDeleteHorizon != 0 }

// BaseTimestamp is what timestamps are encoded against: that of the first record, or the delete horizon. Milliseconds
// since 1970.
func (b Batch) BaseTimestamp() int64 { return b.i64(posBaseTimestamp) }

// MaxTimestamp is the largest timestamp of the records in milliseconds since 1970, or -1.
func (b Batch) MaxTimestamp() int64 { return b.i64(posMaxTimestamp) }

// ProducerID is the id of an idempotent producer, or -1.
func (b Batch) ProducerID() int64 { return b.i64(posProducerID) }

// ProducerEpoch is the epoch of the producer id, or -1.
func (b Batch) ProducerEpoch() int16 { return b.i16(posProducerEpoch) }

// BaseSequence is the producer's sequence number of the first record, or -1.
func (b Batch) BaseSequence() int32 { return b.i32(posBaseSequence) }

// LastSequence is the producer's sequence number of the last record, or -1. Sequence numbers wrap from 2^31-1 to 0.
func (b Batch) LastSequence() int32 {
	if b.BaseSequence() < 0 {
		return NoProducer
	}
	return int32((int64(b.BaseSequence()) + int64(b.LastOffsetDelta())) & math.MaxInt32)
}

// Count is the number of records, which compaction may have made smaller than LastOffsetDelta+1, and zero.
func (b Batch) Count() int { return int(b.i32(posCount)) }

// Options are those that build a batch like b, as compaction needs them.
func (b Batch) Options() Options {
	o := Options{
		Compression:          b.Compression(),
		ProducerID:           b.ProducerID(),
		ProducerEpoch:        b.ProducerEpoch(),
		BaseSequence:         b.BaseSequence(),
		PartitionLeaderEpoch: b.PartitionLeaderEpoch(),
		Transactional:        b.IsTransactional(),
		Control:              b.IsControl(),
		LogAppendTime:        b.LogAppendTime(),
	}
	if b.HasDeleteHorizon() {
		o.DeleteHorizonMs = b.BaseTimestamp()
	}
	return o
}

// SetBaseOffset moves the batch to another offset, in place. The checksum does not cover it.
func (b Batch) SetBaseOffset(offset int64) { b.put64(posBaseOffset, offset) }

// SetPartitionLeaderEpoch replaces the epoch, in place. The checksum does not cover it.
func (b Batch) SetPartitionLeaderEpoch(epoch int32) { b.put32(posLeaderEpoch, epoch) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum computes what CRC should be.
func (b Batch) checksum() uint32 { return crc32.Checksum(b[posAttributes:], castagnoli) }

// payload is the records, compressed or not.
func (b Batch) payload() []byte { return b[HeaderSize:] }

func (b Batch) i64(p int) int64 { return int64(binary.BigEndian.Uint64(b[p:])) }
func (b Batch) i32(p int) int32 { return int32(binary.BigEndian.Uint32(b[p:])) }
func (b Batch) i16(p int) int16 { return int16(binary.BigEndian.Uint16(b[p:])) }

func (b Batch) put64(p int, v int64) { binary.BigEndian.PutUint64(b[p:], uint64(v)) }
func (b Batch) put32(p int, v int32) { binary.BigEndian.PutUint32(b[p:], uint32(v)) }
func (b Batch) put16(p int, v int16) { binary.BigEndian.PutUint16(b[p:], uint16(v)) }
