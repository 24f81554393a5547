package journal_test

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func eachBenchSystem(b *testing.B, bench func(b *testing.B, f vfs.FS)) {
	b.Run("OS", func(b *testing.B) { bench(b, osFS(b)) })
	b.Run("OS without wal", func(b *testing.B) { bench(b, vfs.Faulty(osFS(b), nil)) })
	b.Run("Mem", func(b *testing.B) { bench(b, vfs.NewVolatile()) })
}

// One group's offset of one partition, written to the operating system.
func BenchmarkCommit(b *testing.B) {
	eachBenchSystem(b, func(b *testing.B, f vfs.FS) {
		j := open(b, options(f))
		value := make([]byte, 16)
		b.ReportAllocs()
		for b.Loop() {
			if err := j.Commit(false, journal.Change{Key: "offset/group/orders/0", Value: value}); err != nil {
				b.Fatal(err)
			}
		}
		require.NoError(b, j.Close())
	})
}

// The same, fsynced, from 1 and from 64 goroutines.
func BenchmarkCommitSync(b *testing.B) {
	for _, committers := range []int{1, 64} {
		b.Run(strconv.Itoa(committers), func(b *testing.B) {
			j := open(b, options(osFS(b)))
			value := make([]byte, 16)
			b.ReportAllocs()
			b.SetParallelism(max(1, committers/runtime.GOMAXPROCS(0)))
			if committers == 1 {
				for b.Loop() {
					require.NoError(b, j.Commit(true, journal.Change{Key: "offset/group/orders/0", Value: value}))
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := j.Commit(true, journal.Change{Key: "offset/group/orders/0", Value: value}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			require.NoError(b, j.Close())
		})
	}
}

func BenchmarkGet(b *testing.B) {
	j := open(b, options(vfs.NewVolatile()))
	require.NoError(b, j.Commit(false, put("offset/group/orders/0", "0123456789abcdef")))
	b.ReportAllocs()
	for b.Loop() {
		j.Get("offset/group/orders/0")
	}
	require.NoError(b, j.Close())
}

// fill commits keys until the live state has them all.
func fill(b *testing.B, j *journal.Journal, keys int) {
	for i := range keys {
		require.NoError(b, j.Commit(false, put(fmt.Sprintf("offset/group/orders/%d", i), "0123456789abcdef")))
	}
}

// Open after Close, and after a kill, with 10,000 keys.
func BenchmarkOpen(b *testing.B) {
	for _, closed := range []bool{true, false} {
		b.Run(fmt.Sprintf("closed=%v", closed), func(b *testing.B) {
			f := osFS(b)
			j := open(b, options(f))
			fill(b, j, 10_000)
			for b.Loop() {
				if closed {
					require.NoError(b, j.Close())
				}
				j = open(b, options(f))
			}
		})
	}
}

// What a generation that is nearly full costs in memory: tidwall/wal keeps its entries, the plain writer does not.
func BenchmarkGenerationMemory(b *testing.B) {
	for name, makeFS := range map[string]func(testing.TB) vfs.FS{"wal": osFS, "plain": systems["Faulty over OS"]} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f := makeFS(b)
				j := open(b, options(f))
				before := heap()
				for range 25_000 {
					require.NoError(b, j.Commit(false, put("offset/group/orders/0", "0123456789abcdef")))
				}
				after := heap()
				report, err := journal.Inspect(f, dir, id)
				require.NoError(b, err)
				b.ReportMetric(float64(after-before), "heap-B")
				b.ReportMetric(float64(report.Size), "file-B")
				require.NoError(b, j.Close())
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
