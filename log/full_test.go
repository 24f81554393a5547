package log

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var errFault error = syscall.EIO

// TestDiskFull fills a small disk several times: appends fail with ErrDiskFull, reads and deletion go on, and appends
// resume, all without reopening. Promise 9.
func TestDiskFull(t *testing.T) {
	for _, capacity := range []int64{60 << 10, 100 << 10, 164 << 10} {
		mem := vfs.NewMem()
		mem.SetCapacity(capacity)
		w := newWorld(mem)
		w.o.Config.SegmentBytes = 16 << 10
		require.NoError(t, w.create())
		value := strings.Repeat("v", 700)
		for range 5 {
			fill(t, w, value)
			w.verifyRecords(t, w.l, w.batches[:len(w.batches)-1])
			require.NoError(t, w.deleteRecords(w.acked-w.acked/8))
			require.NoError(t, w.append(plain, -1, value), "there is room again")
			require.NoError(t, w.sync())
		}
		fill(t, w, value)
		require.NoError(t, w.l.Close(), "closing needs no room")
		w.synced = w.acked
		w.batches = w.batches[:len(w.batches)-1]
		c := *w
		c.o.FS = mem
		require.NoError(t, c.open(), "nor does opening")
		c.verify(t, c.l, c.acked)
		require.NoError(t, c.l.Close())
		mem.SetCapacity(0)
		w.reopen(t, mem.CrashClone(1), w.acked)
	}
}

// fill appends until the disk is full; the last batch of the oracle is the one that did not fit.
func fill(t *testing.T, w *world, value string) {
	for {
		err := w.append(plain, -1, value)
		if err == nil {
			continue
		}
		require.ErrorIs(t, err, engine.ErrDiskFull)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.NoError(t, w.l.Failed())
		require.ErrorIs(t, w.append(plain, -1, value), engine.ErrDiskFull, "and again")
		require.NoError(t, w.sync())
		killed, open := w.o, w.l
		killed.FS = w.o.FS.(*vfs.Mem).KillClone()
		killed.Pool = vfs.NewPool(killed.FS, 64)
		l, err := Open(killed)
		require.NoError(t, err)
		require.Empty(t, l.Notes(), "what was written in part is cut off again")
		require.Equal(t, open.End(), l.End())
		require.NoError(t, l.Close())
		return
	}
}

// TestReserve: on a full disk the manifest gets the room that is kept for it.
func TestReserve(t *testing.T) {
	mem := vfs.NewMem()
	w := newWorld(mem)
	released := 0
	w.o.ReleaseSpace = func() bool { released++; mem.SetCapacity(0); return true }
	require.NoError(t, w.create())
	require.NoError(t, w.append(plain, -1, "a", "b"))
	require.NoError(t, w.sync())
	mem.SetCapacity(1) // the manifest has no block yet
	require.NoError(t, w.deleteRecords(1))
	require.Equal(t, 1, released)
	require.NoError(t, w.close())
}
