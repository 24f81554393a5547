package record_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

func TestPeek(t *testing.T) {
	header := func(length uint32, magic byte) []byte {
		b := make([]byte, 17)
		binary.BigEndian.PutUint32(b[8:], length)
		b[16] = magic
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		size int
		err  error
	}{
		{"nothing", nil, 0, record.ErrShort},
		{"zeros, too few to tell", make([]byte, 11), 0, record.ErrShort},
		{"zeros", make([]byte, 12), 0, record.ErrEnd},
		{"more zeros", make([]byte, 4096), 0, record.ErrEnd},
		{"no magic yet", header(49, 2)[:16], 0, record.ErrShort},
		{"smallest", header(49, 2), 61, nil},
		{"largest", header(math.MaxInt32-12, 2), math.MaxInt32, nil},
		{"too small", header(48, 2), 0, record.ErrInvalid},
		{"too large", header(math.MaxInt32-11, 2), 0, record.ErrInvalid},
		{"negative", header(math.MaxUint32, 2), 0, record.ErrInvalid},
		{"negative, no magic yet", header(math.MaxUint32, 2)[:12], 0, record.ErrInvalid},
		{"magic 0", header(49, 0), 0, record.ErrInvalid},
		{"magic 1", header(49, 1), 0, record.ErrInvalid},
		{"magic 3", header(49, 3), 0, record.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			size, err := record.Peek(c.b)
			require.Equal(t, c.size, size)
			require.ErrorIs(t, err, c.err)
		})
	}
}

func TestParseTakesTheFirstBatch(t *testing.T) {
	first := bytes.Clone(build(t, record.Plain(record.None), samples()))
	two := append(bytes.Clone(first), first...)
	batch, err := record.Parse(two)
	require.NoError(t, err)
	require.Equal(t, record.Batch(first), batch)
	require.Equal(t, len(batch), cap(batch))
	require.ErrorIs(t, record.Batch(two).Verify(), record.ErrInvalid)

	for n := range first {
		_, err := record.Parse(first[:n])
		require.ErrorIs(t, err, record.ErrShort, "%d bytes", n)
		require.ErrorIs(t, record.Batch(first[:n]).Verify(), record.ErrShort, "%d bytes", n)
	}
}

func TestAccessors(t *testing.T) {
	b := values(t, record.Options{Compression: record.LZ4, ProducerID: 7, ProducerEpoch: 3, BaseSequence: math.MaxInt32 - 1,
		PartitionLeaderEpoch: 11, Transactional: true, Control: true, LogAppendTime: true, DeleteHorizonMs: 99}, 40)
	b.SetBaseOffset(1 << 40)
	b.SetPartitionLeaderEpoch(12)
	require.NoError(t, b.Verify(), "patches lie outside the checksum")
	require.Equal(t, int64(1<<40), b.BaseOffset())
	require.Equal(t, int64(1<<40+39), b.LastOffset())
	require.Equal(t, int32(39), b.LastOffsetDelta())
	require.Equal(t, len(b), b.Size())
	require.Equal(t, int32(12), b.PartitionLeaderEpoch())
	require.Equal(t, int16(0x7b), b.Attributes())
	require.Equal(t, record.LZ4, b.Compression())
	require.True(t, b.IsTransactional())
	require.True(t, b.IsControl())
	require.True(t, b.LogAppendTime())
	require.True(t, b.HasDeleteHorizon())
	require.Equal(t, int64(99), b.BaseTimestamp())
	require.Equal(t, int64(1_700_000_000_039), b.MaxTimestamp())
	require.Equal(t, int64(7), b.ProducerID())
	require.Equal(t, int16(3), b.ProducerEpoch())
	require.Equal(t, int32(math.MaxInt32-1), b.BaseSequence())
	require.Equal(t, int32(37), b.LastSequence(), "after 2^31-1 comes 0")
	require.Equal(t, 40, b.Count())
	require.Equal(t, int32(-1), values(t, record.Plain(record.None), 2).LastSequence())
}

