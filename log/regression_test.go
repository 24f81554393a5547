package log

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// After a failed fsync the system holds pages for clean that never reached the disk. The process is started again, the
// power stays: what the next recovery finds must be made durable anew by the next sync.
func TestPagesThatAFailedSyncLeft(t *testing.T) {
	mem := vfs.NewMem()
	fail := false
	w := newWorld(vfs.Faulty(mem, func(op vfs.Op) error {
		if fail && op.Kind == vfs.OpSync {
			return errFault
		}
		return nil
	}))
	w.o.Config.SegmentBytes = 1 << 20
	require.NoError(t, w.create())
	require.NoError(t, w.append(plain, -1, "a"))
	require.NoError(t, w.sync())
	pages := strings.Repeat("b", 20<<10) // some of which nothing else is written to
	require.NoError(t, w.append(plain, -1, pages, pages))
	fail = true
	require.Error(t, w.sync())
	for seed := range uint64(20) {
		again := *w
		left := mem.KillClone()
		again.o.FS = left
		require.NoError(t, again.open())
		again.verify(t, again.l, w.acked)
		require.NoError(t, again.append(plain, -1, "d"))
		require.NoError(t, again.sync())
		again.check(t, left.CrashClone(seed), again.acked, "power lost later")
	}
}

// A power loss may bring back bytes that a recovery had cut off, right behind a batch that was appended since. They are
// of an earlier epoch.
func TestStaleBytes(t *testing.T) {
	s := newSample(t)
	disk := s.disk()
	old, err := vfs.ReadFile(disk, s.active(), 1<<20)
	require.NoError(t, err)
	edit(t, disk, s.active(), flip(s.mark+40))
	l := s.openOn(t, disk)
	require.Equal(t, s.synced, l.End())
	_, err = l.Append(s.batch(entry{producer: -1, values: s.batches[s.synced].values}, 1), 1)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	edit(t, disk, s.active(), func(b []byte) []byte {
		require.Len(t, b, int(s.mark)+sampleBatch)
		return append(b, old[len(b):]...)
	})
	s.o.Epoch++
	l = s.openOn(t, disk)
	require.Equal(t, s.synced+1, l.End())
	require.Len(t, l.Notes(), 1)
	require.NoError(t, l.Close())
}

// A segment that nobody appends to any more goes when its time has come, although there is nothing to sync.
func TestRetentionOfAnIdleLog(t *testing.T) {
	w := newWorld(vfs.NewMem())
	w.o.Config.Retention = time.Minute
	require.NoError(t, w.create())
	require.NoError(t, w.append(plain, -1, "a"))
	require.NoError(t, w.sync())
	w.clock.Advance(59 * time.Second)
	require.NoError(t, w.l.Maintain())
	require.Zero(t, w.l.Start())
	w.clock.Advance(time.Second)
	require.NoError(t, w.l.Maintain())
	require.EqualValues(t, 1, w.l.Start())
	_, segments := w.l.Bytes()
	require.Equal(t, 1, segments)
	_, err := w.o.FS.Stat(w.o.Dir + "/" + segment.Name(0) + segment.LogExt)
	require.Error(t, err)
	require.NoError(t, w.l.Close())
}

// The marker that ended a transaction allows what lies before it to be deleted. It must not be lost when that is not.
func TestDeletionKeepsTheMarker(t *testing.T) {
	for seed := range uint64(20) {
		mem := vfs.NewMem()
		w := newWorld(mem)
		require.NoError(t, w.create())
		require.NoError(t, w.append(transactional, 1, "a", "b"))
		require.NoError(t, w.append(plain, -1, "c"))
		require.NoError(t, w.sync())
		require.NoError(t, w.append(abort, 1))
		require.NoError(t, w.deleteRecords(3))
		w.o.FS = mem.CrashClone(seed)
		require.NoError(t, w.open())
		require.LessOrEqual(t, w.l.Start(), w.l.LastStable())
		require.NoError(t, w.l.Close())
	}
}

