package log

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// compactionSteps makes a log of many segments and compacts it so often that there are swaps of one segment and of
// many, of segments that were swapped before, tombstones and markers that go, and segments that become empty.
var compactionSteps = []string{
	"a=1 b=1 c=1\n|\na=2 d=1 =0\n|\ntx 7 e=1 b\nabort 7\n|\ntx 7 e=2\n|\nc\ncommit 7\n|\nz=1\n|\n",
	"compact",
	"a=3\n|\nb=5\n|\nlater",
	"compact",
	"d\n|\nlater",
	"compact",
}

// state is what a reader gets: the committed records by offset, and the newest value of each key.
type state struct {
	end     int64
	records map[string]bool
	values  map[string]string
}

func stateOf(tb testing.TB, l *Log) state {
	tb.Helper()
	s := state{end: l.End(), records: map[string]bool{}, values: map[string]string{}}
	for _, w := range strings.Fields(show(tb, l, true)) {
		s.records[w] = true
		_, kv, _ := strings.Cut(w, ":")
		k, v, hasValue := strings.Cut(kv, "=")
		if s.values[k] = v; !hasValue {
			delete(s.values, k)
		}
	}
	return s
}

// requireBetween checks a log that a crash or a fault met between two states: it has only records of the first one and
// all of the second, and the values of both.
func requireBetween(tb testing.TB, l *Log, before, after state) {
	tb.Helper()
	require.Empty(tb, l.Damage())
	got := stateOf(tb, l)
	require.Equal(tb, before.end, got.end)
	require.Equal(tb, before.values, got.values)
	require.Subset(tb, slices.Collect(maps.Keys(before.records)), slices.Collect(maps.Keys(got.records)))
	require.Subset(tb, slices.Collect(maps.Keys(got.records)), slices.Collect(maps.Keys(after.records)))
}

func reopenOn(tb testing.TB, o Options, fs vfs.FS) *Log {
	tb.Helper()
	o.FS, o.Pool = fs, vfs.NewPool(fs, 4)
	o.Epoch += 10
	l, err := Open(o)
	require.NoError(tb, err)
	return l
}

func requireNoSwapFiles(tb testing.TB, o Options, fs vfs.FS) {
	tb.Helper()
	entries, err := fs.ReadDir(o.Dir)
	require.NoError(tb, err)
	for _, e := range entries {
		require.NotContains(tb, e.Name(), swapExt)
	}
}

// compactionStates runs the steps on a log without faults. It returns the states before and after each of them.
func compactionStates(tb testing.TB) []state {
	l := openCompacted(tb, vfs.NewMem())
	states := []state{stateOf(tb, l.Log)}
	for _, step := range compactionSteps {
		l.do(step)
		states = append(states, stateOf(tb, l.Log))
	}
	return states
}

func TestCompactCrash(t *testing.T) {
	states := compactionStates(t)
	mem := vfs.NewMem()
	var hook func(vfs.Op) error
	l := openCompacted(t, vfs.Faulty(mem, func(op vfs.Op) error {
		if hook != nil {
			return hook(op)
		}
		return nil
	}))
	for i, step := range compactionSteps {
		if step != "compact" {
			l.do(step)
			continue
		}
		clones := map[string]*vfs.Mem{}
		crash := func(op any) {
			clones[fmt.Sprint("kill before ", op)] = mem.KillClone()
			for seed := range uint64(8) {
				clones[fmt.Sprint("power loss before ", op, ", seed ", seed)] = mem.CrashClone(seed)
			}
		}
		hook = func(op vfs.Op) error {
			crash(op)
			return nil
		}
		l.do(step)
		hook = nil
		crash("what comes then")
		for place, clone := range clones {
			requireRecovers(t, l.opts, clone, place, states[i], states[i+1])
		}
		t.Log(len(clones), "crashes")
	}
}

// requireRecovers opens what a crash left, compacts it once more and opens it again.
func requireRecovers(t *testing.T, o Options, clone *vfs.Mem, place string, before, after state) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(place)
		}
	}()
	l := reopenOn(t, o, clone)
	requireBetween(t, l, before, after)
	requireNoSwapFiles(t, o, clone)
	_, err := l.Compact(t.Context())
	require.NoError(t, err)
	requireBetween(t, l, before, after)
	require.NoError(t, l.Close())
	l = reopenOn(t, o, clone)
	requireBetween(t, l, before, after)
	require.NoError(t, l.Close())
}

// TestCompactCrashInRecovery crashes again while Open finishes a swap.
func TestCompactCrashInRecovery(t *testing.T) {
	states := compactionStates(t)
	mem := vfs.NewMem()
	var clones []*vfs.Mem
	changes := false
	l := openCompacted(t, vfs.Faulty(mem, func(op vfs.Op) error {
		if changes && isEntryChange(op) {
			clones = append(clones, mem.CrashClone(uint64(op.N)))
		}
		return nil
	}))
	l.do(compactionSteps[0])
	changes = true
	l.do("compact")
	changes = false
	for _, clone := range clones {
		var again []*vfs.Mem
		recovering := vfs.Faulty(clone, func(op vfs.Op) error {
			if isEntryChange(op) {
				again = append(again, clone.CrashClone(uint64(op.N)))
			}
			return nil
		})
		require.NoError(t, reopenOn(t, l.opts, recovering).Close())
		for _, clone := range again {
			requireRecovers(t, l.opts, clone, "crash in recovery", states[1], states[2])
		}
	}
}

