package log

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// closedLog makes a log of three sealed segments and an active one, with transactions, and closes it.
func closedLog(tb testing.TB) (*compacted, *vfs.Mem) {
	mem := vfs.NewMem()
	l := openCompacted(tb, mem)
	l.do("a=1 b=1\nc=1\nd=1\n|\ntx 7 e=1\ntx 7 f=1\nabort 7\n|\ntx 8 g=1\nh=1\ncommit 8\ni=1\n|\nj=1\nk=1\nl=1")
	require.NoError(tb, l.Close())
	return l, mem
}

func (c *compacted) verifyOptions() VerifyOptions {
	return VerifyOptions{Dir: c.opts.Dir, ID: c.opts.ID, Topic: c.opts.Topic, Partition: c.opts.Partition}
}

// change edits a file; a nil result removes it.
func editFile(tb testing.TB, fsys vfs.FS, name string, edit func([]byte) []byte) {
	tb.Helper()
	b, err := vfs.ReadFile(fsys, name, 1<<30)
	require.NoError(tb, err)
	if b = edit(b); b == nil {
		require.NoError(tb, fsys.Remove(name))
		require.NoError(tb, fsys.SyncDir("orders-0"))
		return
	}
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_TRUNC)
	require.NoError(tb, err)
	_, err = f.WriteAt(b, 0)
	require.NoError(tb, err)
	require.NoError(tb, f.Sync())
	require.NoError(tb, f.Close())
	require.NoError(tb, fsys.SyncDir("orders-0"))
}

func flipBit(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
}

func logName(base int64) string { return "orders-0/" + segment.Name(base) + segment.LogExt }

func removed([]byte) []byte { return nil }

// contentsOf is every file of a directory.
func contentsOf(tb testing.TB, fsys vfs.FS) map[string]string {
	tb.Helper()
	all := map[string]string{}
	entries, err := fsys.ReadDir("orders-0")
	require.NoError(tb, err)
	for _, e := range entries {
		b, err := vfs.ReadFile(fsys, "orders-0/"+e.Name(), 1<<30)
		require.NoError(tb, err)
		all[e.Name()] = string(b)
	}
	return all
}

func TestVerifySound(t *testing.T) {
	l, mem := closedLog(t)
	before := contentsOf(t, mem)
	r, err := Verify(mem, l.verifyOptions())
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	require.Empty(t, r.Notes)
	require.Equal(t, 4, r.Segments)
	require.Equal(t, [3]int64{13, 14, 0}, [3]int64{r.Batches, r.Records, r.TailBytes})
	require.Equal(t, [3]int64{0, 14, 14}, [3]int64{r.Start, r.End, r.Durable})
	require.Equal(t, before, contentsOf(t, mem), "nothing is written")
}

func TestVerifyWhileGrownAhead(t *testing.T) {
	mem := vfs.NewMem()
	l := openCompacted(t, mem)
	l.do("a=1\nb=1")
	r, err := Verify(mem.KillClone(), l.verifyOptions())
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	require.Zero(t, r.TailBytes, "zeros that the file was grown by are no tail")
	require.Equal(t, [2]int64{2, 0}, [2]int64{r.End, r.Durable})
}

func TestVerifyUnfinishedCompaction(t *testing.T) {
	mem := vfs.NewMem()
	var clones []*vfs.Mem
	compacting := false
	l := openCompacted(t, vfs.Faulty(mem, func(op vfs.Op) error {
		if compacting && (op.Kind == vfs.OpRename || op.Kind == vfs.OpRemove) {
			clones = append(clones, mem.KillClone())
		}
		return nil
	}))
	l.do("a=1\n|\ntx 7 a=2\nabort 7\n|\na=3\n|")
	compacting = true
	l.do("compact")
	compacting = false
	require.NotEmpty(t, clones)
	for _, clone := range clones {
		r, err := Verify(clone, l.verifyOptions())
		require.NoError(t, err)
		require.Empty(t, r.Problems)
		require.Contains(t, strings.Join(r.Notes, "\n"), "compaction was interrupted")
		require.Equal(t, int64(4), r.End)
	}
}