// One field is wrong per row, under a checksum that is right.
func TestCorruptHeader(t *testing.T) {
	u16, u32, u64 := binary.BigEndian.PutUint16, binary.BigEndian.PutUint32, binary.BigEndian.PutUint64
	for _, c := range []struct {
		name    string
		field   string
		corrupt func(b []byte)
	}{
		{"negative base offset", "base offset", func(b []byte) { u64(b, 1<<63) }},
		{"last offset beyond an int64", "last offset delta", func(b []byte) { u64(b, math.MaxInt64-5) }},
		{"length of less than a header", "length", func(b []byte) { u32(b[8:], 48) }},
		{"old magic", "magic", func(b []byte) { b[16] = 1 }},
		{"reserved attribute bit 7", "attributes", func(b []byte) { b[22] |= 0x80 }},
		{"reserved attribute bit 15", "attributes", func(b []byte) { b[21] |= 0x80 }},
		{"codec 5", "attributes", func(b []byte) { b[22] |= 5 }},
		{"codec 7", "attributes", func(b []byte) { b[22] |= 7 }},
		{"negative last offset delta", "last offset delta", func(b []byte) { u32(b[23:], math.MaxUint32) }},
		{"last offset delta below the count", "record count", func(b []byte) { u32(b[23:], 4) }},
		{"max timestamp below base timestamp", "max timestamp", func(b []byte) { u64(b[35:], 5) }},
		{"max timestamp below none", "max timestamp", func(b []byte) { u64(b[35:], math.MaxUint64-1) }},
		{"producer id below none", "producer id", func(b []byte) { u64(b[43:], math.MaxUint64-1) }},
		{"transactional without producer id", "producer id", func(b []byte) { u64(b[43:], math.MaxUint64) }},
		{"producer epoch below none", "producer epoch", func(b []byte) { u16(b[51:], math.MaxUint16-1) }},
		{"producer id without epoch", "producer epoch", func(b []byte) { u16(b[51:], math.MaxUint16) }},
		{"base sequence below none", "base sequence", func(b []byte) { u32(b[53:], math.MaxUint32-1) }},
		{"negative count", "record count", func(b []byte) { u32(b[57:], math.MaxUint32) }},
		{"count of 0 with records", "record count", func(b []byte) { u32(b[57:], 0) }},
		{"more records than offsets", "record count", func(b []byte) { u32(b[57:], 7) }},
		{"more records than bytes", "record count", func(b []byte) { u32(b[23:], 1<<30); u32(b[57:], 1<<30) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := record.Options{ProducerID: 4, ProducerEpoch: 1, BaseSequence: 0, Transactional: true}
			b := bytes.Clone(build(t, o, samples()))
			c.corrupt(b)
			seal(b)
			_, err := record.Parse(b)
			requireField(t, c.field, -1, err)
			requireField(t, c.field, -1, record.Batch(b).Verify())
			var r record.Reader
			requireField(t, c.field, -1, r.Reset(b, maxBytes))
			require.False(t, r.Next(&record.Record{}))
			requireField(t, c.field, -1, r.Err())
		})
	}
}

func requireField(t *testing.T, field string, number int, err error) {
	t.Helper()
	require.ErrorIs(t, err, record.ErrInvalid)
	var f *record.FieldError
	require.ErrorAs(t, err, &f)
	require.Equal(t, field, f.Field, err)
	require.Equal(t, number, f.Record, err)
	require.Contains(t, err.Error(), field)
}

func TestValidOddities(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(b []byte)
	}{
		{"compacted: fewer records than offsets", func(b []byte) { b[26] = 200 }},
		{"delete horizon: base timestamp in the future", func(b []byte) { b[22] |= 0x40; b[27] = 0x20 }},
		{"log append time behind the producer's clock", func(b []byte) { b[22] |= 8; b[27] = 0x20 }},
		{"producer epoch and sequence without an id", func(b []byte) { clear(b[51:57]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bytes.Clone(build(t, record.Plain(record.None), samples()))
			c.make(b)
			require.NoError(t, seal(b).Verify())
			_, err := read(b)
			require.NoError(t, err)
		})
	}
}

// Every bit that the checksum covers, and those of length and magic before it.
func TestVerifyCatchesEveryFlippedBit(t *testing.T) {
	for _, codec := range codecs {
		good := bytes.Clone(build(t, record.Plain(codec), samples()))
		for bit := 8 * 8; bit < 8*len(good); bit++ {
			if bit >= 12*8 && bit < 16*8 {
				continue // the leader epoch is outside the checksum
			}
			b := bytes.Clone(good)
			b[bit/8] ^= 0x80 >> (bit % 8)
			require.Error(t, record.Batch(b).Verify(), "%v: bit %d of byte %d", codec, bit%8, bit/8)
		}
	}
}
