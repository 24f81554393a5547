package vfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// benchFiles are the same file opened in the ways that are compared.
func benchFiles(b *testing.B) []struct {
	name string
	file vfs.File
} {
	dir := b.TempDir()
	direct, err := os.OpenFile(filepath.Join(dir, "direct"), os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(b, err)
	fsys, err := vfs.OS(dir)
	require.NoError(b, err)
	plain, err := fsys.OpenFile("plain", os.O_RDWR|os.O_CREATE)
	require.NoError(b, err)
	mem, err := vfs.NewMem().OpenFile("mem", os.O_RDWR|os.O_CREATE)
	require.NoError(b, err)
	pool := vfs.NewPool(fsys, 4)
	b.Cleanup(func() {
		require.NoError(b, pool.Close())
		require.NoError(b, plain.Close())
		require.NoError(b, direct.Close())
		require.NoError(b, fsys.Close())
	})
	idle := vfs.NewPool(idleFS{}, 4)
	return []struct {
		name string
		file vfs.File
	}{
		{"os.File", stdFile{direct}},
		{"OS", plain},
		{"Pool over OS", pool.File("pooled", os.O_RDWR|os.O_CREATE)},
		{"Mem", mem},
		{"nothing", idleFile{}},
		{"Pool over nothing", idle.File("idle", os.O_RDWR)},
	}
}

const benchSize = 128

func BenchmarkWriteAt(b *testing.B) {
	for _, f := range benchFiles(b) {
		b.Run(f.name, func(b *testing.B) {
			p := make([]byte, benchSize)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.file.WriteAt(p, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadAt(b *testing.B) {
	for _, f := range benchFiles(b) {
		_, err := f.file.WriteAt(make([]byte, benchSize), 0)
		require.NoError(b, err)
		b.Run(f.name, func(b *testing.B) {
			p := make([]byte, benchSize)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.file.ReadAt(p, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadAtParallel(b *testing.B) {
	for _, f := range benchFiles(b) {
		_, err := f.file.WriteAt(make([]byte, benchSize), 0)
		require.NoError(b, err)
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				p := make([]byte, benchSize)
				for pb.Next() {
					if _, err := f.file.ReadAt(p, 0); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkColdOpen is a read that has to evict another file first.
func BenchmarkColdOpen(b *testing.B) {
	fsys, err := vfs.OS(b.TempDir())
	require.NoError(b, err)
	require.NoError(b, fsys.Mkdir("d"))
	pool := vfs.NewPool(fsys, 1)
	x, y := pool.File("d/x", os.O_RDWR|os.O_CREATE), pool.File("d/y", os.O_RDWR|os.O_CREATE)
	b.ReportAllocs()
	for b.Loop() {
		_, err := x.Size()
		require.NoError(b, err)
		_, err = y.Size()
		require.NoError(b, err)
	}
	require.NoError(b, pool.Close())
}

type stdFile struct{ *os.File }

func (f stdFile) Size() (int64, error) { return 0, nil }

// idleFS and idleFile do nothing, so that what the pool adds can be seen.
type idleFS struct{ vfs.FS }

func (idleFS) OpenFile(string, int) (vfs.File, error) { return idleFile{}, nil }

type idleFile struct{}

func (idleFile) ReadAt(p []byte, _ int64) (int, error)  { return len(p), nil }
func (idleFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (idleFile) Close() error                           { return nil }
func (idleFile) Sync() error                            { return nil }
func (idleFile) Truncate(int64) error                   { return nil }
func (idleFile) Size() (int64, error)                   { return 0, nil }
