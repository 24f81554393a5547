package record_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

// body is a record from its varints and bytes, with its length before it.
func body(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.AppendVarint(b, int64(p))
		case int64:
			b = binary.AppendVarint(b, p)
		case string:
			b = append(b, p...)
		}
	}
	return append(binary.AppendVarint(nil, int64(len(b))), b...)
}

func TestCorruptRecord(t *testing.T) {
	const null, attributes = -1, "\x00"
	good := func(delta int) []byte { return body(attributes, 0, delta, 1, "k", 1, "v", 0) }
	const counts = "key, value or header count"
	for _, c := range []struct {
		name   string
		field  string
		number int
		bytes  []byte // the second of three records
	}{
		{"negative length", "length", 1, slices.Concat(binary.AppendVarint(nil, -1), good(1)[1:])},
		{"length too small for a record", "length", 1, body("12345")},
		{"length beyond the batch", "length", 1, slices.Concat(binary.AppendVarint(nil, 1<<30), good(1)[1:])},
		{"length of 2^62", "length", 1, slices.Concat(binary.AppendVarint(nil, 1<<62), good(1)[1:])},
		{"length of more than 64 bits", "length", 1, slices.Concat(bytes.Repeat([]byte{0xff}, 10), good(1))},
		{"attributes", "attributes", 1, body("\x01", 0, 1, null, null, 0)},
		{"time before 1970", "timestamp delta", 1, body(attributes, int64(-1_700_000_000_002), 1, null, null, 0)},
		{"time delta that overflows", "timestamp delta", 1, body(attributes, int64(math.MaxInt64), 1, null, null, 0)},
		{"the same offset again", "offset delta", 1, good(0)},
		{"negative offset delta", "offset delta", 1, good(-1)},
		{"offset beyond the last", "offset delta", 1, good(3)},
		{"offset that leaves none", "offset delta", 2, good(2)},
		{"key length below null", counts, 1, body(attributes, 0, 1, -2, null, 0)},
		{"key beyond the record", counts, 1, body(attributes, 0, 1, 5, "k", null, 0)},
		{"value length below null", counts, 1, body(attributes, 0, 1, null, -2, 0)},
		{"value beyond the record", counts, 1, body(attributes, 0, 1, null, 2, "v", 0)},
		{"value in the next record", counts, 1, body(attributes, 0, 1, null, 1<<20, 0)},
		{"no header count", counts, 1, body(attributes, 0, 1, null, 2, "vv")},
		{"negative header count", counts, 1, body(attributes, 0, 1, null, null, -1)},
		{"header count beyond the record", counts, 1, body(attributes, 0, 1, null, null, 1<<31-1)},
		{"fewer headers than counted", "headers", 1, body(attributes, 0, 1, null, null, 2, 1, "h", null)},
		{"more headers than counted", "headers", 1, body(attributes, 0, 1, null, null, 0, 1, "h", null)},
		{"null header key", "headers", 1, body(attributes, 0, 1, null, null, 1, null, null)},
		{"header value below null", "headers", 1, body(attributes, 0, 1, null, null, 1, 1, "h", -2)},
		{"header key beyond the record", "headers", 1, body(attributes, 0, 1, null, null, 1, 9, "h", null)},
		{"varint that the record cuts", counts, 1, body(attributes, 0, 1, null, null, "\x80")},
		{"one too many", "length", 2, slices.Concat(good(1), good(2))},
	} {
		t.Run(c.name, func(t *testing.T) {
			records := slices.Concat(good(0), c.bytes, good(2))
			b := wrap(records, record.None, 3)
			binary.BigEndian.PutUint64(b[27:], 1_700_000_000_000)
			binary.BigEndian.PutUint64(b[35:], 1_700_000_000_000)
			require.NoError(t, seal(b).Verify(), "the header and the checksum are right")
			_, err := read(b)
			requireField(t, c.field, c.number, err)

			var r record.Reader
			require.NoError(t, r.Reset(b, maxBytes))
			slab, err := r.AppendTo(nil, 0, 100)
			requireField(t, c.field, c.number, err)
			require.Len(t, slab, c.number, "the sound ones before it")
			_, err = r.AppendTo(nil, 0, 0)
			require.Error(t, err, "the error stays")
			require.False(t, r.Next(&record.Record{}))
		})
	}
}

func TestRecordsThatDoNotEndWithTheBatch(t *testing.T) {
	one := body("\x00", 0, 0, 9, "key bytes", -1, 0)
	_, err := read(wrap(append(slices.Clone(one), 0), record.None, 1))
	requireField(t, "length", 0, err)
	_, err = read(wrap(one, record.None, 2))
	requireField(t, "length", 1, err)
}

// A batch that claims far more records than it has may not make the reader allocate for them.
func TestHostileCountAllocatesNothing(t *testing.T) {
	for _, codec := range codecs[1:] {
		b := values(t, record.Plain(codec), 100)
		b = bytes.Clone(b)
		binary.BigEndian.PutUint32(b[23:], math.MaxInt32)
		binary.BigEndian.PutUint32(b[57:], math.MaxInt32)
		require.NoError(t, seal(b).Verify(), "compressed, the header cannot tell")
		var r record.Reader
		requireField(t, "record count", -1, r.Reset(b, maxBytes))
		out, err := r.AppendTo(nil, 0, math.MaxInt)
		require.Error(t, err)
		require.Nil(t, out)
	}
}