func isEntryChange(op vfs.Op) bool {
	return op.Kind == vfs.OpRemove || op.Kind == vfs.OpRename || op.Kind == vfs.OpSyncDir
}

func TestCompactFaults(t *testing.T) {
	states := compactionStates(t)
	for name, fault := range map[string]struct {
		err        error
		code       engine.Code
		persistent bool
	}{
		"I/O error":            {syscall.EIO, engine.ErrIO, false},
		"I/O error that stays": {syscall.EIO, engine.ErrIO, true},
		"disk full":            {syscall.ENOSPC, engine.ErrDiskFull, false},
		"disk stays full":      {syscall.ENOSPC, engine.ErrDiskFull, true},
	} {
		t.Run(name, func(t *testing.T) {
			for n, failed := int64(1), true; failed; n++ {
				mem := vfs.NewMem()
				var hook func(vfs.Op) error
				l := openCompacted(t, vfs.Faulty(mem, func(op vfs.Op) error {
					if hook != nil {
						return hook(op)
					}
					return nil
				}))
				l.do(compactionSteps[0])
				first := int64(-1)
				failed = false
				hook = func(op vfs.Op) error {
					if first < 0 {
						first = op.N
					}
					if at := op.N - first + 1; at == n || fault.persistent && at > n {
						if fault.code == engine.ErrDiskFull && op.Kind != vfs.OpWrite && op.Kind != vfs.OpOpen {
							return nil
						}
						failed = true
						return fault.err
					}
					return nil
				}
				_, err := l.Compact(t.Context())
				hook = nil
				failed = failed || err != nil
				if err != nil {
					require.ErrorIs(t, err, fault.code)
				}
				requireBetween(t, l.Log, states[1], states[2])
				if fault.code == engine.ErrDiskFull {
					require.NoError(t, l.Failed())
					l.do("compact")
					require.Equal(t, states[2], stateOf(t, l.Log))
				}
				_ = l.Close()
				again := reopenOn(t, l.opts, mem)
				requireBetween(t, again, states[1], states[2])
				requireNoSwapFiles(t, l.opts, mem)
				_, err = again.Compact(t.Context())
				require.NoError(t, err)
				requireBetween(t, again, states[1], states[2])
				require.NoError(t, again.Close())
				if fault.code == engine.ErrDiskFull && n < 400 {
					failed = true // calls that cannot fail for room come between
				}
			}
		})
	}
}

// TestCompactFullDisk compacts on a disk of every size.
func TestCompactFullDisk(t *testing.T) {
	states := compactionStates(t)
	mem := vfs.NewMem()
	l := openCompacted(t, mem)
	l.do(compactionSteps[0])
	for room := int64(0); ; room += 4096 {
		mem.SetCapacity(mem.Used() + room)
		_, err := l.Compact(t.Context())
		requireBetween(t, l.Log, states[1], states[2])
		if err == nil {
			break
		}
		require.ErrorIs(t, err, engine.ErrDiskFull)
		require.ErrorIs(t, err, syscall.ENOSPC)
		requireNoSwapFiles(t, l.opts, mem)
	}
	require.Equal(t, states[2], stateOf(t, l.Log))
}

func TestCompactWhileReading(t *testing.T) {
	l := openCompactedIn(t, vfs.NewMem(), 2)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				last := map[string]string{}
				for _, w := range strings.Fields(show(t, l.Log, true)) {
					_, kv, _ := strings.Cut(w, ":")
					k, v, _ := strings.Cut(kv, "=")
					if v < last[k] {
						t.Errorf("%s went back from %s to %s", k, last[k], v)
					}
					last[k] = v
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 60 {
		l.do(fmt.Sprintf("a=%04d b=%04d\ntx 7 a=zzzz\nabort 7\n", i, i))
		if i%3 == 2 {
			l.do("|\ncompact")
		}
	}
	close(stop)
	readers.Wait()
	require.Empty(t, l.Damage())
}

func TestCompactWhileRetention(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	for i := range 40 {
		l.do(fmt.Sprintf("a=%d k%d=1\n|", i, i))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for start := int64(0); start < 70; start += 3 {
			if err := l.DeleteRecords(start); err != nil && !errors.Is(err, engine.ErrClosed) {
				t.Error(err)
			}
		}
	})
	for range 5 {
		l.do("compact\nx=1\n|")
	}
	wg.Wait()
	l.do("compact")
	l.reopen()
	require.Empty(t, l.Damage())
	require.Equal(t, int64(69), l.Start())
	require.Contains(t, show(t, l.Log, false), "79:k39=1")
}
