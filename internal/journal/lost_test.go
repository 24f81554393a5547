package journal_test

import (
	"os"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// Without the watermark file the watermarks in the entries still tell, one fsync behind; that much is reported.
func TestWatermarkFileLost(t *testing.T) {
	s := newSample(t)
	name := path.Join(path.Dir(s.file), "watermark")
	for what, lose := range map[string]func(vfs.FS){
		"missing": func(f vfs.FS) { require.NoError(t, f.Remove(name)) },
		"empty":   func(f vfs.FS) { overwrite(t, f, name, nil) },
		"zeros":   func(f vfs.FS) { overwrite(t, f, name, make([]byte, 5000)) },
		"garbage": func(f vfs.FS) { overwrite(t, f, name, readAll(t, f, s.file)) },
	} {
		t.Run(what, func(t *testing.T) {
			mem := s.mem.KillClone()
			lose(mem)
			report, err := journal.Inspect(mem, dir, id)
			require.NoError(t, err)
			require.Equal(t, uint64(4), report.Synced, "as the entries say")
			j := open(t, options(mem.KillClone()))
			require.Equal(t, s.states[5], state(j))
			require.Len(t, j.Notes(), 1)
			require.Contains(t, j.Notes()[0], "unverified")
			require.NoError(t, j.Close())

			damaged := append([]byte(nil), s.data...)
			damaged[s.ends[1]+70] ^= 1 // the second unit; the fourth knows that it was fsynced
			overwrite(t, mem, s.file, damaged)
			_, err = journal.Open(options(mem))
			require.ErrorIs(t, err, engine.ErrCorrupt)
		})
	}
}

func TestEveryBitFlipOfTheWatermark(t *testing.T) {
	s := newSample(t)
	name := path.Join(path.Dir(s.file), "watermark")
	whole := readAll(t, s.mem, name)
	for pos := range whole {
		mem := s.mem.KillClone()
		data := append([]byte(nil), whole...)
		data[pos] ^= 0x10
		overwrite(t, mem, name, data)
		j := open(t, options(mem))
		require.Equal(t, s.states[5], state(j))
		require.Empty(t, j.Notes(), "the other slot is good")
	}
}

func TestEveryBitFlipAndTruncationOfCurrent(t *testing.T) {
	s := newSample(t)
	name := path.Join(dir, "CURRENT")
	whole := readAll(t, s.mem, name)
	check := func(data []byte) {
		mem := s.mem.KillClone()
		overwrite(t, mem, name, data)
		before := tree(t, mem, dir)
		_, err := journal.Open(options(mem))
		require.ErrorIs(t, err, engine.ErrCorrupt)
		require.ErrorContains(t, err, "kafkado repair")
		_, err = journal.Inspect(mem, dir, id)
		require.ErrorIs(t, err, engine.ErrCorrupt)
		require.Equal(t, before, tree(t, mem, dir))
	}
	for pos := range whole {
		for bit := range 8 {
			data := append([]byte(nil), whole...)
			data[pos] ^= 1 << bit
			check(data)
		}
		check(whole[:pos])
	}
	check(append(append([]byte(nil), whole...), '\n'))
}

func TestFilesLost(t *testing.T) {
	s := newSample(t)
	for what, lose := range map[string]func(f vfs.FS) error{
		"CURRENT":    func(f vfs.FS) error { return f.Remove(path.Join(dir, "CURRENT")) },
		"entries":    func(f vfs.FS) error { return f.Remove(s.file) },
		"generation": func(f vfs.FS) error { return f.RemoveAll(path.Dir(s.file)) },
	} {
		t.Run(what, func(t *testing.T) {
			mem := s.mem.KillClone()
			require.NoError(t, lose(mem))
			before := tree(t, mem, dir)
			_, err := journal.Open(options(mem))
			require.ErrorIs(t, err, engine.ErrCorrupt)
			require.ErrorContains(t, err, "kafkado repair")
			_, _, err = journal.Read(mem, dir, id)
			require.ErrorIs(t, err, engine.ErrCorrupt)
			require.Equal(t, before, tree(t, mem, dir))
		})
	}
}

func TestAnotherDirectorysJournal(t *testing.T) {
	s := newSample(t)
	o := options(s.mem)
	o.ID[7]++
	_, err := journal.Open(o)
	require.ErrorIs(t, err, engine.ErrCorrupt)
	require.ErrorContains(t, err, "another data directory")
}

// A file that a newer generation left behind does not fit into an older one's place, nor the other way.
func TestAnotherGenerationsEntries(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	first, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	require.NoError(t, j.Commit(true, put("a", "1")))
	old := readAll(t, mem, first.File)
	mem = mem.KillClone()
	open(t, options(mem))
	second, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	require.NotEqual(t, first.File, second.File)

	stale := mem.KillClone()
	overwrite(t, stale, second.File, old)
	_, err = journal.Open(options(stale))
	require.ErrorContains(t, err, "another generation")

	appended := append(readAll(t, mem, second.File), old...) // a block of a removed file behind the end
	overwrite(t, mem, second.File, appended)
	again := open(t, options(mem))
	require.Equal(t, map[string]string{"a": "1"}, state(again))
	require.Len(t, again.Notes(), 1)
}

func TestClosingEntryIsTornOff(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	require.NoError(t, j.Commit(false, put("a", "1")))
	report, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	whole := readAll(t, mem, report.File)
	for size := report.Size; size < int64(len(whole)); size++ {
		torn := mem.KillClone()
		overwrite(t, torn, report.File, whole[:size])
		again := open(t, options(torn))
		require.Equal(t, state(j), state(again))
		require.NoError(t, again.Close())
	}
	file, err := mem.OpenFile(report.File, os.O_RDWR)
	require.NoError(t, err)
	require.NoError(t, file.Truncate(report.Size-1)) // into what Close had made durable
	_, err = journal.Open(options(mem))
	require.ErrorIs(t, err, engine.ErrCorrupt)
}

// TestHugeFile: a hole of a petabyte is not read; one that follows sound entries is kept aside as a hole.
func TestHugeFile(t *testing.T) {
	s := newSample(t)
	grow := func(size int64) *vfs.Mem {
		mem := s.mem.KillClone()
		f, err := mem.OpenFile(s.file, os.O_RDWR)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(size))
		require.NoError(t, f.Close())
		return mem
	}
	_, err := journal.Open(options(grow(1 << 50)))
	require.ErrorIs(t, err, engine.ErrCorrupt)
	require.ErrorContains(t, err, s.file)

	mem := grow(100 << 20)
	before := mem.Used()
	j := open(t, options(mem))
	require.Equal(t, s.states[5], state(j))
	require.Less(t, mem.Used()-before, int64(1<<20))
}
