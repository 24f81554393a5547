package vfs_test

import (
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// modelFile is the contents of a file; a nil one stands for a directory in model.tree.
type modelFile struct{ data []byte }

type openFile struct {
	file  vfs.File
	model *modelFile
}

// model is a map of full names, next to the file system that must agree with it.
type model struct {
	fs      vfs.FS
	reopens bool
	tree    map[string]*modelFile
	open    []openFile
}

// TestModel runs random operations and compares every result with a map of names.
func TestModel(t *testing.T) {
	for _, x := range fixtures {
		t.Run(x.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				m := &model{fs: x.open(rt, t.TempDir), reopens: x.reopens, tree: map[string]*modelFile{".": nil}}
				rt.Repeat(map[string]func(*rapid.T){
					"open": m.openOne, "mkdir": m.mkdir, "remove": m.remove, "removeAll": m.removeAll,
					"rename": m.rename, "list": m.list, "write": m.write, "read": m.read,
					"truncate": m.truncate, "sync": m.sync, "close": m.close,
				})
				for _, o := range m.open {
					require.NoError(rt, o.file.Close())
				}
				require.NoError(rt, m.fs.Close())
			})
		})
	}
}

var modelNames = rapid.SampledFrom([]string{"a", "b", "a/a", "a/b", "b/a", "b/b", "a/a/a", "a/b/a"})

// missing is the kind of error for a name whose directory is not there, or "".
func (m *model) missing(name string) string {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if f, ok := m.tree[dir]; ok {
			switch {
			case f != nil:
				return "other"
			case dir != path.Dir(name):
				return "not exist"
			}
			return ""
		}
	}
}

func (m *model) isDir(name string) bool {
	f, ok := m.tree[name]
	return ok && f == nil
}

func (m *model) below(name string) []string {
	var list []string
	for n := range m.tree {
		if strings.HasPrefix(n, name+"/") {
			list = append(list, n)
		}
	}
	return list
}

// forget closes what is open of a file that loses its name, if the file system could not reopen it.
func (m *model) forget(t *rapid.T, f *modelFile) {
	if !m.reopens || f == nil {
		return
	}
	m.open = slices.DeleteFunc(m.open, func(o openFile) bool {
		if o.model == f {
			require.NoError(t, o.file.Close())
		}
		return o.model == f
	})
}

func (m *model) openOne(t *rapid.T) {
	name := modelNames.Draw(t, "name")
	flag := os.O_RDWR | rapid.SampledFrom([]int{0, os.O_CREATE, os.O_CREATE | os.O_EXCL, os.O_TRUNC,
		os.O_CREATE | os.O_TRUNC}).Draw(t, "flag")
	f, exists := m.tree[name]
	want := m.missing(name)
	switch {
	case want != "":
	case m.isDir(name):
		want = "not regular"
	case exists && flag&os.O_EXCL != 0:
		want = "exist"
	case !exists && flag&os.O_CREATE == 0:
		want = "not exist"
	default:
		want = "ok"
	}
	file, err := m.fs.OpenFile(name, flag)
	require.Equal(t, want, kind(err), "%s: %v", name, err)
	if err != nil {
		return
	}
	if !exists {
		f = &modelFile{}
		m.tree[name] = f
	}
	if flag&os.O_TRUNC != 0 {
		f.data = nil
	}
	m.open = append(m.open, openFile{file, f})
}

func (m *model) mkdir(t *rapid.T) {
	name := modelNames.Draw(t, "name")
	want := m.missing(name)
	if _, exists := m.tree[name]; want == "" && exists {
		want = "exist"
	} else if want == "" {
		want = "ok"
		m.tree[name] = nil
	}
	require.Equal(t, want, kind(m.fs.Mkdir(name)))
}

func (m *model) remove(t *rapid.T) {
	name := modelNames.Draw(t, "name")
	f, exists := m.tree[name]
	want := m.missing(name)
	switch {
	case want != "":
	case !exists:
		want = "not exist"
	case len(m.below(name)) > 0:
		want = "exist"
	default:
		want = "ok"
		m.forget(t, f)
		delete(m.tree, name)
	}
	require.Equal(t, want, kind(m.fs.Remove(name)))
}

