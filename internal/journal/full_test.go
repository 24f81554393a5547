package journal_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func TestDiskFull(t *testing.T) {
	mem := vfs.NewMem()
	released := 0
	o := options(mem)
	o.ReleaseSpace = func() bool { released++; return false }
	j, l := open(t, o), &ledger{}
	mem.SetCapacity(8 * 4096)
	for l.commit(j, false) == nil {
		require.Less(t, len(l.answers), 10_000)
	}
	require.Equal(t, 1, released, "asked once")
	checkError(t, l.answers[len(l.answers)-1].err, true, "full")
	checkError(t, l.commit(j, true), true, "still full")
	checkError(t, j.Sync(), true, "sync")
	l.check(t, state(j), written, "live")
	l.check(t, state(open(t, options(unlimited(mem.KillClone())))), written, "killed")

	mem.SetCapacity(0)
	require.NoError(t, l.commit(j, true), "room again")
	l.check(t, state(open(t, options(mem.CrashClone(1)))), written, "all that is visible is durable")
	require.NoError(t, j.Close())
}

func unlimited(m *vfs.Mem) *vfs.Mem {
	m.SetCapacity(0)
	return m
}

func TestReleaseSpace(t *testing.T) {
	mem := vfs.NewMem()
	o := options(mem)
	o.ReleaseSpace = func() bool { mem.SetCapacity(0); return true }
	j, l := open(t, o), &ledger{}
	mem.SetCapacity(8 * 4096)
	for range 1000 {
		require.NoError(t, l.commit(j, false))
	}
	require.NoError(t, j.Close())
}

func TestDiskFullWhileOpening(t *testing.T) {
	s := newSample(t)
	s.mem.SetCapacity(s.mem.Used())
	before := tree(t, s.mem, dir)
	_, err := journal.Open(options(s.mem))
	checkError(t, err, true, "open")
	require.Error(t, err)
	after := tree(t, s.mem, dir)
	delete(after, dir+"/CURRENT.new")
	require.Equal(t, before, after)
	s.mem.SetCapacity(0)
	require.Equal(t, s.states[5], state(open(t, options(s.mem))))
}

// While nobody knows which generation a power loss would leave, nothing is acknowledged as durable.
func TestUncertainSwitch(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		t.Run(fault.Error(), func(t *testing.T) {
			mem, l := vfs.NewMem(), &ledger{}
			armed, renamed := false, false
			j := open(t, small(vfs.Faulty(mem, func(op vfs.Op) error {
				fails := armed && renamed && op.Kind == vfs.OpSyncDir
				renamed = op.Kind == vfs.OpRename
				if fails {
					return fault
				}
				return nil
			})))
			require.NoError(t, l.commit(j, true))
			armed = true
			for range 4 {
				checkError(t, l.commit(j, true), vfs.IsNoSpace(fault), "commit")
				l.check(t, state(open(t, options(mem.KillClone()))), written, "killed")
				for seed := range uint64(30) {
					l.check(t, state(open(t, options(mem.CrashClone(seed)))), durable, "crashed")
				}
			}
			armed = false
			err := l.commit(j, true)
			require.Equal(t, vfs.IsNoSpace(fault), err == nil, "commits resume when there is room")
			for seed := range uint64(30) {
				l.check(t, state(open(t, options(mem.CrashClone(seed)))), durable, "crashed at last")
			}
		})
	}
}
