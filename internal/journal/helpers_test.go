package journal_test

import (
	"maps"
	"os"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dir = "journal"

var id = [16]byte{0: 1, 15: 16}

func put(key, value string) journal.Change { return journal.Change{Key: key, Value: []byte(value)} }

func del(key string) journal.Change { return journal.Change{Key: key} }

func options(f vfs.FS) journal.Options { return journal.Options{FS: f, Dir: dir, ID: id} }

// small makes generations change at nearly every commit.
func small(f vfs.FS) journal.Options {
	o := options(f)
	o.MinGeneration = 1
	return o
}

func open(t require.TestingT, o journal.Options) *journal.Journal {
	j, err := journal.Open(o)
	require.NoError(t, err)
	return j
}

func state(j *journal.Journal) map[string]string {
	m := map[string]string{}
	for k, v := range j.Scan("") {
		m[k] = string(v)
	}
	return m
}

func readAll(t require.TestingT, f vfs.FS, name string) []byte {
	data, err := vfs.ReadFile(f, name, 1<<30)
	require.NoError(t, err)
	return data
}

func overwrite(t require.TestingT, f vfs.FS, name string, data []byte) {
	file, err := f.OpenFile(name, os.O_RDWR|os.O_TRUNC)
	require.NoError(t, err)
	_, err = file.WriteAt(data, 0)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// tree is everything in the journal's directory.
func tree(t require.TestingT, f vfs.FS, name string) map[string]string {
	files := map[string]string{}
	list, err := f.ReadDir(name)
	require.NoError(t, err)
	for _, e := range list {
		if p := path.Join(name, e.Name()); e.IsDir() {
			maps.Copy(files, tree(t, f, p))
		} else {
			files[p] = string(readAll(t, f, p))
		}
	}
	return files
}

func osFS(t testing.TB) vfs.FS {
	f, err := vfs.OS(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// Over the operating system's files the journal writes through tidwall/wal, else by itself.
var systems = map[string]func(testing.TB) vfs.FS{
	"OS":             osFS,
	"Mem":            func(testing.TB) vfs.FS { return vfs.NewMem() },
	"Faulty over OS": func(t testing.TB) vfs.FS { return vfs.Faulty(osFS(t), nil) },
}

func eachSystem(t *testing.T, test func(t *testing.T, f vfs.FS)) {
	for name, makeFS := range systems {
		t.Run(name, func(t *testing.T) { test(t, makeFS(t)) })
	}
}
