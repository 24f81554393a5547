package record_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

// seeds are batches of every kind.
func seeds(f *testing.F) (bs []record.Batch) {
	for _, codec := range codecs {
		bs = append(bs, bytes.Clone(build(f, record.Plain(codec), samples())))
	}
	var b record.Builder
	b.SetLastOffsetDelta(3)
	empty, err := b.Finish()
	require.NoError(f, err)
	return append(bs, empty, record.EndTxnMarker(true, 1, 2, 3, 4))
}

// No bytes make Parse panic, and what it accepts has fields that fit together.
func FuzzParse(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add([]byte(b))
		f.Add([]byte(b[:len(b)-1]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		size, peekErr := record.Peek(b)
		batch, err := record.Parse(b)
		_ = record.Batch(b).Verify()
		if err != nil {
			return
		}
		require.NoError(t, peekErr)
		require.Equal(t, size, batch.Size())
		require.LessOrEqual(t, int64(batch.Count()), int64(batch.LastOffsetDelta())+1)
		require.GreaterOrEqual(t, batch.LastOffset(), batch.BaseOffset())
		require.Less(t, batch.LastOffset(), int64(math.MaxInt64))
		require.NotEmpty(t, batch.Options().Compression.String())
	})
}

// No records make Reader panic, and what it accepts, a Builder writes and reads again the same.
func FuzzReader(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := record.Batch(data)
		var r record.Reader
		if r.Reset(b, 1<<20) != nil {
			return
		}
		slab, slabErr := r.AppendTo(nil, 0, math.MaxInt)
		require.LessOrEqual(t, len(slab), b.Count())

		rs, err := read(b)
		require.Equal(t, slabErr, err)
		require.Len(t, rs, len(slab))
		var again record.Builder
		again.Reset(b.Options())
		again.SetBaseOffset(b.BaseOffset())
		again.SetLastOffsetDelta(b.LastOffsetDelta())
		for i := range slab {
			require.Equal(t, rs[i], plain(&slab[i]))
			require.NoError(t, again.AppendRecord(&slab[i]))
		}
		if err != nil || b.LogAppendTime() {
			return
		}
		rebuilt, err := again.Finish()
		require.NoError(t, err)
		require.NoError(t, rebuilt.Verify())
		got, err := read(rebuilt)
		require.NoError(t, err)
		require.Equal(t, rs, got)
	})
}

// No payload makes a codec panic or give more than it is allowed to. Pooled codecs make coverage differ from run to
// run, which keeps the fuzzer minimizing instead of searching: run this target with -fuzzminimizetime 1x.
func FuzzDecompress(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(int8(b.Compression()), []byte(b[record.HeaderSize:]))
	}
	f.Fuzz(func(t *testing.T, codec int8, payload []byte) {
		if len(payload) == 0 {
			return
		}
		const limit = 64 << 10
		var r record.Reader
		if r.Reset(wrap(payload, record.Compression(codec&3+1), 1), limit) != nil {
			return
		}
		var c record.Record
		if r.Next(&c) {
			require.Less(t, len(c.Key)+len(c.Value), limit)
		}
	})
}
