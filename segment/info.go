package segment

import (
	"encoding/binary"
	"math"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/record"
)

// Info is all that is known of a segment's contents, and enough to go on appending to it or to recognise its files.
type Info struct {
	Base, Next   int64 // first offset by name; offset after the last record
	Size         int64 // bytes of batches
	Batches      int64
	MaxTimestamp int64 // of any record; -1 when there is none
	MaxAt        int64 // last offset of the batch that brought it
	MaxAppend    int64 // clock at the newest append, in milliseconds since 1970
	Indexed      int64 // position of the newest batch in the offset index
	TimeIndexed  int64 // timestamp of the newest entry in the time index; -1 when there is none
	CRC          uint32
	First        uint32 // checksum of the first batch, which tells the file from one of another partition
	Epoch        int32  // of the newest batch
	Offsets      index.State
	Times        index.State
	Aborted      index.State
	Compacted    bool // offsets may have gaps
	Producers    bool // a batch has a producer id
	Clean        bool // compaction has compared its keys with those of the segments before it, and with one another
}

// InfoSize is the encoded length of an Info.
const InfoSize = 9*8 + 4 + 4 + 4 + 3*8 + 1

// Empty is what is known of a segment without batches.
func Empty(base int64) Info {
	return Info{Base: base, Next: base, MaxTimestamp: -1, TimeIndexed: -1}
}

// Bits of the last byte of an encoding.
const (
	infoCompacted = 1 << iota
	infoClean
	infoProducers
)

// Append appends the encoding of i: its fields in order, big-endian, the index states as entries and checksum, the
// booleans as bits of one byte.
func (i Info) Append(b []byte) []byte {
	for _, v := range []int64{
		i.Base, i.Next, i.Size, i.Batches, i.MaxTimestamp, i.MaxAt, i.MaxAppend, i.Indexed, i.TimeIndexed,
	} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	b = binary.BigEndian.AppendUint32(b, i.CRC)
	b = binary.BigEndian.AppendUint32(b, i.First)
	b = binary.BigEndian.AppendUint32(b, uint32(i.Epoch))
	for _, s := range []index.State{i.Offsets, i.Times, i.Aborted} {
		b = binary.BigEndian.AppendUint32(b, s.Entries)
		b = binary.BigEndian.AppendUint32(b, s.CRC)
	}
	flags := byte(0)
	if i.Compacted {
		flags |= infoCompacted
	}
	if i.Clean {
		flags |= infoClean
	}
	if i.Producers {
		flags |= infoProducers
	}
	return append(b, flags)
}

// DecodeInfo decodes the first InfoSize bytes of b. It reports false when they are fewer or make no sense.
func DecodeInfo(b []byte) (i Info, ok bool) {
	if len(b) < InfoSize {
		return Info{}, false
	}
	for _, p := range []*int64{
		&i.Base, &i.Next, &i.Size, &i.Batches, &i.MaxTimestamp, &i.MaxAt, &i.MaxAppend, &i.Indexed, &i.TimeIndexed,
	} {
		*p = int64(binary.BigEndian.Uint64(b))
		b = b[8:]
	}
	i.CRC, i.First, i.Epoch = binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), int32(binary.BigEndian.Uint32(b[8:]))
	b = b[12:]
	for _, p := range []*index.State{&i.Offsets, &i.Times, &i.Aborted} {
		*p = index.State{Entries: binary.BigEndian.Uint32(b), CRC: binary.BigEndian.Uint32(b[4:])}
		b = b[8:]
	}
	i.Compacted, i.Clean, i.Producers = b[0]&infoCompacted != 0, b[0]&infoClean != 0, b[0]&infoProducers != 0
	return i, b[0] <= infoCompacted|infoClean|infoProducers && i.plausible()
}

// plausible checks what every Info has in common, so that nothing is allocated for one that has not.
func (i *Info) plausible() bool {
	return i.Base >= 0 && i.Next >= i.Base && i.Next-i.Base <= 1<<31 &&
		i.Size >= 0 && i.Size <= math.MaxInt32 && i.Indexed >= 0 && i.Indexed <= i.Size &&
		i.Batches >= 0 && i.Batches <= i.Size/record.HeaderSize &&
		i.MaxTimestamp >= -1 && i.TimeIndexed >= -1 && i.TimeIndexed <= i.MaxTimestamp &&
		(i.MaxTimestamp < 0 || i.MaxAt >= i.Base && i.MaxAt < i.Next) &&
		int64(i.Offsets.Entries) <= i.Size/indexInterval && i.Times.Entries <= i.Offsets.Entries &&
		int64(i.Aborted.Entries) <= i.Batches
}

// indexInterval is how many bytes of log share one entry of the offset index. Entries are due at positions that depend
// on the log alone, so that a rebuilt index has the checksum of the one that was lost.
const indexInterval = 4096

// note takes account of a batch at the end of the segment, and adds index entries when they are due.
func (i *Info) note(b record.Batch, nowMs int64, offsets *index.Offset, times *index.Time) {
	if i.count(b, nowMs) {
		i.enter(offsets, times)
	}
}

// count takes account of a batch. It reports whether index entries are due for it.
func (i *Info) count(b record.Batch, nowMs int64) (due bool) {
	position := i.Size
	if i.Batches == 0 {
		i.First = b.CRC()
	}
	i.CRC = fold(i.CRC, b)
	i.Size += int64(len(b))
	i.Batches++
	i.Next = b.LastOffset() + 1
	i.Epoch = b.PartitionLeaderEpoch()
	if i.MaxAppend = max(i.MaxAppend, nowMs); seeded.On(seeded.LastAppend) {
		i.MaxAppend = nowMs
	}
	i.Producers = i.Producers || b.ProducerID() >= 0
	if t := b.MaxTimestamp(); t > i.MaxTimestamp {
		i.MaxTimestamp, i.MaxAt = t, b.LastOffset()
	}
	if due = position-i.Indexed >= indexInterval; due {
		i.Indexed = position
	}
	return due
}

// enter adds the entries that are due for the batch that was counted last.
func (i *Info) enter(offsets *index.Offset, times *index.Time) {
	offsets.Append(uint32(i.Next-1-i.Base), uint32(i.Indexed))
	times.Append(i.MaxTimestamp, uint32(i.MaxAt-i.Base))
}