// gated stops calls of a kind on a file until the gate is opened.
func gated(kind vfs.OpKind, name string) (hook func(vfs.Op) error, shut func(), open func()) {
	var gate chan struct{}
	hook = func(op vfs.Op) error {
		if op.Kind == kind && op.Name == name && gate != nil {
			<-gate
		}
		return nil
	}
	return hook, func() { gate = make(chan struct{}) }, func() { close(gate) }
}

// Close waits for the sync under way, which has made everything durable but has not recorded it yet. Nothing is
// acknowledged before that: damage to it would pass for a tail.
func TestCloseWaitsForSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		hook, shut, open := gated(vfs.OpWrite, "orders-0/"+checkpointName)
		w := newWorld(vfs.Faulty(mem, hook))
		require.NoError(t, w.create())
		require.NoError(t, w.append(plain, -1, "a"))
		shut()
		ends := make(chan string, 2)
		go func() { require.NoError(t, w.l.Sync(1)); ends <- "sync" }()
		synctest.Wait()
		require.Zero(t, w.l.Durable())
		go func() { require.NoError(t, w.l.Close()); ends <- "close" }()
		synctest.Wait()
		require.Empty(t, ends)
		open()
		require.Equal(t, "sync", <-ends)
		require.Equal(t, "close", <-ends)
		require.NoError(t, w.l.Failed())
		w.synced = w.acked
		w.reopen(t, mem.CrashClone(1), w.acked)
	})
}

// Close waits for a read under way, also of a segment that was removed meanwhile: afterwards the directory may belong to
// somebody else.
func TestCloseWaitsForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook, shut, open := gated(vfs.OpRead, "orders-0/"+segment.Name(0)+segment.LogExt)
		w := newWorld(vfs.Faulty(vfs.NewMem(), hook))
		require.NoError(t, w.create())
		for range 30 {
			require.NoError(t, w.append(plain, -1, "some value of some length"))
		}
		shut()
		ends := make(chan string, 2)
		go func() {
			data, _, err := w.l.Read(0, 30, 100)
			require.NoError(t, err)
			require.NotEmpty(t, data)
			ends <- "read"
		}()
		synctest.Wait()
		require.NoError(t, w.deleteRecords(30))
		go func() { require.NoError(t, w.l.Close()); ends <- "close" }()
		synctest.Wait()
		require.Empty(t, ends)
		open()
		require.Equal(t, "read", <-ends)
		require.Equal(t, "close", <-ends)
		_, err := w.o.FS.Stat("orders-0/" + segment.Name(0) + segment.LogExt)
		require.Error(t, err)
		require.Zero(t, w.o.Pool.Open())
	})
}

// The epoch of the directory was lost with the journal. What is appended all the same must still belong to the log.
func TestEpochNeverDecreases(t *testing.T) {
	w := newWorld(vfs.NewMem())
	w.o.Epoch = 40
	require.NoError(t, w.create())
	require.NoError(t, w.append(plain, -1, "a"))
	require.NoError(t, w.close())
	w.o.Epoch = 1
	require.NoError(t, w.open())
	require.NoError(t, w.append(plain, -1, "b"))
	w.o.FS = w.o.FS.(*vfs.Mem).KillClone()
	require.NoError(t, w.open())
	require.Empty(t, w.l.Notes())
	w.verify(t, w.l, w.acked)
	require.NoError(t, w.l.Close())
}

// The start moves on between a reader's look at it and at the segments: what is gone was deleted, and is not damage.
func TestDeletedUnderAReader(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	for range 30 {
		require.NoError(t, w.append(plain, -1, "some value of some length"))
	}
	require.NoError(t, w.l.Sync(w.l.End()))
	require.NoError(t, w.deleteRecords(29))
	_, err := w.l.acquire(0)
	require.ErrorIs(t, err, engine.ErrOffsetOutOfRange)
	require.NotErrorIs(t, err, engine.ErrCorrupt)
	require.Empty(t, w.l.Damage())
	require.NoError(t, w.l.Close())
}
