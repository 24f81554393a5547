package record_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

// The bytes of a batch, spelled out, so that the format cannot change unseen.
func TestGoldenBatch(t *testing.T) {
	o := record.Options{ProducerID: 1, ProducerEpoch: 2, BaseSequence: 3, PartitionLeaderEpoch: 4}
	b := build(t, o, []rec{{0, 1000, []byte("k"), []byte("value"), []record.Header{{"h", nil}}}, {2, 999, nil, nil, nil}})
	b.SetBaseOffset(5)
	const golden = "0000000000000005" + "00000048" + "00000004" + "02" + "054ef17e" + "0000" + "00000002" +
		"00000000000003e8" + "00000000000003e8" + "0000000000000001" + "0002" + "00000003" + "00000002" +
		"1e" + "00" + "00" + "00" + "026b" + "0a76616c7565" + "02" + "0268" + "01" +
		"0c" + "00" + "01" + "04" + "01" + "01" + "00"
	require.Equal(t, golden, hex.EncodeToString(b))
}

func TestZeroBuilder(t *testing.T) {
	var b record.Builder
	require.Equal(t, record.HeaderSize, b.Size())
	require.Zero(t, b.Count())
	_, err := b.Finish()
	require.ErrorIs(t, err, record.ErrEmpty)
	require.NoError(t, b.Append(1, nil, []byte("v"), nil))
	require.Equal(t, 1, b.Count())
	batch, err := b.Finish()
	require.NoError(t, err)
	require.NoError(t, batch.Verify())
	require.Equal(t, record.Plain(record.None), batch.Options())
}

func TestBuilderGoesOnAfterFinish(t *testing.T) {
	var b record.Builder
	require.NoError(t, b.Append(1, nil, []byte("first"), nil))
	first, err := b.Finish()
	require.NoError(t, err)
	first.SetBaseOffset(100)
	require.NoError(t, b.Append(2, nil, []byte("second"), nil))
	both, err := b.Finish()
	require.NoError(t, err)
	rs, err := read(both)
	require.NoError(t, err)
	require.Equal(t, []rec{{0, 1, nil, []byte("first"), nil}, {1, 2, nil, []byte("second"), nil}}, rs)
}

func TestAppendRefuses(t *testing.T) {
	var b record.Builder
	require.NoError(t, b.AppendAt(5, 1, nil, nil, nil))
	for _, c := range []struct {
		name  string
		field string
		err   error
	}{
		{"the same offset", "offset delta", b.AppendAt(5, 1, nil, nil, nil)},
		{"a smaller offset", "offset delta", b.AppendAt(4, 1, nil, nil, nil)},
		{"a negative offset", "offset delta", b.AppendAt(-1, 1, nil, nil, nil)},
		{"an offset below the base", "offset delta", b.AppendRecord(&record.Record{Offset: -1})},
		{"an offset far above the base", "offset delta", b.AppendRecord(&record.Record{Offset: 1 << 31})},
		{"a time before 1970", "timestamp", b.Append(-2, nil, nil, nil)},
	} {
		t.Run(c.name, func(t *testing.T) { requireField(t, c.field, 1, c.err) })
	}
	require.Equal(t, 1, b.Count())
	require.NoError(t, b.AppendAt(math.MaxInt32, 1, nil, nil, nil))
	requireField(t, "offset delta", 2, b.Append(1, nil, nil, nil))
	batch, err := b.Finish()
	require.NoError(t, err)
	rs, err := read(batch)
	require.NoError(t, err)
	require.Len(t, rs, 2)
}

// A key that stands for many does not take the memory that it would take copied.
func TestAppendGuardsTheSizeOfABatch(t *testing.T) {
	key := make([]byte, 1<<20)
	headers := make([]record.Header, 2049)
	for i := range headers {
		headers[i].Value = key
	}
	var b record.Builder
	require.NoError(t, b.Append(1, nil, nil, nil))
	size := b.Size()
	require.ErrorIs(t, b.Append(1, nil, nil, headers), record.ErrTooLarge)
	require.Equal(t, size, b.Size())
	require.Equal(t, 1, b.Count())
	require.GreaterOrEqual(t, record.SizeOf(nil, nil, headers), math.MaxInt32)
}

