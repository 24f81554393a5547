package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var script = []struct {
	name    string
	changes []journal.Change
	want    map[string]string
}{
	{"put", []journal.Change{put("a", "1")}, map[string]string{"a": "1"}},
	{"put several", []journal.Change{put("b", "2"), put("c", "")}, map[string]string{"a": "1", "b": "2", "c": ""}},
	{"overwrite", []journal.Change{put("a", "3")}, map[string]string{"a": "3", "b": "2", "c": ""}},
	{"delete", []journal.Change{del("b")}, map[string]string{"a": "3", "c": ""}},
	{"delete what is not there", []journal.Change{del("x")}, map[string]string{"a": "3", "c": ""}},
	{"one key twice", []journal.Change{put("d", "4"), del("d"), put("a", "5"), put("a", "6")},
		map[string]string{"a": "6", "c": ""}},
	{"large value", []journal.Change{put("l", string(bytes.Repeat([]byte("x"), 3<<20)))}, nil},
	{"delete the large value", []journal.Change{del("l")}, map[string]string{"a": "6", "c": ""}},
	{"delete all", []journal.Change{del("a"), del("c")}, map[string]string{}},
}

func TestReopenAfterEveryCommit(t *testing.T) {
	for _, closed := range []bool{true, false} {
		for _, makeOptions := range []func(vfs.FS) journal.Options{options, small} {
			o := makeOptions(nil)
			t.Run(fmt.Sprintf("closed %v, generation %d", closed, o.MinGeneration), func(t *testing.T) {
				eachSystem(t, func(t *testing.T, f vfs.FS) {
					o := o
					o.FS = f
					reopenAfterEveryCommit(t, o, closed)
				})
			})
		}
	}
}

func reopenAfterEveryCommit(t *testing.T, o journal.Options, closed bool) {
	j := open(t, o)
	require.True(t, j.Created())
	for _, step := range script {
		require.NoError(t, j.Commit(false, step.changes...), step.name)
		if closed {
			require.NoError(t, j.Close())
			require.NoError(t, j.Close(), "idempotent")
		} else {
			abandoned := j // Windows does not remove a file that is open
			t.Cleanup(func() { _ = abandoned.Close() })
		}
		before := state(j)
		j = open(t, o)
		require.Empty(t, j.Notes(), step.name)
		require.False(t, j.Created())
		require.Equal(t, before, state(j), step.name)
		if step.want != nil {
			require.Equal(t, step.want, state(j), step.name)
		}
		m, report, err := journal.Read(o.FS, o.Dir, o.ID)
		require.NoError(t, err)
		require.Len(t, m, len(before))
		require.Nil(t, report.Damage)
	}
	require.NoError(t, j.Close())
	report, err := journal.Inspect(o.FS, o.Dir, o.ID)
	require.NoError(t, err)
	require.True(t, report.Closed)
	require.Equal(t, report.Size, report.Valid)
}

func TestBothOutputsWriteTheSameBytes(t *testing.T) {
	var trees []map[string]string
	for _, makeFS := range systems {
		f := makeFS(t)
		o := options(f)
		o.MinGeneration = 400 // a few switches
		for range 2 {
			j := open(t, o)
			for _, step := range script {
				require.NoError(t, j.Commit(true, step.changes...))
			}
			require.NoError(t, j.Close())
		}
		trees = append(trees, tree(t, f, dir))
	}
	for _, other := range trees[1:] {
		require.Equal(t, trees[0], other)
	}
}

func TestGetAndScan(t *testing.T) {
	j := open(t, options(vfs.NewMem()))
	value := []byte("one")
	require.NoError(t, j.Commit(false, put("b/2", "two"), journal.Change{Key: "b/1", Value: value}, put("c", "3"), put("a", "0")))
	value[0] = 'X'
	v, ok := j.Get("b/1")
	require.True(t, ok)
	require.Equal(t, "one", string(v), "values are copied")
	_, ok = j.Get("b")
	require.False(t, ok)

	var found []string
	for k, v := range j.Scan("b/") {
		found = append(found, k+"="+string(v))
		require.NoError(t, j.Commit(false, del(k)), "a loop may commit")
	}
	require.Equal(t, []string{"b/1=one", "b/2=two"}, found)
	for range j.Scan("b/") {
		require.Fail(t, "deleted")
	}
	for k := range j.Scan("") {
		require.Equal(t, "a", k)
		break
	}
	require.NoError(t, j.Close())
	require.Len(t, state(j), 2, "reads go on")
}

