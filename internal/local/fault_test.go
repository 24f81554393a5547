package local_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// faults are what can befall a call of the file system.
var faults = map[string]func(n int64) func(vfs.Op) error{
	"EIO once":    func(n int64) func(vfs.Op) error { return vfs.FailNth(n, syscall.EIO, false) },
	"EIO from on": func(n int64) func(vfs.Op) error { return vfs.FailNth(n, syscall.EIO, true) },
	"no room once": func(n int64) func(vfs.Op) error {
		return vfs.Only(vfs.FailNth(n, syscall.ENOSPC, false), allocating...)
	},
	"no room from on": func(n int64) func(vfs.Op) error {
		return vfs.Only(vfs.FailNth(n, syscall.ENOSPC, true), allocating...)
	},
	"short write": func(n int64) func(vfs.Op) error {
		return vfs.Only(vfs.FailNth(n, &vfs.ShortWrite{N: 7, Err: syscall.ENOSPC}, false), vfs.OpWrite)
	},
	"failed fsync": func(n int64) func(vfs.Op) error {
		return vfs.Only(vfs.FailNth(n, syscall.EIO, false), vfs.OpSync, vfs.OpSyncDir)
	},
}

// allocating are the calls that need room on the disk.
var allocating = []vfs.OpKind{vfs.OpOpen, vfs.OpMkdir, vfs.OpRename, vfs.OpWrite}

// TestFaultAtEveryCall: whatever call fails, errors have a code, nothing that was acknowledged is lost, nothing stays
// open, and a later Open works.
func TestFaultAtEveryCall(t *testing.T) {
	counted := vfs.Faulty(vfs.NewMem(), nil)
	newWorld(t.Context()).life(counted)
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			for n := int64(1); n <= counted.Ops(); n++ {
				hook := fault(n)
				var first atomic.Pointer[string] // call that failed
				place := func() string { return *first.Load() }
				mem := vfs.NewMem()
				open := &countingFS{FS: mem}
				w := newWorld(t.Context())
				w.fault = func(err error) { requireTyped(t, err, place()) }
				w.life(vfs.Faulty(open, func(op vfs.Op) error {
					err := hook(op)
					if err != nil {
						at := fmt.Sprintf("call %d: %s %s", op.N, op.Kind, op.Name)
						first.CompareAndSwap(nil, &at)
					}
					return err
				}))
				if first.Load() == nil {
					continue // a call of another kind
				}
				require.Zero(t, open.open.Load(), "%s: files are open", place())
				check(t, mem.KillClone(), w.snapshot(), afterKill, place()+", then killed")
				check(t, mem.CrashClone(uint64(n)), w.snapshot(), afterPowerLoss, place()+", then power loss")
			}
		})
	}
}

// requireTyped fails unless an error tells what kind it is. An error of the file system is no damage.
func requireTyped(t *testing.T, err error, place string) {
	t.Helper()
	var e *engine.Error
	require.True(t, errors.As(err, &e), "%s: %v", place, err)
	require.NotErrorIs(t, err, engine.ErrCorrupt, place)
	require.Contains(t, []engine.Code{engine.ErrIO, engine.ErrDiskFull}, e.Code, "%s: %v", place, err)
	require.Equal(t, e.Code == engine.ErrDiskFull, errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), "unknown"),
		"%s: %v", place, err)
}

// TestTheBatchesBeforeOneThatFailsAreDurable: a send to two partitions of which the second finds no room. What was appended
// to the first is acknowledged, by the durability that is returned and by a retry that leaves it out.
func TestTheBatchesBeforeOneThatFailsAreDurable(t *testing.T) {
	for name, syncs := range map[string]bool{"and the fsync works": true, "and the fsync fails": false} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			full := false
			e, err := openOnce(vfs.Faulty(mem, func(op vfs.Op) error {
				switch {
				case full && op.Kind == vfs.OpWrite && strings.Contains(op.Name, "t-1/"):
					return syscall.ENOSPC
				case full && op.Kind == vfs.OpSync && !syncs:
					return syscall.EIO
				}
				return nil
			}))
			require.NoError(t, err)
			defer func() { full = false; _ = e.Close() }()
			require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2}))
			p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{})
			require.NoError(t, err)
			full = true
			rs := []engine.Record{recTo(0, "first"), recTo(1, "second")}
			d, err := p.Produce(t.Context(), "t", rs)
			require.Error(t, err)
			require.Zero(t, rs[0].Offset)
			require.EqualValues(t, -1, rs[1].Offset)
			info, infoErr := e.DescribeTopic(t.Context(), "t")
			require.NoError(t, infoErr)
			if !syncs {
				require.ErrorIs(t, err, engine.ErrIO)
				require.Equal(t, engine.DurabilityNone, d)
				return
			}
			require.ErrorIs(t, err, engine.ErrDiskFull)
			require.Equal(t, engine.DurabilityFsync, d)
			require.EqualValues(t, 1, info.Partitions[0].DurableEnd)
		})
	}
}
