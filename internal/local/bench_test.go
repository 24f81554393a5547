package local_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// onDisk is an engine in a temporary directory.
func onDisk(b *testing.B) *local.Engine {
	f, err := vfs.OS(b.TempDir())
	require.NoError(b, err)
	return open(b, local.Options{FS: f, Clock: clock.Real})
}

// BenchmarkProduce sends one record of 100 bytes, to the operating system and to the disk.
func BenchmarkProduce(b *testing.B) {
	for name, acks := range map[string]engine.Acks{"leader": engine.AcksLeader, "all": engine.AcksAll} {
		b.Run(name, func(b *testing.B) {
			e := onDisk(b)
			p := producer(b, e, acks)
			rs := []engine.Record{{Key: []byte("key-000017"), Value: make([]byte, 100)}}
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				rs[0].Partition, rs[0].Timestamp = engine.AnyPartition, engine.NoTimestamp
				if _, err := p.Produce(ctx, "t", rs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fillTopic appends n records of 100 bytes to a topic.
func fillTopic(b testing.TB, e engine.Engine, topic string, n int) {
	p := producer(b, e, engine.AcksLeader)
	rs := make([]engine.Record, 500)
	for done := 0; done < n; done += len(rs) {
		for i := range rs {
			rs[i] = recTo(0, "")
			rs[i].Value = make([]byte, 100)
		}
		send(b, p, topic, rs...)
	}
}

// BenchmarkPoll reads a topic again and again, 500 records at a time.
func BenchmarkPoll(b *testing.B) {
	const n = 200_000
	for name, group := range map[string]string{"standalone": "", "group": "g"} {
		b.Run(name, func(b *testing.B) {
			e := onDisk(b)
			fillTopic(b, e, "t", n)
			k := consumer(b, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: group, UntilEnd: true})
			ctx := b.Context()
			records := 0
			b.ReportAllocs()
			for b.Loop() {
				fetches, err := k.Poll(ctx, 500)
				if err == io.EOF {
					err = k.Seek(ctx, tp("t", 0), 0)
				}
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range fetches {
					records += len(f.Records)
				}
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
		})
	}
}

// BenchmarkCommit commits the next offset of one partition.
func BenchmarkCommit(b *testing.B) {
	e := onDisk(b)
	fillTopic(b, e, "t", 2_000_000)
	k := consumer(b, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g"})
	values(b, k, 1)
	offsets := map[engine.TopicPartition]int64{}
	ctx, next := b.Context(), int64(0)
	b.ReportAllocs()
	for b.Loop() {
		next++
		offsets[tp("t", 0)] = min(next, 2_000_000)
		if err := k.Commit(ctx, offsets); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLatency measures from before a send until the record is in the hands of a consumer on another goroutine that
// was waiting for it.
func BenchmarkLatency(b *testing.B) {
	for name, group := range map[string]string{"standalone": "", "group": "g"} {
		b.Run(name, func(b *testing.B) {
			e := onDisk(b)
			p := producer(b, e, engine.AcksLeader)
			require.NoError(b, e.CreateTopic(b.Context(), "t", engine.TopicConfig{}))
			k := consumer(b, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: group})
			received := make(chan time.Time)
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					if _, err := k.Poll(ctx, 10); err != nil {
						return
					}
					received <- time.Now()
				}
			}()
			rs := []engine.Record{rec("0123456789")}
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if _, err := p.Produce(ctx, "t", rs); err != nil {
					b.Fatal(err)
				}
				took = append(took, (<-received).Sub(start))
			}
			cancel()
			<-done
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
		})
	}
}

// BenchmarkOpen opens a directory with many topics that was closed.
func BenchmarkOpen(b *testing.B) {
	for _, topics := range []int{10, 1000} {
		b.Run(fmt.Sprint(topics), func(b *testing.B) {
			dir := b.TempDir()
			openDir := func() *local.Engine { return must(local.Open(local.Options{FS: must(vfs.OS(dir))})) }
			e := openDir()
			for i := range topics {
				require.NoError(b, e.CreateTopic(b.Context(), fmt.Sprint("t", i), engine.TopicConfig{}))
			}
			require.NoError(b, e.Close())
			b.ReportAllocs()
			for b.Loop() {
				if err := openDir().Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
