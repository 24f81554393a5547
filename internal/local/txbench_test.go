package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// fsyncTime is how long one fsync of a growing file takes, which it is measured against in the same run.
func fsyncTime(b *testing.B, dir string) time.Duration {
	f, err := vfs.OS(dir)
	require.NoError(b, err)
	file, err := f.OpenFile("floor", os.O_RDWR|os.O_CREATE)
	require.NoError(b, err)
	defer file.Close()
	const n = 200
	buf := make([]byte, 170)
	start := time.Now()
	for i := range int64(n) {
		_, err := file.WriteAt(buf, i*int64(len(buf)))
		require.NoError(b, err)
		require.NoError(b, file.Sync())
	}
	return time.Since(start) / n
}

// BenchmarkTransaction is one transaction over two partitions, with offsets: alone, and 64 at once.
func BenchmarkTransaction(b *testing.B) {
	for _, at := range []int{1, 64} {
		b.Run(fmt.Sprintf("at once %d", at), func(b *testing.B) {
			b.ReportAllocs()
			dir := b.TempDir()
			floor := fsyncTime(b, dir)
			e := benchEngine(b, filepath.Join(dir, "log"))
			b.SetParallelism((at + 1) / 2)
			var workers atomic.Int64
			run := func(next func() bool) {
				id := workers.Add(1)
				p, err := e.OpenProducer(b.Context(), engine.ProducerConfig{})
				require.NoError(b, err)
				group := fmt.Sprintf("g%d", id)
				value := make([]byte, 100)
				for i := int64(1); next(); i++ {
					rs := []engine.Record{
						{Value: value, Partition: 0, Timestamp: engine.NoTimestamp},
						{Value: value, Partition: 1, Timestamp: engine.NoTimestamp},
					}
					require.NoError(b, p.Begin(b.Context()))
					_, err := p.Produce(b.Context(), "t", rs)
					require.NoError(b, err)
					offsets := map[engine.TopicPartition]int64{tp("in", 0): i % 1000}
					require.NoError(b, p.SendOffsets(b.Context(), group, offsets, nil))
					require.NoError(b, p.End(b.Context(), true))
				}
				require.NoError(b, p.Close())
			}
			b.ResetTimer()
			if at == 1 {
				n := 0
				run(func() bool { n++; return n <= b.N })
			} else {
				b.RunParallel(func(pb *testing.PB) { run(pb.Next) })
			}
			b.StopTimer()
			each := b.Elapsed() / time.Duration(b.N)
			floor = (floor + fsyncTime(b, dir)) / 2
			b.ReportMetric(float64(each)/float64(floor), "x-fsync")
			b.ReportMetric(float64(e.Stats().Fsyncs)/float64(b.N), "log-fsyncs/tx")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}

func benchEngine(b *testing.B, dir string) *local.Engine {
	require.NoError(b, os.Mkdir(dir, 0o700))
	f, err := vfs.OS(dir)
	require.NoError(b, err)
	e := open(b, local.Options{FS: f, Clock: clock.Real})
	require.NoError(b, e.CreateTopic(b.Context(), "t", engine.TopicConfig{Partitions: 2}))
	require.NoError(b, e.CreateTopic(b.Context(), "in", engine.TopicConfig{}))
	in := producer(b, e, engine.AcksAll)
	rs := make([]engine.Record, 1000)
	for i := range rs {
		rs[i] = rec("x")
	}
	send(b, in, "in", rs...)
	return e
}

// BenchmarkRecordInATransaction is one of many in one transaction.
func BenchmarkRecordInATransaction(b *testing.B) {
	b.ReportAllocs()
	e := benchEngine(b, filepath.Join(b.TempDir(), "log"))
	p := producer(b, e, engine.AcksAll)
	require.NoError(b, p.Begin(b.Context()))
	rs := []engine.Record{{Value: make([]byte, 100)}}
	for i := 0; b.Loop(); i++ {
		rs[0].Partition, rs[0].Timestamp = int32(i%2), engine.NoTimestamp
		if _, err := p.Produce(b.Context(), "t", rs); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, p.End(b.Context(), true))
}
