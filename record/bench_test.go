package record_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

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
			batch := values(b, record.Plain(record.None), n)
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
				batch := bytes.Clone(values(b, record.Plain(codec), n))
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

// BenchmarkReaderSkip passes over half of a batch.
func BenchmarkReaderSkip(b *testing.B) {
	b.ReportAllocs()
	const n = 1000
	batch := bytes.Clone(values(b, record.Plain(record.None), n))
	var r record.Reader
	slab := make([]record.Record, 0, 1)
	for b.Loop() {
		if err := r.Reset(batch, 1<<20); err != nil {
			b.Fatal(err)
		}
		out, err := r.AppendTo(slab, n/2, 1)
		if err != nil || len(out) != 1 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n/2), "ns/record")
}
