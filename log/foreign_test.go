package log

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// twin makes a log like closedLog's, of the same sizes and offsets, with other values.
func twin(tb testing.TB) *vfs.Mem {
	mem := vfs.NewMem()
	l := openCompacted(tb, mem)
	l.do("a=9 b=9\nc=9\nd=9\n|\ntx 7 e=9\ntx 7 f=9\nabort 7\n|\ntx 8 g=9\nh=9\ncommit 8\ni=9\n|\nj=9\nk=9\nl=9")
	require.NoError(tb, l.Close())
	return mem
}

// TestFileOfAnotherPartitionOfTheSameShape: batches do not say where they belong. No record of another partition's file
// is read, verified as good, or taken over by a repair, and nothing is appended to it.
func TestFileOfAnotherPartitionOfTheSameShape(t *testing.T) {
	for _, base := range []int64{0, 4, 7, 11} {
		l, mem := closedLog(t)
		foreign := contentsOf(t, twin(t))[segment.Name(base)+segment.LogExt]
		editFile(t, mem, logName(base), func(b []byte) []byte {
			require.Len(t, foreign, len(b))
			return []byte(foreign)
		})
		r, err := Verify(mem, l.verifyOptions())
		require.NoError(t, err)
		require.Len(t, r.Problems, 1)

		for _, disk := range []*vfs.Mem{mem.KillClone(), grown(t, mem.KillClone())} {
			again := reopenOn(t, l.opts, disk)
			data, _, err := again.Read(base, again.End(), 1<<20)
			require.ErrorIs(t, err, engine.ErrCorrupt)
			require.Empty(t, data)
			require.NotEmpty(t, again.Damage())
			if base == 11 {
				_, err := again.Append(numbered(1), 1)
				require.True(t, errors.Is(err, engine.ErrCorrupt) || errors.Is(err, engine.ErrReadOnly), "%v", err)
				_, err = again.AppendSync(numbered(1), 1)
				require.True(t, errors.Is(err, engine.ErrCorrupt) || errors.Is(err, engine.ErrReadOnly), "%v", err)
			}
			require.NoError(t, again.Close())
		}

		r, err = Repair(mem, l.repairOptions())
		require.NoError(t, err)
		require.Empty(t, r.Problems)
		again := reopenOn(t, l.opts, mem)
		require.NotContains(t, show(t, again, false), "=9")
		require.NoError(t, again.Close())
	}
}

// grown makes each log's file end with zeros, as a kill leaves it, so that recovery reads it.
func grown(t *testing.T, mem *vfs.Mem) *vfs.Mem {
	editFile(t, mem, logName(11), func(b []byte) []byte { return append(b, make([]byte, 5000)...) })
	return mem
}

// TestLostStart: a manifest that has lost the record of the start promises offsets of which there is no file.
func TestLostStart(t *testing.T) {
	mem := vfs.NewMem()
	l := openCompacted(t, mem)
	l.do("a=1\n|\nb=1\n|\nc=1\n|")
	require.NoError(t, l.DeleteRecords(2))
	require.NoError(t, l.Maintain())
	require.NoError(t, l.Close())
	editFile(t, mem, "orders-0/manifest", func([]byte) []byte { return []byte{} })

	again := reopenOn(t, l.opts, mem.KillClone())
	require.NotEmpty(t, again.Damage())
	require.NoError(t, again.Close())
	r, err := Verify(mem, l.verifyOptions())
	require.NoError(t, err)
	require.Len(t, r.Problems, 1)
	require.Equal(t, engine.Damage{File: logName(0), Detail: "the file is missing", First: 0, Next: 2}, r.Problems[0])

	r, err = Repair(mem, l.repairOptions())
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	again = reopenOn(t, l.opts, mem)
	require.Empty(t, again.Damage())
	require.Equal(t, "2:c=1", strings.TrimSpace(show(t, again, false)))
	require.NoError(t, again.Close())
}

// TestStraySwapFile: a file by the name of a compaction that was finished does not replace its result.
func TestStraySwapFile(t *testing.T) {
	mem := vfs.NewMem()
	l := openCompacted(t, mem)
	l.do("a=1\n|\na=2\n|\na=3 b=3\n|\ncompact\nc=4")
	want := show(t, l.Log, false)
	require.NoError(t, l.Close())
	l.Log = reopenOn(t, l.opts, mem.KillClone())
	sequence := l.manifest.swaps[0]
	require.Positive(t, sequence)
	require.NoError(t, l.Close())

	stray := logName(0) + swapSuffix(sequence)
	f, err := mem.OpenFile(stray, os.O_RDWR|os.O_CREATE)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte(contentsOf(t, mem)[segment.Name(3)+segment.LogExt]), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	r, err := Verify(mem, l.verifyOptions())
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	again := reopenOn(t, l.opts, mem)
	require.Empty(t, again.Damage())
	require.Len(t, again.Notes(), 1)
	require.Contains(t, again.Notes()[0], stray)
	require.Equal(t, want, show(t, again, false))
	require.NoError(t, again.Close())
	_, err = mem.Stat(stray)
	require.NoError(t, err, "it is left alone")
}

// TestDamagedSwapFile: a compaction that was interrupted, and whose file is damaged, does not remove what it was made of.
func TestDamagedSwapFile(t *testing.T) {
	mem := vfs.NewMem()
	var clone *vfs.Mem
	l := openCompacted(t, vfs.Faulty(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpRename && strings.HasSuffix(op.Name, swapExt) && clone == nil {
			clone = mem.KillClone()
		}
		return nil
	}))
	l.do("a=1\n|\na=2 b=2\n|\ncompact")
	require.NotNil(t, clone)
	for name := range contentsOf(t, clone) {
		if strings.Contains(name, segment.LogExt) && strings.HasSuffix(name, swapExt) {
			editFile(t, clone, "orders-0/"+name, flipBit(-1))
		}
	}
	before := contentsOf(t, clone)
	again := reopenOn(t, l.opts, clone)
	require.NotEmpty(t, again.Damage())
	require.NoError(t, again.Close())
	require.Equal(t, before, contentsOf(t, clone), "nothing is changed")
}

// TestFileLargerThanASegment: a hole of a petabyte is not read.
func TestFileLargerThanASegment(t *testing.T) {
	for _, base := range []int64{4, 11} {
		l, mem := closedLog(t)
		f, err := mem.OpenFile(logName(base), os.O_RDWR)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(1<<50))
		require.NoError(t, f.Close())
		again := reopenOn(t, l.opts, mem)
		require.NotEmpty(t, again.Damage())
		require.NoError(t, again.Close())
		if base == 11 {
			r, err := Verify(mem, l.verifyOptions())
			require.NoError(t, err)
			require.NotEmpty(t, r.Problems)
			_, err = Repair(mem, l.repairOptions())
			require.ErrorContains(t, err, "more than a segment can have")
		}
	}
}