func TestAppendTo(t *testing.T) {
	b := build(t, record.Plain(record.None), []rec{{Offset: 0}, {Offset: 1}, {Offset: 5}, {Offset: 6}, {Offset: 9}})
	b.SetBaseOffset(100)
	for _, c := range []struct {
		name  string
		from  int64
		limit int
		want  []int64
		then  []int64 // a second call without bounds
	}{
		{"all", 0, 10, []int64{100, 101, 105, 106, 109}, nil},
		{"from the base", 100, 10, []int64{100, 101, 105, 106, 109}, nil},
		{"from the middle", 101, 10, []int64{101, 105, 106, 109}, nil},
		{"from a gap", 102, 10, []int64{105, 106, 109}, nil},
		{"from the last", 109, 10, []int64{109}, nil},
		{"from behind", 110, 10, nil, nil},
		{"from the largest offset", math.MaxInt64, 10, nil, nil},
		{"one", 0, 1, []int64{100}, []int64{101, 105, 106, 109}},
		{"two from a gap", 102, 2, []int64{105, 106}, []int64{109}},
		{"one from a gap", 103, 1, []int64{105}, []int64{106, 109}},
		{"none", 0, 0, nil, []int64{100, 101, 105, 106, 109}},
		{"less than none", 0, -1, nil, []int64{100, 101, 105, 106, 109}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r record.Reader
			require.NoError(t, r.Reset(b, maxBytes))
			got, err := r.AppendTo(nil, c.from, c.limit)
			require.NoError(t, err)
			require.Equal(t, c.want, offsets(got))
			got, err = r.AppendTo(got, 0, math.MaxInt)
			require.NoError(t, err)
			require.Equal(t, append(c.want, c.then...), offsets(got))
		})
	}
}

// A batch without gaps is passed over by lengths alone.
func TestAppendToSkipsByLength(t *testing.T) {
	b := values(t, record.Plain(record.None), 100)
	for from := range int64(102) {
		var r record.Reader
		require.NoError(t, r.Reset(b, maxBytes))
		got, err := r.AppendTo(nil, from, 2)
		require.NoError(t, err)
		require.Len(t, got, int(max(0, min(2, 100-from))))
		for i, one := range got {
			require.Equal(t, from+int64(i), one.Offset)
			require.Equal(t, value(int(one.Offset)), one.Value)
		}
	}
	cut := bytes.Clone(b)
	cut[record.HeaderSize] = 0 // the length of the first record
	var r record.Reader
	require.NoError(t, r.Reset(cut, maxBytes))
	_, err := r.AppendTo(nil, 50, 1)
	requireField(t, "length", 0, err)
}

func offsets(rs []record.Record) (out []int64) {
	for _, r := range rs {
		out = append(out, r.Offset)
	}
	return out
}

func TestLogAppendTimeStampsEveryRecord(t *testing.T) {
	b := values(t, record.Options{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, LogAppendTime: true}, 3)
	rs, err := read(b)
	require.NoError(t, err)
	for _, r := range rs {
		require.Equal(t, int64(1_700_000_000_002), r.Timestamp)
	}
}

func TestRecordsDoNotShareCapacity(t *testing.T) {
	var r record.Reader
	require.NoError(t, r.Reset(values(t, record.Plain(record.None), 2), maxBytes))
	rs, err := r.AppendTo(nil, 0, 2)
	require.NoError(t, err)
	_ = append(rs[0].Value, "an append of the caller's"...)
	require.Equal(t, value(1), rs[1].Value)
}

func TestHeaders(t *testing.T) {
	headers := []record.Header{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte{}}}
	r := record.NewRecord(5, 6, []byte("k"), nil, headers)
	require.Equal(t, 3, r.NumHeaders)
	require.Equal(t, headers, r.AppendHeaders(nil))
	require.Equal(t, headers, slices.Collect(r.Headers()))
	for h := range r.Headers() {
		require.Equal(t, headers[0], h)
		break
	}
	none := record.NewRecord(5, 6, nil, nil, nil)
	require.Empty(t, slices.Collect(none.Headers()))

	var b record.Builder
	b.SetBaseOffset(5)
	require.NoError(t, b.AppendRecord(&r))
	batch, err := b.Finish()
	require.NoError(t, err)
	rs, err := read(batch)
	require.NoError(t, err)
	require.Equal(t, []rec{{5, 6, []byte("k"), nil, headers}}, rs)
}

func TestReadingAllocatesNothing(t *testing.T) {
	b := values(t, record.Plain(record.None), 100)
	var r record.Reader
	slab := make([]record.Record, 0, 100)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		require.NoError(t, r.Reset(b, maxBytes))
		slab, _ = r.AppendTo(slab[:0], 50, 100)
		require.NoError(t, b.Verify())
	}))
	require.Len(t, slab, 50)
}