// damages are the kinds of damage, and what Verify says of them.
var damages = []struct {
	name   string
	do     func(tb testing.TB, mem *vfs.Mem)
	detail string   // part of what Verify reports
	lost   []string // records, by what show writes
}{
	{"a bit of a record", harm(logName(4), flipBit(-1)), "checksum", []string{"6:A"}},
	{"a bit of a base offset", harm(logName(4), flipBit(7)), "base offset is 5 where 4 belongs", []string{"4:e=1"}},
	{"a bit of an epoch", harm(logName(0), flipBit(12)), "epoch", []string{"0:a=1", "1:b=1"}},
	{"the length of a batch", harm(logName(0), flipBit(8)), "a batch of", []string{"0:a=1", "1:b=1"}},
	{"a sealed file is short", harm(logName(7), cutTo(-3)), "at 218", []string{"10:i=1"}},
	{"a sealed file is long", harm(logName(7), growBy("xyz")), "at 288", nil},
	{"a sealed file is long by zeros", harm(logName(7), growBy(strings.Repeat("\x00", 20))), "bytes instead of", nil},
	{"a hole of zeros", harm(logName(4), zeroed(0, 100)), "zeros", []string{"4:e=1", "5:f=1"}},
	{"a sealed file is empty", harm(logName(4), cutTo(0)), "bytes instead of", []string{"4:e=1", "5:f=1", "6:A"}},
	{"the first file is missing", harm(logName(0), removed), "the file is missing", []string{"0:a=1", "1:b=1", "2:c=1", "3:d=1"}},
	{"a sealed file is missing", harm(logName(4), removed), "the file is missing", []string{"4:e=1", "5:f=1", "6:A"}},
	{"the last file is missing", harm(logName(11), removed), "the file is missing", []string{"11:j=1", "12:k=1", "13:l=1"}},
	{"the last file is short", harm(logName(11), cutTo(-3)), "a batch of", []string{"13:l=1"}},
	{"a bit of the last file", harm(logName(11), flipBit(20)), "checksum", []string{"11:j=1"}},
	{"an epoch in the last file", harm(logName(11), flipBit(12)), "epoch", []string{"11:j=1"}},
	{"the manifest is missing", harm("orders-0/manifest", removed), "the manifest is missing", nil},
	{"the manifest is damaged", harm("orders-0/manifest", flipBit(20)), "the manifest is missing or damaged", nil},
	{"the last seal is damaged", harm("orders-0/manifest", flipBit(-1)), "", nil},
	{"the checkpoint is missing", harm("orders-0/checkpoint", removed), "the checkpoint is missing", nil},
	{
		"the manifest and a file are missing", both(harm("orders-0/manifest", removed), harm(logName(4), removed)),
		"the file begins at 7 where 4 belongs", []string{"4:e=1", "5:f=1", "6:A"},
	},
	{
		"the checkpoint and a bit of the last file", both(harm("orders-0/checkpoint", removed), harm(logName(11), flipBit(20))),
		"checksum", []string{"11:j=1"},
	},
	{
		"several at once", both(harm(logName(0), flipBit(-1)), both(harm(logName(7), removed), harm(logName(11), flipBit(-1)))),
		"checksum", []string{"3:d=1", "7:g=1", "8:h=1", "9:C", "10:i=1", "13:l=1"},
	},
}

func harm(name string, edit func([]byte) []byte) func(testing.TB, *vfs.Mem) {
	return func(tb testing.TB, mem *vfs.Mem) { editFile(tb, mem, name, edit) }
}

func both(a, b func(testing.TB, *vfs.Mem)) func(testing.TB, *vfs.Mem) {
	return func(tb testing.TB, mem *vfs.Mem) { a(tb, mem); b(tb, mem) }
}