func TestCommitFunc(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	add := func() ([]journal.Change, error) {
		v, _ := j.Get("n")
		return []journal.Change{put("n", string(v)+"x")}, nil
	}
	require.NoError(t, j.CommitFunc(false, add))
	require.NoError(t, j.CommitFunc(true, add))
	refusal := errors.New("refused")
	before := tree(t, mem, dir)
	require.Equal(t, refusal, j.CommitFunc(true, func() ([]journal.Change, error) {
		return []journal.Change{put("n", "")}, refusal
	}))
	require.Panics(t, func() { _ = j.CommitFunc(true, func() ([]journal.Change, error) { panic("build") }) })
	require.NoError(t, j.CommitFunc(false, func() ([]journal.Change, error) { return nil, nil }))
	require.Equal(t, before, tree(t, mem, dir), "nothing is written")
	require.NoError(t, j.CommitFunc(false, add))
	require.Equal(t, map[string]string{"n": "xxx"}, state(j))
	require.NoError(t, j.Sync())
	require.Equal(t, state(j), state(open(t, options(mem.CrashClone(1)))))
	require.NoError(t, j.Close())
}

func TestEmptySyncMakesEarlierCommitsDurable(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	require.NoError(t, j.Commit(false, put("a", "1")))
	require.NoError(t, j.Commit(true))
	for seed := range uint64(20) {
		require.Equal(t, map[string]string{"a": "1"}, state(open(t, options(mem.CrashClone(seed)))))
	}
}

func TestInvalidArguments(t *testing.T) {
	j := open(t, options(vfs.NewMem()))
	large := make([]byte, 16<<20)
	for name, cs := range map[string][]journal.Change{
		"empty key":   {put("a", ""), put("", "")},
		"long key":    {put(string(make([]byte, 4097)), "")},
		"large value": {{Key: "a", Value: large}},
		"large unit":  {{Key: "a", Value: large[:9<<20]}, {Key: "b", Value: large[:9<<20]}},
	} {
		require.ErrorIs(t, j.Commit(false, cs...), engine.ErrInvalidArgument, name)
		err := j.CommitFunc(false, func() ([]journal.Change, error) { return cs, nil })
		require.ErrorIs(t, err, engine.ErrInvalidArgument, name)
	}
	require.Empty(t, state(j))
	require.NoError(t, j.Commit(false, put(string(make([]byte, 4096)), ""), journal.Change{Key: "a", Value: large[:15<<20]}))
	require.NoError(t, j.Close())
}

func TestClosed(t *testing.T) {
	j := open(t, options(vfs.NewMem()))
	require.NoError(t, j.Close())
	require.ErrorIs(t, j.Commit(false, put("a", "1")), engine.ErrClosed)
	require.ErrorIs(t, j.Commit(true), engine.ErrClosed)
	require.ErrorIs(t, j.Sync(), engine.ErrClosed)
	require.ErrorIs(t, j.CommitFunc(true, nil), engine.ErrClosed)
}

func TestGenerationsAreReplacedAndRemoved(t *testing.T) {
	eachSystem(t, func(t *testing.T, f vfs.FS) {
		o := options(f)
		o.MinGeneration = 4 << 10
		j := open(t, o)
		for i := range 1000 {
			require.NoError(t, j.Commit(false, put(fmt.Sprint("key", i%10), fmt.Sprint(i))))
		}
		list, err := f.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, list, 2, "CURRENT and one generation")
		report, err := journal.Inspect(f, dir, id)
		require.NoError(t, err)
		require.Greater(t, report.Generation, uint64(5))
		require.Less(t, report.Size, int64(5<<10))
		require.Equal(t, 10, report.Keys)
		require.NoError(t, j.Close())
	})
}

func TestLargeSnapshotTakesSeveralEntries(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	value := string(bytes.Repeat([]byte("v"), 300<<10))
	for i := range 10 {
		require.NoError(t, j.Commit(false, put(fmt.Sprint(i), value)))
	}
	again := open(t, options(mem.KillClone()))
	require.Equal(t, state(j), state(again))
	require.NoError(t, again.Close())
	require.NoError(t, j.Close())
}

func TestNoJournal(t *testing.T) {
	mem := vfs.NewMem()
	_, err := journal.Inspect(mem, dir, id)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = journal.Read(mem, dir, id)
	require.ErrorIs(t, err, fs.ErrNotExist)
	list, err := mem.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, list, "reading creates nothing")
}
