package log

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// whileSyncing calls fn n times at once while a sync is under way, which ends when all of them wait for the next one.
func whileSyncing(l *Log, n int, fn func(i int)) {
	var all sync.WaitGroup
	_, _ = l.sync.lead(func() error {
		for i := range n {
			all.Go(func() { fn(i) })
		}
		for l.queue.len() < n {
			runtime.Gosched()
		}
		return nil
	})
	all.Wait()
}

// operations counts what is done to a partition's log files.
type operations struct {
	mu     sync.Mutex
	counts map[vfs.OpKind]int
	fail   map[vfs.OpKind]error
}

func (o *operations) hook(op vfs.Op) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[op.Kind]++
	return o.fail[op.Kind]
}

func (o *operations) start(fail map[vfs.OpKind]error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts, o.fail = map[vfs.OpKind]int{}, fail
}

func newOperations(t *testing.T) (*operations, *world) {
	o := new(operations)
	o.start(nil)
	w := newWorld(vfs.Faulty(vfs.NewMem(), o.hook))
	w.o.Config.SegmentBytes = 1 << 20
	require.NoError(t, w.create())
	require.NoError(t, w.append(plain, -1, "the first"))
	require.NoError(t, w.sync())
	return o, w
}

func TestAppendSyncSharesWriteAndFsync(t *testing.T) {
	o, w := newOperations(t)
	o.start(nil)
	const n = 20
	var got [n]Appended
	whileSyncing(w.l, n, func(i int) {
		var err error
		got[i], err = w.l.AppendSync(numbered(int64(i)), 1)
		if err != nil {
			t.Error(err)
		}
	})
	require.Equal(t, 1, o.counts[vfs.OpSync])
	require.Equal(t, 2, o.counts[vfs.OpWrite], "of the batches and of the checkpoint")
	require.EqualValues(t, n+1, w.l.End())
	require.Equal(t, w.l.End(), w.l.Durable())
	for i, a := range got {
		require.Equal(t, a.First+1, a.Next)
		data, _, err := w.l.Read(a.First, a.Next, 1)
		require.NoError(t, err)
		require.EqualValues(t, i, number(t, data))
	}
	require.NoError(t, w.l.Close())
}

// Batches that do not fit together take their turns: those beyond a segment's end, larger than what is written at once,
// or of a producer, which may have been appended before.
func TestAppendSyncInTurns(t *testing.T) {
	for name, size := range map[string]int64{"small segments": 300, "one segment": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(vfs.NewMem())
			w.o.Config.SegmentBytes = size
			require.NoError(t, w.create())
			const n = 40
			whileSyncing(w.l, n, func(i int) {
				b := numbered(int64(i))
				switch i % 4 {
				case 1:
					b = from(t, int64(i), 0, 0, 1, 1)
				case 2:
					b = from(t, int64(i-1), 0, 0, 1, 1) // the same again
				case 3:
					b = hundred(new(record.Builder), 1+i*60, 1)
				}
				if _, err := w.l.AppendSync(b, 1); err != nil {
					t.Error(err)
				}
			})
			want := int64(0)
			for i := range n {
				want += []int64{1, 1, 0, 1 + int64(i)*60}[i%4]
			}
			require.Equal(t, want, w.l.End())
			require.Equal(t, want, w.l.Durable())
			require.NoError(t, w.l.Close())
			require.NoError(t, w.open())
			require.Equal(t, want, w.l.End())
			require.NoError(t, w.l.Close())
		})
	}
}

func TestAppendSyncFails(t *testing.T) {
	for _, c := range []struct {
		kind vfs.OpKind
		err  error
		code engine.Code
		seen bool
	}{
		{vfs.OpWrite, syscall.ENOSPC, engine.ErrDiskFull, false},
		{vfs.OpWrite, syscall.EIO, engine.ErrIO, false},
		{vfs.OpSync, syscall.EIO, engine.ErrIO, true},
	} {
		t.Run(fmt.Sprint(c.kind, c.err), func(t *testing.T) {
			o, w := newOperations(t)
			o.start(map[vfs.OpKind]error{c.kind: c.err})
			const n = 10
			whileSyncing(w.l, n, func(i int) {
				a, err := w.l.AppendSync(numbered(int64(i)), 1)
				if require.ErrorIs(t, err, c.code); c.seen != (a.Next > 0) {
					t.Errorf("%+v with %v", a, err)
				}
			})
			require.EqualValues(t, 1, w.l.Durable())
			o.start(nil)
			if c.code != engine.ErrDiskFull {
				_, err := w.l.AppendSync(numbered(1), 1)
				require.ErrorIs(t, err, engine.ErrIO, "until it is opened again")
				require.Error(t, w.l.Close())
				return
			}
			require.EqualValues(t, 1, w.l.End(), "the log is as before")
			a, err := w.l.AppendSync(numbered(1), 1)
			require.NoError(t, err)
			require.Equal(t, Appended{First: 1, Next: 2}, a)
			require.NoError(t, w.l.Close())
		})
	}
}

func TestAppendSyncClosed(t *testing.T) {
	_, w := newOperations(t)
	require.NoError(t, w.l.Close())
	_, err := w.l.AppendSync(numbered(1), 1)
	require.ErrorIs(t, err, engine.ErrClosed)
}

// Goroutines that append at random, alone or together, with and without waiting for the disk.
func TestAppendSyncConcurrently(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	const goroutines, each = 16, 60
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			last := int64(-1)
			for n := range each {
				appendOne := w.l.AppendSync
				if (g+n)%5 == 0 {
					appendOne = w.l.Append
				}
				value := int64(g*each + n)
				a, err := appendOne(numbered(value), 1)
				if err != nil || a.First <= last {
					t.Error(a, err)
					return
				}
				data, _, err := w.l.Read(a.First, a.Next, 1)
				if err != nil || number(t, data) != value {
					t.Errorf("offset %d does not hold %d: %v", a.First, value, err)
				}
				last = a.First
			}
		})
	}
	all.Wait()
	require.EqualValues(t, goroutines*each, w.l.End())
	require.NoError(t, w.l.Close())
}