func cutTo(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		if at <= 0 && at > -len(b) && at != 0 {
			return b[:len(b)+at]
		}
		return b[:at]
	}
}

func growBy(s string) func([]byte) []byte { return func(b []byte) []byte { return append(b, s...) } }

func zeroed(from, to int) func([]byte) []byte {
	return func(b []byte) []byte { clear(b[from:to]); return b }
}

func TestVerifyDamage(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			l, mem := closedLog(t)
			d.do(t, mem)
			before := contentsOf(t, mem)
			r, err := Verify(mem, l.verifyOptions())
			require.NoError(t, err)
			require.Equal(t, before, contentsOf(t, mem))
			if d.detail == "" {
				require.Empty(t, r.Problems)
				require.NotEmpty(t, r.Notes)
				return
			}
			var details []string
			for _, p := range r.Problems {
				details = append(details, p.Detail)
			}
			require.Contains(t, strings.Join(details, "\n"), d.detail)
		})
	}
}

func TestVerifyDerivedFiles(t *testing.T) {
	for name, do := range map[string]func(testing.TB, *vfs.Mem){
		"an index is missing": harm("orders-0/00000000000000000004.txnindex", removed),
		"a bit of an index":   harm("orders-0/00000000000000000004.txnindex", flipBit(20)),
		"a bit of a snapshot": harm("orders-0/"+snapshotName(14), flipBit(20)),
	} {
		t.Run(name, func(t *testing.T) {
			l, mem := closedLog(t)
			do(t, mem)
			r, err := Verify(mem, l.verifyOptions())
			require.NoError(t, err)
			require.Empty(t, r.Problems)
			require.Len(t, r.Notes, 1)
		})
	}
}

// TestVerifyEveryByte changes each byte of each log file.
func TestVerifyEveryByte(t *testing.T) {
	l, mem := closedLog(t)
	for _, base := range []int64{0, 4, 7, 11} {
		size := len(contentsOf(t, mem)[segment.Name(base)+segment.LogExt])
		for at := range size {
			clone := mem.KillClone()
			editFile(t, clone, logName(base), flipBit(at))
			r, err := Verify(clone, l.verifyOptions())
			require.NoError(t, err)
			require.NotEmpty(t, r.Problems, "file %d at %d", base, at)
		}
	}
}

func TestVerifyUndecodableRecord(t *testing.T) {
	mem := vfs.NewMem()
	l := openCompacted(t, mem)
	b := build(t, record.Plain(record.None), 1, []string{"a=1"})
	b[record.HeaderSize+1] = 1 // attributes of the record, all of which are reserved
	fixCRC(b)
	l.append(b)
	l.do("b=1")
	require.NoError(t, l.Close())
	r, err := Verify(mem, l.verifyOptions())
	require.NoError(t, err)
	require.Len(t, r.Problems, 1)
	require.Contains(t, r.Problems[0].Detail, "reserved bits")
}

func FuzzVerify(f *testing.F) {
	l, mem := closedLog(f)
	names := []string{"manifest", "checkpoint", snapshotName(14), segment.Name(4) + segment.LogExt, segment.Name(4) + segment.AbortedExt}
	contents := contentsOf(f, mem)
	for i, name := range names {
		f.Add(i, []byte(contents[name]))
	}
	f.Fuzz(func(t *testing.T, i int, b []byte) {
		clone := mem.KillClone()
		editFile(t, clone, "orders-0/"+names[uint(i)%uint(len(names))], func([]byte) []byte { return slices.Clip(append(b, 0)[:len(b)]) })
		_, err := Verify(clone, l.verifyOptions())
		require.NoError(t, err)
		r, err := Repair(clone, l.repairOptions())
		require.NoError(t, err)
		require.Empty(t, r.Problems)
	})
}
