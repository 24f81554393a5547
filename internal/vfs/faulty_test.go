package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var errFault = errors.New("fault")

// everyOp makes each kind of call once, and returns what failed.
func everyOp(f vfs.FS) map[vfs.OpKind]error {
	failed := map[vfs.OpKind]error{}
	note := func(k vfs.OpKind, err error) {
		if err != nil {
			failed[k] = err
		}
	}
	note(vfs.OpMkdir, f.Mkdir("d"))
	file, err := f.OpenFile("f", os.O_RDWR|os.O_CREATE)
	note(vfs.OpOpen, err)
	if err == nil {
		_, err = file.WriteAt([]byte("data"), 0)
		note(vfs.OpWrite, err)
		_, err = file.ReadAt(make([]byte, 1), 0)
		note(vfs.OpRead, err)
		_, err = file.Size()
		note(vfs.OpSize, err)
		note(vfs.OpTruncate, file.Truncate(2))
		note(vfs.OpSync, file.Sync())
		note(vfs.OpClose, file.Close())
	}
	_, err = f.Stat("f")
	note(vfs.OpStat, err)
	_, err = f.ReadDir("d")
	note(vfs.OpReadDir, err)
	note(vfs.OpRename, f.Rename("f", "g"))
	note(vfs.OpSyncDir, f.SyncDir("."))
	lock, err := f.Lock("LOCK")
	note(vfs.OpLock, err)
	if err == nil {
		note(vfs.OpClose, lock.Close())
	}
	note(vfs.OpRemove, f.Remove("g"))
	note(vfs.OpRemoveAll, f.RemoveAll("d"))
	return failed
}

func TestFaultyCounts(t *testing.T) {
	var ops []vfs.Op
	f := vfs.Faulty(vfs.NewMem(), func(op vfs.Op) error {
		ops = append(ops, op)
		return nil
	})
	require.Empty(t, everyOp(f))
	require.EqualValues(t, len(ops), f.Ops())
	for i, op := range ops {
		require.EqualValues(t, i+1, op.N)
		require.NotEmpty(t, op.Name)
	}
	require.Equal(t, vfs.Op{Kind: vfs.OpWrite, Name: "f", N: 3, Len: 4}, ops[2])
	require.Equal(t, "op 99", vfs.OpKind(99).String())
	require.Equal(t, "op 0", vfs.OpKind(0).String())
	require.Equal(t, "syncdir", vfs.OpSyncDir.String())
}

func TestFaultyFailsEachKind(t *testing.T) {
	for kind := vfs.OpOpen; kind <= vfs.OpClose; kind++ {
		t.Run(kind.String(), func(t *testing.T) {
			m := vfs.NewMem()
			hook := vfs.Only(func(vfs.Op) error { return errFault }, kind)
			err := everyOp(vfs.Faulty(m, hook))[kind]
			require.ErrorIs(t, err, errFault)
			var pathErr *fs.PathError
			require.ErrorAs(t, err, &pathErr)
			require.Equal(t, kind.String(), pathErr.Op)
			l, err := m.Lock("LOCK")
			require.NoError(t, err, "a Close that fails releases nevertheless")
			require.NoError(t, l.Close())
		})
	}
}

func TestFailNth(t *testing.T) {
	failures := func(persistent bool) (n int) {
		f := vfs.Faulty(vfs.NewMem(), vfs.FailNth(3, errFault, persistent))
		for range 5 {
			if _, err := f.ReadDir("."); err != nil {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, failures(false))
	require.Equal(t, 3, failures(true))
}

func TestShortWrite(t *testing.T) {
	for _, n := range []int{-1, 0, 2, 4, 9} {
		m := vfs.NewMem()
		f := vfs.Faulty(m, vfs.Only(func(vfs.Op) error { return &vfs.ShortWrite{N: n, Err: errFault} }, vfs.OpWrite))
		file, err := f.OpenFile("f", os.O_RDWR|os.O_CREATE)
		require.NoError(t, err)
		want := min(max(n, 0), 4)
		got, err := file.WriteAt([]byte("data"), 0)
		require.ErrorIs(t, err, errFault)
		require.Equal(t, want, got)
		require.Equal(t, "data"[:want], read(t, m, "f"))
		require.NoError(t, file.Close())
	}
	require.EqualError(t, &vfs.ShortWrite{N: 2, Err: errFault}, "short write of 2 bytes: fault")
	require.ErrorIs(t, &vfs.ShortWrite{N: 2, Err: errFault}, errFault)
}
