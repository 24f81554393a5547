package journal_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// ledger is what a journal has answered to units that each put two keys.
type ledger struct {
	answers []answer
}

type answer struct {
	sync bool
	err  error
}

func (l *ledger) commit(j *journal.Journal, sync bool) error {
	n := strconv.Itoa(len(l.answers))
	err := j.Commit(sync, put("a"+n, ""), put("b"+n, n), put("fill", strings.Repeat("x", 200))) // for generations to grow
	l.answers = append(l.answers, answer{sync, err})
	return err
}

// check judges a state: each unit is whole or absent, those that must be there are, and none is missing before one that
// is there, unless it had failed.
func (l *ledger) check(t require.TestingT, state map[string]string, must func(answer) bool, place string) {
	missing := -1
	for i, a := range l.answers {
		n := strconv.Itoa(i)
		_, first := state["a"+n]
		_, second := state["b"+n]
		require.Equal(t, first, second, "%s: unit %d is torn", place, i)
		if !first && must(a) {
			require.Fail(t, "lost", "%s: unit %d of %d", place, i, len(l.answers))
		}
		if !first && a.err == nil && missing < 0 {
			missing = i
		}
		if first && missing >= 0 {
			require.Fail(t, "not a prefix", "%s: unit %d is there, %d is not", place, i, missing)
		}
	}
}

func written(a answer) bool { return a.err == nil }
func durable(a answer) bool { return a.err == nil && a.sync }

// scenario opens, commits, switches generations, closes and opens again. Errors are in the ledger.
func scenario(f vfs.FS, l *ledger) *journal.Journal {
	o := options(f)
	o.MinGeneration = 600
	j, err := journal.Open(o)
	if err != nil {
		return nil
	}
	for i := range 7 {
		_ = l.commit(j, i%3 == 1)
	}
	_ = j.Close()
	if j, err = journal.Open(o); err != nil {
		return nil
	}
	for i := range 6 {
		_ = l.commit(j, i%2 == 1)
	}
	return j
}

func TestEveryFault(t *testing.T) {
	faults := map[string]error{
		"EIO":          syscall.EIO,
		"ENOSPC":       syscall.ENOSPC,
		"short EIO":    &vfs.ShortWrite{N: 30, Err: syscall.EIO},
		"short ENOSPC": &vfs.ShortWrite{N: 30, Err: syscall.ENOSPC},
	}
	for name, fault := range faults {
		for _, persistent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s persistent %v", name, persistent), func(t *testing.T) {
				counted := vfs.Faulty(vfs.NewMem(), nil)
				j := scenario(counted, &ledger{})
				report, err := journal.Inspect(counted, dir, id)
				require.NoError(t, err)
				require.Greater(t, report.Generation, uint64(3), "generations must change")
				require.NoError(t, j.Close())
				for n := int64(1); n <= counted.Ops(); n++ {
					checkFault(t, n, fault, persistent)
				}
			})
		}
	}
}

func checkFault(t *testing.T, n int64, fault error, persistent bool) {
	mem, l := vfs.NewMem(), &ledger{}
	healed := false
	hook := vfs.FailNth(n, fault, persistent)
	f := vfs.Faulty(mem, func(op vfs.Op) error {
		if healed {
			return nil
		}
		return hook(op)
	})
	j := scenario(f, l)
	place := fmt.Sprintf("call %d", n)
	for _, a := range l.answers {
		checkError(t, a.err, vfs.IsNoSpace(fault), place)
	}
	if j != nil {
		l.check(t, state(j), written, place+" live")
	}
	killed, crashed := mem.KillClone(), mem.CrashClone(uint64(n))
	l.check(t, state(open(t, options(killed))), written, place+" killed")
	l.check(t, state(open(t, options(crashed))), durable, place+" crashed")

	healed = true
	if j == nil {
		j = open(t, options(mem))
	} else if err := l.commit(j, true); err != nil {
		require.False(t, vfs.IsNoSpace(fault), "%s: with room again commits resume", place)
		_ = j.Close()
		j = open(t, options(mem))
	}
	require.NoError(t, l.commit(j, true), place)
	l.check(t, state(j), written, place+" healed")
	l.check(t, state(open(t, options(mem.CrashClone(uint64(n))))), durable, place+" healed and crashed")
	require.NoError(t, j.Close())
}

func checkError(t *testing.T, err error, noSpace bool, place string) {
	if err == nil || errors.Is(err, engine.ErrClosed) {
		return
	}
	var e *engine.Error
	require.ErrorAs(t, err, &e, place)
	if noSpace {
		require.Equal(t, engine.ErrDiskFull, e.Code, place)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.True(t, engine.IsRetriable(err))
		return
	}
	require.Equal(t, engine.ErrIO, e.Code, place)
	require.ErrorIs(t, err, syscall.EIO, place)
}

// A single failure of the entries' file costs nobody anything: a fresh generation takes over.
func TestOneFailedWriteOrSyncIsSurvived(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpWrite, vfs.OpSync} {
		t.Run(kind.String(), func(t *testing.T) {
			mem := vfs.NewMem()
			armed := false
			f := vfs.Faulty(mem, vfs.Only(func(vfs.Op) error {
				if armed {
					armed = false
					return syscall.EIO
				}
				return nil
			}, kind))
			j, l := open(t, options(f)), &ledger{}
			require.NoError(t, l.commit(j, false))
			armed = true
			require.NoError(t, l.commit(j, true))
			require.False(t, armed)
			require.NoError(t, l.commit(j, false))
			for seed := range uint64(20) {
				l.check(t, state(open(t, options(mem.CrashClone(seed)))), durable, "crashed")
			}
			report, err := journal.Inspect(mem, dir, id)
			require.NoError(t, err)
			require.Equal(t, uint64(2), report.Generation)
			require.NoError(t, j.Close())
		})
	}
}

// No byte of a file is fsynced again after an fsync of it failed.
func TestFailedSyncIsNeverRetried(t *testing.T) {
	failed := map[string]bool{}
	mem := vfs.NewMem()
	f := vfs.Faulty(mem, nil)
	j := open(t, options(f))
	f = vfs.Faulty(mem, vfs.Only(func(op vfs.Op) error {
		require.False(t, failed[op.Name], "%s is synced again", op.Name)
		failed[op.Name] = true
		return syscall.EIO
	}, vfs.OpSync))
	require.NoError(t, j.Close())
	j = open(t, options(f))
	require.ErrorIs(t, j.Commit(true, put("a", "1")), engine.ErrIO)
	require.ErrorIs(t, j.Commit(true, put("a", "2")), engine.ErrIO)
	require.ErrorIs(t, j.Sync(), engine.ErrIO)
	require.ErrorIs(t, j.Close(), engine.ErrIO)
	require.Len(t, failed, 2, "the file's, and that of the generation after it")
}
