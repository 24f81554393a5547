package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func TestReadFile(t *testing.T) {
	eachFS(t, func(t *testing.T, f vfs.FS) {
		require.NoError(t, write(t, f, "f", "12345").Close())
		data, err := vfs.ReadFile(f, "f", 5)
		require.NoError(t, err)
		require.Equal(t, "12345", string(data))
		_, err = vfs.ReadFile(f, "f", 4)
		require.ErrorIs(t, err, vfs.ErrTooLarge)
		_, err = vfs.ReadFile(f, "none", 4)
		require.Equal(t, "not exist", kind(err))

		huge := write(t, f, "huge", "x")
		require.NoError(t, huge.Truncate(1<<42))
		require.NoError(t, huge.Close())
		_, err = vfs.ReadFile(f, "huge", 1<<20)
		require.ErrorIs(t, err, vfs.ErrTooLarge)
		require.NoError(t, write(t, f, "empty", "").Close())
		data, err = vfs.ReadFile(f, "empty", 0)
		require.NoError(t, err)
		require.Empty(t, data)
	})
}

func TestWriteFileAtomic(t *testing.T) {
	eachFS(t, func(t *testing.T, f vfs.FS) {
		require.NoError(t, f.Mkdir("d"))
		require.NoError(t, write(t, f, "d/f.tmp", "left by a crash, and longer").Close())
		for _, data := range []string{"one", "2", ""} {
			require.NoError(t, vfs.WriteFileAtomic(f, "d/f", []byte(data)))
			require.Equal(t, data, read(t, f, "d/f"))
			require.Equal(t, []string{"f"}, names(t, f, "d"))
		}
		require.Equal(t, "not exist", kind(vfs.WriteFileAtomic(f, "none/f", nil)))
	})
}

// TestWriteFileAtomicFaults fails each call in turn, with and without a short write, and then cuts the power: at any
// time the file is the old one or the new one, and the new one for certain once the function has succeeded.
func TestWriteFileAtomicFaults(t *testing.T) {
	scenario := func(hook func(vfs.Op) error) (*vfs.Mem, *vfs.FaultyFS, error) {
		m := vfs.NewMem()
		require.NoError(t, vfs.WriteFileAtomic(m, "f", []byte("old")))
		f := vfs.Faulty(m, hook)
		return m, f, vfs.WriteFileAtomic(f, "f", []byte("new"))
	}
	_, counted, err := scenario(nil)
	require.NoError(t, err)
	require.EqualValues(t, 6, counted.Ops())
	for n := range counted.Ops() {
		for _, fault := range []error{syscall.EIO, &vfs.ShortWrite{N: 1, Err: syscall.ENOSPC}} {
			for _, persistent := range []bool{false, true} {
				m, _, err := scenario(vfs.FailNth(n+1, fault, persistent))
				require.Error(t, err, "call %d", n+1)
				require.True(t, errors.Is(err, syscall.EIO) || vfs.IsNoSpace(err), "%v", err)
				for seed := range uint64(50) {
					got := read(t, m.CrashClone(seed), "f")
					require.Contains(t, []string{"old", "new"}, got, "call %d: %v", n+1, err)
				}
			}
		}
	}
	m, _, err := scenario(nil)
	require.NoError(t, err)
	for seed := range uint64(50) {
		require.Equal(t, "f=new", dump(t, m.CrashClone(seed)))
	}
}

// TestCopyRange: a hole stays one.
func TestCopyRange(t *testing.T) {
	m := vfs.NewMem()
	from, err := m.OpenFile("from", rwCreate)
	require.NoError(t, err)
	_, err = from.WriteAt([]byte("xhead"), 0)
	require.NoError(t, err)
	_, err = from.WriteAt([]byte("tail"), 10<<20)
	require.NoError(t, err)
	require.NoError(t, from.Truncate(20<<20))
	before := m.Used()
	to, err := m.OpenFile("to", rwCreate)
	require.NoError(t, err)
	require.NoError(t, vfs.CopyRange(to, from, 1, 20<<20-1))
	require.Less(t, m.Used()-before, int64(200<<10))
	want, err := vfs.ReadFile(m, "from", 1<<30)
	require.NoError(t, err)
	got, err := vfs.ReadFile(m, "to", 1<<30)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want[1:], got))
	require.ErrorIs(t, vfs.CopyRange(to, from, 20<<20, 1), io.EOF)
	require.NoError(t, from.Close())
	require.NoError(t, to.Close())
}