func TestFinishRefusesOptions(t *testing.T) {
	set := func(f func(*record.Options)) record.Options {
		o := record.Plain(record.None)
		f(&o)
		return o
	}
	for _, c := range []struct {
		name, field string
		o           record.Options
	}{
		{"transactional without producer", "producer id", set(func(o *record.Options) { o.Transactional = true })},
		{"producer without epoch", "producer epoch", set(func(o *record.Options) { o.ProducerID = 1 })},
		{"producer id below none", "producer id", set(func(o *record.Options) { o.ProducerID = -2 })},
		{"sequence below none", "base sequence", set(func(o *record.Options) { o.BaseSequence = -2 })},
		{"codec 5", "attributes", set(func(o *record.Options) { o.Compression = 5 })},
		{"negative codec", "attributes", set(func(o *record.Options) { o.Compression = -1 })},
		{"gzip level", "compression level", set(func(o *record.Options) { o.Compression, o.Level = record.Gzip, 10 })},
		{"lz4 level", "compression level", set(func(o *record.Options) { o.Compression, o.Level = record.LZ4, 10 })},
		{"zstd level", "compression level", set(func(o *record.Options) { o.Compression, o.Level = record.Zstd, -1 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b record.Builder
			b.Reset(c.o)
			require.NoError(t, b.Append(1, nil, nil, nil))
			_, err := b.Finish()
			requireField(t, c.field, -1, err)
		})
	}
}

// Compaction keeps the span of a batch and its producer when it removes records, even all of them.
func TestCompaction(t *testing.T) {
	for _, codec := range codecs {
		for _, keep := range []int{0, 1, 30} {
			source := bytes.Clone(values(t, record.Options{Compression: codec, ProducerID: 8, ProducerEpoch: 1, BaseSequence: 50,
				PartitionLeaderEpoch: 3, DeleteHorizonMs: 1_800_000_000_000}, 60))
			record.Batch(source).SetBaseOffset(1000)
			var r record.Reader
			require.NoError(t, r.Reset(source, maxBytes))
			rs, err := r.AppendTo(nil, 0, 60)
			require.NoError(t, err)

			var b record.Builder
			b.Reset(record.Batch(source).Options())
			b.SetBaseOffset(1000)
			b.SetLastOffsetDelta(59)
			for i := range keep {
				require.NoError(t, b.AppendRecord(&rs[2*i]))
			}
			batch, err := b.Finish()
			require.NoError(t, err)
			require.NoError(t, batch.Verify())
			require.Equal(t, int64(1000), batch.BaseOffset())
			require.Equal(t, int64(1059), batch.LastOffset())
			require.Equal(t, int32(109), batch.LastSequence())
			require.Equal(t, int64(8), batch.ProducerID())
			require.Equal(t, int32(3), batch.PartitionLeaderEpoch())
			require.True(t, batch.HasDeleteHorizon())
			require.Equal(t, keep, batch.Count())
			got, err := read(batch)
			require.NoError(t, err)
			require.Len(t, got, keep)
			for i := range got {
				require.Equal(t, plain(&rs[2*i]), got[i])
			}
		}
	}
}

func TestFinishNeverGrowsABatch(t *testing.T) {
	for _, codec := range codecs {
		b := build(t, record.Plain(codec), []rec{{Value: []byte("short")}})
		require.Equal(t, record.None, b.Compression())
	}
}

func TestBuildingAllocatesNothing(t *testing.T) {
	var b record.Builder
	v, headers := value(1), []record.Header{{Key: "h", Value: []byte("v")}}
	for _, codec := range []record.Compression{record.None, record.Snappy} { // other codecs' pools may be emptied
		require.Zero(t, testing.AllocsPerRun(20, func() {
			b.Reset(record.Plain(codec))
			for range 50 {
				require.NoError(t, b.Append(1, v, v, headers))
			}
			_, err := b.Finish()
			require.NoError(t, err)
		}), codec)
	}
}