func (m *model) removeAll(t *rapid.T) {
	name := modelNames.Draw(t, "name")
	want := "ok"
	if m.missing(name) == "other" {
		want = "other"
	} else {
		for _, n := range append(m.below(name), name) {
			m.forget(t, m.tree[n])
			delete(m.tree, n)
		}
	}
	require.Equal(t, want, kind(m.fs.RemoveAll(name)))
}

func (m *model) rename(t *rapid.T) {
	from, to := modelNames.Draw(t, "from"), modelNames.Draw(t, "to")
	err := m.fs.Rename(from, to)
	want := m.renamed(t, from, to)
	require.Equal(t, want, kind(err), "%s to %s: %v", from, to, err)
}

func (m *model) renamed(t *rapid.T, from, to string) string {
	if want := m.missing(from); want != "" {
		return want
	}
	f, exists := m.tree[from]
	if !exists {
		return "not exist"
	}
	if from == to {
		return "ok"
	}
	if want := m.missing(to); want != "" {
		return want
	}
	target, replaces := m.tree[to]
	switch {
	case replaces && target == nil:
		return "exist"
	case replaces && f == nil, strings.HasPrefix(to, from+"/"):
		return "other"
	}
	m.forget(t, target)
	for _, n := range m.below(from) {
		m.tree[to+strings.TrimPrefix(n, from)] = m.tree[n]
		delete(m.tree, n)
	}
	delete(m.tree, from)
	m.tree[to] = f
	return "ok"
}

func (m *model) list(t *rapid.T) {
	for dir := range m.tree {
		if !m.isDir(dir) {
			continue
		}
		var want []string
		for n := range m.tree {
			if n != "." && path.Dir(n) == dir {
				want = append(want, path.Base(n))
			}
		}
		slices.Sort(want)
		require.Equal(t, want, names(t, m.fs, dir))
		require.NoError(t, m.fs.SyncDir(dir))
	}
	for n, f := range m.tree {
		info, err := m.fs.Stat(n)
		require.NoError(t, err)
		require.Equal(t, f == nil, info.IsDir())
		if f != nil {
			require.EqualValues(t, len(f.data), info.Size())
		}
	}
}

func (m *model) draw(t *rapid.T) openFile {
	if len(m.open) == 0 {
		t.Skip("nothing is open")
	}
	return m.open[rapid.IntRange(0, len(m.open)-1).Draw(t, "file")]
}

// modelOffsets are around the borders of blocks and sectors.
var modelOffsets = rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(500, 520), rapid.IntRange(4080, 4110),
	rapid.IntRange(0, 20000))

func (f *modelFile) resize(size int) {
	if size <= len(f.data) {
		f.data = f.data[:size:size]
		return
	}
	f.data = append(f.data, make([]byte, size-len(f.data))...)
}

func (m *model) write(t *rapid.T) {
	o, off := m.draw(t), modelOffsets.Draw(t, "offset")
	p := slices.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "data"), rapid.IntRange(1, 1000).Draw(t, "times"))
	n, err := o.file.WriteAt(p, int64(off))
	require.NoError(t, err)
	require.Equal(t, len(p), n)
	o.model.resize(max(len(o.model.data), off+len(p)))
	copy(o.model.data[off:], p)
}

func (m *model) read(t *rapid.T) {
	o, off := m.draw(t), modelOffsets.Draw(t, "offset")
	p := make([]byte, rapid.IntRange(1, 10000).Draw(t, "length"))
	n, err := o.file.ReadAt(p, int64(off))
	want := o.model.data[min(off, len(o.model.data)):]
	if len(want) < len(p) {
		require.Equal(t, io.EOF, err)
	} else {
		require.NoError(t, err)
		want = want[:len(p)]
	}
	require.Equal(t, string(want), string(p[:n]))
}

func (m *model) truncate(t *rapid.T) {
	o, size := m.draw(t), modelOffsets.Draw(t, "size")
	require.NoError(t, o.file.Truncate(int64(size)))
	o.model.resize(size)
}

func (m *model) sync(t *rapid.T) { require.NoError(t, m.draw(t).file.Sync()) }

func (m *model) close(t *rapid.T) {
	o := m.draw(t)
	require.NoError(t, o.file.Close())
	m.open = slices.DeleteFunc(m.open, func(x openFile) bool { return x == o })
}
