package log

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// faults are what may happen to one call, or to all from one on.
var faults = []struct {
	name       string
	err        error
	persistent bool
	kinds      []vfs.OpKind // nil for all
}{
	{"EIO once", syscall.EIO, false, nil},
	{"EIO from then on", syscall.EIO, true, nil},
	{"ENOSPC once", syscall.ENOSPC, false, nil},
	{"ENOSPC from then on", syscall.ENOSPC, true, []vfs.OpKind{vfs.OpWrite, vfs.OpOpen}},
	{"EDQUOT once", syscall.EDQUOT, false, []vfs.OpKind{vfs.OpWrite}},
	{"short write for want of room", &vfs.ShortWrite{N: 37, Err: syscall.ENOSPC}, false, []vfs.OpKind{vfs.OpWrite}},
	{"short write", &vfs.ShortWrite{N: 37, Err: syscall.EIO}, false, []vfs.OpKind{vfs.OpWrite}},
	{"fsync fails once", syscall.EIO, false, []vfs.OpKind{vfs.OpSync, vfs.OpSyncDir}},
	{"fsync fails from then on", syscall.EIO, true, []vfs.OpKind{vfs.OpSync, vfs.OpSyncDir}},
	{"fsync finds no room", syscall.ENOSPC, false, []vfs.OpKind{vfs.OpSync, vfs.OpSyncDir}},
}

// faulty is a world in which one call fails, until it is healed.
type faulty struct {
	*world
	mem  *vfs.Mem
	hit  vfs.Op // the first call that failed
	heal bool
}

func newFaulty(n int64, hook func(vfs.Op) error) *faulty {
	f := &faulty{mem: vfs.NewMem()}
	f.world = newWorld(vfs.Faulty(f.mem, func(op vfs.Op) error {
		if f.heal || op.N < n {
			return nil
		}
		err := hook(op)
		if err != nil && f.hit.N == 0 {
			f.hit = op
		}
		return err
	}))
	return f
}

// TestFaultAtEveryCall: every call of the work fails, in every way. Promises 8 and 9.
func TestFaultAtEveryCall(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			for n := int64(1); ; n++ {
				hook := vfs.FailNth(n, fault.err, fault.persistent)
				if fault.kinds != nil {
					hook = vfs.Only(hook, fault.kinds...)
				}
				f := newFaulty(n, hook)
				err := f.work()
				if f.hit.N == 0 && f.l != nil && err == nil && n > f.o.FS.(*vfs.FaultyFS).Ops() {
					return // no call was left to fail
				}
				if f.hit.N != 0 {
					f.afterFault(t, err, uint64(n))
				}
				if t.Failed() {
					t.Fatalf("call %d: %s of %s; %v", n, f.hit.Kind, f.hit.Name, err)
				}
			}
		})
	}
}

// afterFault looks at what an error, or none, left behind.
func (f *faulty) afterFault(t *testing.T, err error, seed uint64) {
	f.heal = true
	if f.l == nil && f.acked == 0 {
		return // creation or the first opening failed
	}
	if err != nil {
		f.checkTyped(t, err)
	}
	if f.l != nil && !f.l.closed {
		f.checkLive(t)
	}
	what := fmt.Sprint(f.hit)
	if *runs > 1 || seed%2 == 0 {
		f.check(t, f.mem.KillClone(), f.acked, "killed after a fault: "+what)
	}
	if *runs > 1 || seed%2 == 1 {
		f.check(t, f.mem.CrashClone(seed), f.synced, "power lost after a fault: "+what)
	}
}

func (f *faulty) checkTyped(t *testing.T, err error) {
	var e *engine.Error
	require.ErrorAs(t, err, &e)
	require.Contains(t, []engine.Code{engine.ErrDiskFull, engine.ErrIO}, e.Code)
	if e.Code == engine.ErrDiskFull {
		require.True(t, errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT), "%v", err)
		require.True(t, e.Retriable)
	}
}

// checkLive: reads go on; appends do too, unless they are refused until the log is reopened, and then for good.
func (f *faulty) checkLive(t *testing.T) {
	f.batches = f.shown()
	f.verifyRecords(t, f.l, f.batches)
	failed := f.l.Failed()
	if failed == nil {
		f.acked = f.l.End()
		require.NoError(t, f.append(plain, -1, "after the fault"))
		require.NoError(t, f.sync())
		return
	}
	require.ErrorIs(t, failed, engine.ErrIO)
	durable := f.l.Durable()
	require.ErrorIs(t, f.append(plain, -1, "after the fault"), engine.ErrIO)
	if durable < f.l.End() {
		require.Error(t, f.l.Sync(f.l.End()), "a failed fsync is not tried again")
	}
	require.Equal(t, durable, f.l.Durable())
	f.batches = f.shown()
}

// shown are the batches of the oracle that the log shows. One whose append failed after it was written may be more.
func (f *faulty) shown() []entry {
	for i, e := range f.batches {
		if e.next > f.l.End() {
			return append([]entry(nil), f.batches[:i]...)
		}
	}
	return f.batches
}
