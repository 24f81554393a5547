package journal_test

import (
	"fmt"
	"maps"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// A crash at any call of an Open that has something to recover, then Open again: the same result, and for good.
func TestRecoveryIsIdempotent(t *testing.T) {
	s := newSample(t)
	torn := s.mem.KillClone()
	overwrite(t, torn, s.file, s.data[:len(s.data)-5])
	closed := s.mem.KillClone()
	require.NoError(t, open(t, options(closed)).Close())
	for name, c := range map[string]struct {
		mem  *vfs.Mem
		want []map[string]string // what may be found after a power loss; after a kill it is the last
	}{
		"empty":  {vfs.NewMem(), []map[string]string{{}}},
		"killed": {s.mem, s.states[3:6]},
		"torn":   {torn, s.states[3:5]},
		"closed": {closed, s.states[5:6]},
	} {
		t.Run(name, func(t *testing.T) {
			counted := vfs.Faulty(c.mem.KillClone(), nil)
			open(t, options(counted))
			for n := int64(1); n <= counted.Ops()+1; n++ {
				mem := c.mem.KillClone()
				j, err := journal.Open(options(vfs.Faulty(mem, vfs.FailNth(n, syscall.EIO, true))))
				require.NotErrorIs(t, err, engine.ErrCorrupt, "an I/O error is no damage")
				want := c.want
				if err == nil {
					require.Equal(t, want[len(want)-1], state(j))
					want = want[len(want)-1:]
				}
				checkOpens(t, mem, want, fmt.Sprintf("call %d", n))
			}
		})
	}
}

// checkOpens opens what a kill, and what some power losses leave; what was opened must survive a power loss then.
func checkOpens(t *testing.T, mem *vfs.Mem, want []map[string]string, place string) {
	found := state(open(t, options(mem.KillClone())))
	require.Equal(t, want[len(want)-1], found, place)
	for seed := range uint64(8) {
		clone := mem.CrashClone(seed)
		found := state(open(t, options(clone)))
		require.Contains(t, want, found, "%s, seed %d", place, seed)
		again := open(t, options(clone.CrashClone(seed)))
		require.Equal(t, found, state(again), "%s, seed %d, after Open", place, seed)
	}
}

// model is a history of units, of which a recovered journal must show a prefix.
type model struct {
	o       journal.Options
	mem     *vfs.Mem
	j       *journal.Journal
	states  []map[string]string // before the first unit, after the first, ...
	durable int                 // index of the first state that a power loss may show
}

func (m *model) now() map[string]string { return m.states[len(m.states)-1] }

func (m *model) commit(t *rapid.T) {
	var cs []journal.Change
	next := maps.Clone(m.now())
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		key := rapid.SampledFrom([]string{"a", "b", "c", "d/e", "d/f"}).Draw(t, "key")
		if rapid.Bool().Draw(t, "delete") {
			cs = append(cs, del(key))
			delete(next, key)
			continue
		}
		value := fmt.Sprint(len(m.states), "-", rapid.StringN(0, 200, 200).Draw(t, "value"))
		cs = append(cs, put(key, value))
		next[key] = value
	}
	sync := rapid.Bool().Draw(t, "sync")
	require.NoError(t, m.j.Commit(sync, cs...))
	m.states = append(m.states, next)
	if sync {
		m.durable = len(m.states) - 1
	}
}

// reopened says that what Open found at found is all there is, and durable.
func (m *model) reopened(t *rapid.T, mem *vfs.Mem, from int) {
	m.mem, m.o.FS = mem, mem
	m.j = open(t, m.o)
	got := state(m.j)
	for i := len(m.states) - 1; i >= from; i-- {
		if maps.Equal(m.states[i], got) {
			m.states, m.durable = m.states[i:i+1], 0
			return
		}
	}
	t.Fatalf("found %v, which is none of %v", got, m.states[from:])
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := vfs.NewMem()
		m := &model{o: options(mem), mem: mem, states: []map[string]string{{}}}
		m.o.MinGeneration = rapid.Int64Range(1, 2000).Draw(t, "generation")
		m.j = open(t, m.o)
		t.Repeat(map[string]func(*rapid.T){
			"commit": m.commit,
			"more":   m.commit,
			"sync": func(t *rapid.T) {
				require.NoError(t, m.j.Sync())
				m.durable = len(m.states) - 1
			},
			"close": func(t *rapid.T) {
				require.NoError(t, m.j.Close())
				m.reopened(t, m.mem, len(m.states)-1)
			},
			"close and lose power": func(t *rapid.T) {
				require.NoError(t, m.j.Close())
				m.reopened(t, m.mem.CrashClone(rapid.Uint64().Draw(t, "seed")), len(m.states)-1)
			},
			"kill": func(t *rapid.T) { m.reopened(t, m.mem.KillClone(), len(m.states)-1) },
			"lose power": func(t *rapid.T) {
				m.reopened(t, m.mem.CrashClone(rapid.Uint64().Draw(t, "seed")), m.durable)
			},
			"": func(t *rapid.T) { require.Equal(t, m.now(), state(m.j)) },
		})
	})
}
