package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

// benchmarked are the values that the benchmarks send.
var benchmarked = []struct {
	name  string
	codec Codec
	value any
}{
	{"raw", Raw, make([]byte, 100)},
	{"msgpack", MsgPack, map[string]any{"order_id": "123", "customer": "cust-456", "amount": 99.99}},
}

// benchmarkBatch is one record as it stands in the file.
func benchmarkBatch(b *testing.B, records int) []byte {
	var builder record.Builder
	for range records {
		require.NoError(b, builder.Append(1, []byte("customer-456"), make([]byte, 100), nil))
	}
	batch, err := builder.Finish()
	require.NoError(b, err)
	return batch
}

// BenchmarkFloor is what no log can beat: the positional writes of the same bytes, and nothing else.
func BenchmarkFloor(b *testing.B) {
	for _, records := range []int{1, 1000} {
		b.Run(fmt.Sprint(records), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
			require.NoError(b, err)
			defer f.Close()
			batch := benchmarkBatch(b, records)
			b.ReportAllocs()
			var at int64
			for b.Loop() {
				if at > 1<<28 {
					at = 0
				}
				n, _ := f.WriteAt(batch, at)
				at += int64(n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
		})
	}
}

func BenchmarkSend(b *testing.B) {
	for _, v := range benchmarked {
		for _, goroutines := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", v.name, goroutines), func(b *testing.B) {
				p := open(b, WithDir(b.TempDir()), WithCodec(v.codec)).Producer("t", WithAcks(AcksLeader))
				m := Message{Key: "customer-456", Value: v.value}
				require.NoError(b, p.Send(b.Context(), m))
				b.ReportAllocs()
				if goroutines == 1 {
					ctx := b.Context()
					for b.Loop() {
						if err := p.Send(ctx, m); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				var failed atomic.Pointer[error]
				b.SetParallelism(goroutines / 2)
				b.RunParallel(func(pb *testing.PB) {
					ctx := b.Context()
					for pb.Next() {
						if err := p.Send(ctx, m); err != nil {
							failed.Store(&err)
						}
					}
				})
				require.Nil(b, failed.Load())
			})
		}
	}
}

func BenchmarkSendBatch(b *testing.B) {
	const records = 1000
	for _, v := range benchmarked {
		b.Run(v.name, func(b *testing.B) {
			p := open(b, WithDir(b.TempDir()), WithCodec(v.codec)).Producer("t", WithAcks(AcksLeader))
			ms := make([]Message, records)
			for i := range ms {
				ms[i] = Message{Key: "customer-456", Value: v.value}
			}
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if err := p.SendBatch(ctx, ms); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
		})
	}
}

// BenchmarkAsyncSend counts a record when its outcome is known.
func BenchmarkAsyncSend(b *testing.B) {
	for _, v := range benchmarked {
		for _, senders := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", v.name, senders), func(b *testing.B) {
				p := open(b, WithDir(b.TempDir()), WithCodec(v.codec)).AsyncProducer("t", WithAcks(AcksLeader), WithLingerMs(5))
				m := Message{Key: "customer-456", Value: v.value}
				_, err := p.Send(b.Context(), m).Wait(b.Context())
				require.NoError(b, err)
				b.ReportAllocs()
				b.ResetTimer()
				var done sync.WaitGroup
				for i := range senders {
					done.Go(func() {
						ctx := b.Context()
						for range (b.N + i) / senders {
							p.Send(ctx, m)
						}
					})
				}
				done.Wait()
				require.NoError(b, p.Flush(b.Context()))
			})
		}
	}
}
