package record_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/record"
)

func TestRoundTrip(t *testing.T) {
	for _, codec := range codecs {
		t.Run(codec.String(), func(t *testing.T) {
			batch := build(t, record.Plain(codec), samples())
			require.Equal(t, codec, batch.Compression())
			got, err := read(batch)
			require.NoError(t, err)
			require.Equal(t, samples(), got)
		})
	}
}

func drawRecords(t *rapid.T) []rec {
	blob := func(name string) []byte {
		if rapid.Bool().Draw(t, name+" is null") {
			return nil
		}
		return rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, name)
	}
	rs := make([]rec, rapid.IntRange(1, 50).Draw(t, "records"))
	offset := int64(-1)
	for i := range rs {
		offset += rapid.Int64Range(1, 1000).Draw(t, "gap")
		ts := rapid.Int64Min(-1).Draw(t, "timestamp")
		rs[i] = rec{Offset: offset, Timestamp: ts, Key: blob("key"), Value: blob("value")}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			h := record.Header{Key: rapid.String().Draw(t, "header"), Value: blob("header value")}
			rs[i].Headers = append(rs[i].Headers, h)
		}
	}
	return rs
}

func TestRoundTripOfAnything(t *testing.T) {
	var b record.Builder
	rapid.Check(t, func(t *rapid.T) {
		o := record.Plain(rapid.SampledFrom(codecs).Draw(t, "codec"))
		base := rapid.Int64Range(0, 1<<62).Draw(t, "base offset")
		rs := drawRecords(t)
		b.Reset(o)
		b.SetBaseOffset(base)
		for i, r := range rs {
			size := b.Size()
			require.NoError(t, b.AppendAt(int32(r.Offset), r.Timestamp, r.Key, r.Value, r.Headers))
			require.LessOrEqual(t, b.Size()-size, record.SizeOf(r.Key, r.Value, r.Headers))
			rs[i].Offset += base
		}
		batch, err := b.Finish()
		require.NoError(t, err)
		require.LessOrEqual(t, batch.Size(), b.Size())
		require.NoError(t, batch.Verify())
		got, err := read(batch)
		require.NoError(t, err)
		require.Equal(t, rs, got)
	})
}

// A second build from what the first one holds, as compaction does it, gives the same bytes.
func TestRebuildIsIdentical(t *testing.T) {
	for _, codec := range codecs {
		t.Run(codec.String(), func(t *testing.T) {
			o := record.Options{Compression: codec, ProducerID: 9, ProducerEpoch: 3, BaseSequence: 77, PartitionLeaderEpoch: 5,
				Transactional: true}
			first := build(t, o, samples())
			first.SetBaseOffset(1000)

			var r record.Reader
			require.NoError(t, r.Reset(first, maxBytes))
			var b record.Builder
			b.Reset(first.Options())
			b.SetBaseOffset(first.BaseOffset())
			b.SetLastOffsetDelta(first.LastOffsetDelta())
			for c := (record.Record{}); r.Next(&c); {
				require.NoError(t, b.AppendRecord(&c))
			}
			second, err := b.Finish()
			require.NoError(t, err)
			require.True(t, bytes.Equal(first, second))
		})
	}
}
