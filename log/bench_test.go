package log

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// benchLog is a log on disk.
func benchLog(b *testing.B) *Log { return benchLogOn(b, func(fs vfs.FS) vfs.FS { return fs }) }

// benchLogOn is a log on what on makes of a directory on disk.
func benchLogOn(b *testing.B, on func(vfs.FS) vfs.FS) *Log {
	fs, err := vfs.OS(b.TempDir())
	require.NoError(b, err)
	o := options(on(fs))
	o.Config.SegmentBytes = 64 << 20
	l := create(b, o)
	b.Cleanup(func() {
		require.NoError(b, l.Close())
		require.NoError(b, fs.Close())
	})
	return l
}

// hundred builds a batch of n records of 100 bytes.
func hundred(bl *record.Builder, n int, ms int64) record.Batch {
	var value [100]byte
	bl.Reset(record.Plain(record.None))
	for range n {
		_ = bl.Append(ms, nil, value[:], nil)
	}
	batch, _ := bl.Finish()
	return batch
}

func perRecord(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/record")
}

// BenchmarkPwrite is the floor of BenchmarkAppend: the same bytes, written to a file that grows.
func BenchmarkPwrite(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "f"))
			require.NoError(b, err)
			defer f.Close()
			var bl record.Builder
			batch := hundred(&bl, n, 1)
			at := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.WriteAt(batch, at); err != nil {
					b.Fatal(err)
				}
				if at += int64(len(batch)); at > 1<<30 {
					at = 0
				}
			}
			perRecord(b, n)
		})
	}
}

// BenchmarkAppend appends a batch that is ready.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := benchLog(b)
			now := clock.Real.Now().UnixMilli()
			var bl record.Builder
			batch := hundred(&bl, n, now)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Append(batch, now); err != nil {
					b.Fatal(err)
				}
			}
			perRecord(b, n)
		})
	}
}

// unwritten is a file system whose files take every write and keep nothing.
type unwritten struct{ vfs.FS }

type unwrittenFile struct{ vfs.File }

func (u unwritten) OpenFile(name string, flag int) (vfs.File, error) {
	f, err := u.FS.OpenFile(name, flag)
	return unwrittenFile{f}, err
}

func (unwrittenFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// BenchmarkSend reads the clock, makes a batch of one record and appends it: to a file, and to one that leaves the write
// out, which is what the library's own instructions take where no system call has emptied caches and predictors.
func BenchmarkSend(b *testing.B) {
	for _, where := range []struct {
		name string
		on   func(vfs.FS) vfs.FS
	}{
		{"disk", func(fs vfs.FS) vfs.FS { return fs }},
		{"unwritten", func(fs vfs.FS) vfs.FS { return unwritten{fs} }},
	} {
		b.Run(where.name, func(b *testing.B) {
			l := benchLogOn(b, where.on)
			var value [100]byte
			var bl record.Builder
			b.ReportAllocs()
			for b.Loop() {
				now := clock.Real.Now().UnixMilli()
				bl.Reset(record.Plain(record.None))
				_ = bl.Append(now, nil, value[:], nil)
				batch, _ := bl.Finish()
				if _, err := l.Append(batch, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppendSynced appends single records, each of which is durable before the next of its goroutine.
func BenchmarkAppendSynced(b *testing.B) {
	for _, g := range []int{1, 64} {
		b.Run(fmt.Sprint(g), func(b *testing.B) {
			l := benchLog(b)
			now := clock.Real.Now().UnixMilli()
			b.SetParallelism((g + 1) / 2)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var bl record.Builder
				batch := hundred(&bl, 1, now)
				for pb.Next() {
					if _, err := l.AppendSync(batch, now); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// filled is a log of size bytes in batches of n records, whose timestamps are their numbers.
func filled(b *testing.B, size int64, n int) *Log {
	l := benchLog(b)
	var bl record.Builder
	for written, ms := int64(0), int64(0); written < size; ms++ {
		batch := hundred(&bl, n, ms)
		_, err := l.Append(batch, ms)
		require.NoError(b, err)
		written += int64(len(batch))
	}
	require.NoError(b, l.Sync(l.End()))
	return l
}

// BenchmarkReadSequential reads in chunks of several sizes. Large ones cost more, because fresh memory does.
func BenchmarkReadSequential(b *testing.B) {
	for _, c := range []struct{ n, chunk int }{{1, 1 << 20}, {1, 256 << 10}, {1000, 1 << 20}, {1000, 256 << 10}, {100, 64 << 10}} {
		b.Run(fmt.Sprintf("%d/%dK", c.n, c.chunk>>10), func(b *testing.B) {
			l := filled(b, 128<<20, c.n)
			at, records := int64(0), int64(0)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				data, next, err := l.Read(at, l.End(), c.chunk)
				if err != nil || len(data) == 0 {
					b.Fatal(err)
				}
				records += next - at
				if at = next; at == l.End() {
					at = 0
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
		})
	}
}

func BenchmarkReadRandom(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := filled(b, 128<<20, n)
			rng := rand.New(rand.NewPCG(1, 1))
			end := l.End()
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if _, _, err := l.Read(rng.Int64N(end), end, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPread is the floor of BenchmarkReadRandom.
func BenchmarkPread(b *testing.B) {
	l := filled(b, 64<<20, 1)
	f, err := l.opts.FS.OpenFile((*l.segments.Load())[0].Path(), os.O_RDONLY)
	require.NoError(b, err)
	defer f.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	var buf [4096]byte
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := f.ReadAt(buf[:], rng.Int64N(60<<20)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOffsetAt(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := filled(b, 128<<20, n)
			rng := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if _, err := l.OffsetAt(rng.Int64N(l.End() / int64(n))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens a log of 256 MiB that was closed, and one whose process was killed with 8 MiB not yet synced.
func BenchmarkOpen(b *testing.B) {
	const size = 256 << 20
	b.Run("clean", func(b *testing.B) {
		l := filled(b, size, 100)
		require.NoError(b, l.Close())
		b.ReportAllocs()
		b.ResetTimer()
		for b.Loop() {
			again, err := Open(l.opts)
			if err != nil {
				b.Fatal(err)
			}
			_ = again.Close()
		}
	})
	b.Run("killed", func(b *testing.B) {
		l := filled(b, size, 100)
		l.working.Store(true) // no sync in the background
		var bl record.Builder
		for l.appended.Load()-l.syncedTo.Load() < mostUnsynced {
			_, err := l.Append(hundred(&bl, 100, 1), 1)
			require.NoError(b, err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for b.Loop() {
			o := l.opts
			o.Pool = vfs.NewPool(o.FS, 64)
			if _, err := Open(o); err != nil {
				b.Fatal(err)
			}
			_ = o.Pool.Close()
		}
	})
}
