package record_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var codecs = []record.Compression{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd}

const maxBytes = 16 << 20

// rec is a record as tests compare it.
type rec struct {
	Offset, Timestamp int64
	Key, Value        []byte
	Headers           []record.Header
}

// samples have every kind of null and empty.
func samples() []rec {
	const t = 1_700_000_000_000
	return []rec{
		{0, t, []byte("key"), []byte("value"), nil},
		{1, t - 5, nil, []byte("no key, earlier"), nil},
		{2, t + 1<<40, []byte("tombstone, much later"), nil, nil},
		{3, t, []byte{}, []byte{}, nil},
		{4, -1, nil, nil, nil},
		{5, t, []byte("k"), value(1), []record.Header{{"a", []byte("1")}, {"a", nil}, {"", []byte{}}, {"é", value(2)}}},
	}
}

// value is 100 bytes that compress about as well as JSON does.
func value(i int) []byte {
	return fmt.Appendf(nil, `{"id":%08d,"name":"customer-%06d","city":"Amsterdam","balance":%010d,"active":true,"n":%04d}`,
		i*7919%1e8, i, i*31, i%977)[:100]
}

func build(tb testing.TB, o record.Options, rs []rec) record.Batch {
	tb.Helper()
	var b record.Builder
	b.Reset(o)
	for _, r := range rs {
		require.NoError(tb, b.AppendAt(int32(r.Offset), r.Timestamp, r.Key, r.Value, r.Headers))
	}
	batch, err := b.Finish()
	require.NoError(tb, err)
	require.NoError(tb, batch.Verify())
	return batch
}

// values builds a batch of n records like those that benchmarks use.
func values(tb testing.TB, o record.Options, n int) record.Batch {
	tb.Helper()
	rs := make([]rec, n)
	for i := range rs {
		rs[i] = rec{Offset: int64(i), Timestamp: 1_700_000_000_000 + int64(i), Value: value(i)}
	}
	return build(tb, o, rs)
}

func read(b record.Batch) (rs []rec, err error) {
	var r record.Reader
	if err := r.Reset(b, maxBytes); err != nil {
		return nil, err
	}
	for c := (record.Record{}); r.Next(&c); {
		rs = append(rs, plain(&c))
	}
	return rs, r.Err()
}

func plain(r *record.Record) rec {
	return rec{r.Offset, r.Timestamp, r.Key, r.Value, r.AppendHeaders(nil)}
}

// seal recomputes the checksum of a batch that a test has changed.
func seal(b record.Batch) record.Batch {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// wrap puts records, valid or not, behind a header that says how many they are.
func wrap(records []byte, codec record.Compression, count int32) record.Batch {
	b := make(record.Batch, record.HeaderSize, record.HeaderSize+len(records))
	binary.BigEndian.PutUint32(b[8:], uint32(record.HeaderSize-12+len(records)))
	b[16] = 2
	binary.BigEndian.PutUint16(b[21:], uint16(codec))
	binary.BigEndian.PutUint32(b[23:], uint32(max(count-1, 0)))
	for i := 43; i < 57; i++ {
		b[i] = 0xff // no producer
	}
	binary.BigEndian.PutUint32(b[57:], uint32(count))
	return seal(append(b, records...))
}
