package record_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

var codecs = []record.Compression{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd}

// value is 100 bytes that compress about as well as JSON does.
func value(i int) []byte {
	return fmt.Appendf(nil, `{"id":%08d,"name":"customer-%06d","city":"Amsterdam","balance":%010d,"active":true,"n":%04d}`,
		i*7919, i, i*i*31, i%977)[:100]
}

func build(tb testing.TB, o record.Options, n int) record.Batch {
	tb.Helper()
	var b record.Builder
	b.Reset(o)
	for i := range n {
		require.NoError(tb, b.Append(1_700_000_000_000+int64(i), nil, value(i), nil))
	}
	batch, err := b.Finish()
	require.NoError(tb, err)
	return batch
}

func BenchmarkBuilder(b *testing.B) {
	v := value(42)
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var builder record.Builder
			for b.Loop() {
				builder.Reset(record.Plain(record.None))
				for i := range n {
					if err := builder.Append(1_700_000_000_000+int64(i), nil, v, nil); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := builder.Finish(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/record")
		})
	}
}

func BenchmarkBuilderAppend(b *testing.B) {
	b.ReportAllocs()
	v := value(42)
	var builder record.Builder
	builder.Reset(record.Plain(record.None))
	for b.Loop() {
		if builder.Size() > 1<<20 {
			builder.Reset(record.Plain(record.None))
		}
		if err := builder.Append(1_700_000_000_000, nil, v, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFinish(b *testing.B) {
	for _, codec := range codecs {
		for _, n := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%v/records=%d", codec, n), func(b *testing.B) {
				b.ReportAllocs()
				var builder record.Builder
				builder.Reset(record.Plain(codec))
				for i := range n {
					require.NoError(b, builder.Append(1_700_000_000_000, nil, value(i), nil))
				}
				b.SetBytes(int64(builder.Size()))
				for b.Loop() {
					if _, err := builder.Finish(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			batch := build(b, record.Plain(record.None), n)
			for b.Loop() {
				if err := batch.Verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	for _, codec := range codecs {
		for _, n := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%v/records=%d", codec, n), func(b *testing.B) {
				b.ReportAllocs()
				batch := bytes.Clone(build(b, record.Plain(codec), n))
				var r record.Reader
				slab := make([]record.Record, 0, n)
				for b.Loop() {
					if err := r.Reset(batch, 1<<20); err != nil {
						b.Fatal(err)
					}
					out, err := r.AppendTo(slab, 0, n)
					if err != nil || len(out) != n {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/record")
			})
		}
	}
}
