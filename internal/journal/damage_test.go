package journal_test

import (
	"fmt"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// sample is a journal whose owner was killed: three units that were fsynced and two that were not.
type sample struct {
	mem     *vfs.Mem
	file    string
	data    []byte
	ends    []int64             // where the snapshot and each unit end
	states  []map[string]string // after each of them
	promise int                 // number of entries that were fsynced
}

func newSample(t testing.TB) sample {
	s := sample{mem: vfs.NewMem(), promise: 4}
	j := open(t, options(s.mem))
	for i := range 6 {
		if i > 0 {
			require.NoError(t, j.Commit(i <= 3, put("last", fmt.Sprint(i)), put(fmt.Sprint("unit", i), "x")))
		}
		report, err := journal.Inspect(s.mem, dir, id)
		require.NoError(t, err)
		s.file = report.File
		s.ends = append(s.ends, report.Size)
		s.states = append(s.states, state(j))
	}
	s.mem = s.mem.KillClone()
	s.data = readAll(t, s.mem, s.file)
	return s
}

// check opens a copy of the sample in which the entries before number first are intact, and that one is not.
func (s sample) check(t testing.TB, data []byte, first int, place string) {
	mem := s.mem.KillClone()
	overwrite(t, mem, s.file, data)
	before := tree(t, mem, dir)
	var start int64
	if first > 0 {
		start = s.ends[first-1]
	}
	report, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err, place)
	_, _, rerr := journal.Read(mem, dir, id)
	j, err := journal.Open(options(mem))

	if first < s.promise {
		var damage *engine.CorruptionError
		require.ErrorAs(t, err, &damage, place)
		require.ErrorIs(t, err, engine.ErrCorrupt)
		require.Equal(t, s.file, damage.File)
		require.Equal(t, start, damage.Position, place)
		require.Equal(t, damage, report.Damage)
		require.False(t, report.Tail)
		require.Equal(t, damage, rerr)
		require.Equal(t, before, tree(t, mem, dir), "nothing is changed")
		return
	}
	require.NoError(t, err, place)
	require.NoError(t, rerr)
	require.Equal(t, s.states[first-1], state(j), place)
	require.NoError(t, j.Close())
	if start == int64(len(data)) {
		require.Nil(t, report.Damage)
		require.Empty(t, j.Notes())
		return
	}
	require.True(t, report.Tail)
	require.Equal(t, start, report.Damage.Position)
	require.Len(t, j.Notes(), 1)
	require.Equal(t, data[start:], readAll(t, mem, path.Dir(s.file)+".broken"), place)
}

// entryAt is the number of the entry that holds a byte.
func (s sample) entryAt(pos int) int {
	for i, end := range s.ends {
		if int64(pos) < end {
			return i
		}
	}
	return len(s.ends)
}

func TestEveryBitFlip(t *testing.T) {
	s := newSample(t)
	for pos := range s.data {
		for bit := range 8 {
			data := append([]byte(nil), s.data...)
			data[pos] ^= 1 << bit
			s.check(t, data, s.entryAt(pos), fmt.Sprintf("byte %d bit %d", pos, bit))
		}
	}
}

func TestEveryTruncation(t *testing.T) {
	s := newSample(t)
	for size := range s.data {
		s.check(t, s.data[:size], s.entryAt(size), fmt.Sprintf("cut to %d", size))
	}
}

func TestEveryZeroedEnd(t *testing.T) {
	s := newSample(t)
	for from := range s.data {
		data := append([]byte(nil), s.data...)
		clear(data[from:])
		s.check(t, data, s.entryAt(from), fmt.Sprintf("zeros from %d", from))
	}
}

func TestDroppedAndSwappedEntries(t *testing.T) {
	s := newSample(t)
	cut := func(from, to int) []byte { return s.data[s.ends[from-1]:s.ends[to-1]] }
	s.check(t, append(append(append([]byte(nil), cut(1, 1)...), s.data[:s.ends[1]]...), s.data[s.ends[2]:]...), 2, "dropped")
	swapped := append([]byte(nil), s.data[:s.ends[3]]...)
	swapped = append(append(swapped, cut(5, 6)...), cut(4, 5)...)
	s.check(t, swapped, 4, "swapped")
	s.check(t, append(append([]byte(nil), s.data...), cut(5, 6)...), 6, "repeated")
	s.check(t, append(append([]byte(nil), s.data...), make([]byte, 5000)...), 6, "zeros appended")
}

// An entry of a history that took another course has the right index, and does not belong there.
func TestEntryOfAnotherCourse(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	require.NoError(t, j.Commit(true, put("a", "1")))
	require.NoError(t, j.Close())
	var files [2][]byte
	var middle int64
	for i := range files {
		mem := mem.KillClone()
		j := open(t, options(mem))
		require.NoError(t, j.Commit(false, put("course", fmt.Sprint(i))))
		report, err := journal.Inspect(mem, dir, id)
		require.NoError(t, err)
		middle = report.Size
		require.NoError(t, j.Commit(false, put("b", "2")))
		files[i] = readAll(t, mem, report.File)
	}
	report, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	overwrite(t, mem, report.File, append(files[0][:middle:middle], files[1][middle:]...))
	j = open(t, options(mem))
	require.Equal(t, map[string]string{"a": "1", "course": "0"}, state(j))
	require.Len(t, j.Notes(), 1)
}

func TestGarbageBehindTheClosingEntry(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	require.NoError(t, j.Commit(false, put("a", "1")))
	require.NoError(t, j.Close())
	report, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	require.True(t, report.Closed)
	overwrite(t, mem, report.File, append(readAll(t, mem, report.File), "garbage"...))
	report, err = journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	require.False(t, report.Closed)
	require.True(t, report.Tail)
	again := open(t, options(mem))
	require.Equal(t, state(j), state(again))
	fresh, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	require.Greater(t, fresh.Generation, report.Generation)
}
