package vfs_test

import (
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// eachFS runs a test over every file system.
func eachFS(t *testing.T, test func(t *testing.T, f vfs.FS)) {
	for _, x := range fixtures {
		t.Run(x.name, func(t *testing.T) {
			f := x.open(t, t.TempDir)
			test(t, f)
			require.NoError(t, f.Close())
		})
	}
}

// Each step is an operation and the kind of error that it ends with, on a tree that holds file, dir and dir/file.
func TestErrors(t *testing.T) {
	open := func(name string, flag int) func(vfs.FS) error {
		return func(f vfs.FS) error {
			file, err := f.OpenFile(name, flag)
			if err == nil {
				err = file.Close()
			}
			return err
		}
	}
	mkdir := func(name string) func(vfs.FS) error { return func(f vfs.FS) error { return f.Mkdir(name) } }
	remove := func(name string) func(vfs.FS) error { return func(f vfs.FS) error { return f.Remove(name) } }
	removeAll := func(name string) func(vfs.FS) error { return func(f vfs.FS) error { return f.RemoveAll(name) } }
	rename := func(a, b string) func(vfs.FS) error { return func(f vfs.FS) error { return f.Rename(a, b) } }
	stat := func(name string) func(vfs.FS) error {
		return func(f vfs.FS) error { _, err := f.Stat(name); return err }
	}
	readDir := func(name string) func(vfs.FS) error {
		return func(f vfs.FS) error { _, err := f.ReadDir(name); return err }
	}
	syncDir := func(name string) func(vfs.FS) error { return func(f vfs.FS) error { return f.SyncDir(name) } }
	lock := func(name string) func(vfs.FS) error {
		return func(f vfs.FS) error {
			l, err := f.Lock(name)
			if err == nil {
				err = l.Close()
			}
			return err
		}
	}
	const rw, create = os.O_RDWR, os.O_RDWR | os.O_CREATE
	steps := []struct {
		name string
		op   func(vfs.FS) error
		want string
	}{
		{"open", open("file", rw), "ok"},
		{"open for reading", open("dir/file", os.O_RDONLY), "ok"},
		{"open what is missing", open("none", rw), "not exist"},
		{"open below what is missing", open("none/file", create), "not exist"},
		{"open below a file", open("file/x", create), "other"},
		{"open a directory", open("dir", rw), "not regular"},
		{"open the root", open(".", rw), "not regular"},
		{"create exclusively what exists", open("file", create|os.O_EXCL), "exist"},
		{"create exclusively", open("new", create|os.O_EXCL), "ok"},
		{"cut without writing", open("file", os.O_TRUNC), "invalid"},
		{"open to append", open("file", rw|os.O_APPEND), "invalid"},
		{"open an empty name", open("", rw), "invalid"},
		{"open an absolute name", open("/file", create), "invalid"},
		{"open the parent", open("..", rw), "invalid"},
		{"open over the parent", open("dir/../file", rw), "invalid"},
		{"escape", open("../file", create), "invalid"},
		{"open with a final slash", open("file/", rw), "invalid"},
		{"open a name with a NUL", open("a\x00b", create), "invalid"},
		{"mkdir", mkdir("dir/dir"), "ok"},
		{"mkdir that exists", mkdir("dir"), "exist"},
		{"mkdir over a file", mkdir("file"), "exist"},
		{"mkdir the root", mkdir("."), "exist"},
		{"mkdir below what is missing", mkdir("none/x"), "not exist"},
		{"mkdir below a file", mkdir("file/x"), "other"},
		{"mkdir outside", mkdir("../x"), "invalid"},
		{"remove a directory that is not empty", remove("dir"), "exist"},
		{"remove an empty directory", remove("dir/dir"), "ok"},
		{"remove a file", remove("new"), "ok"},
		{"remove what is missing", remove("new"), "not exist"},
		{"remove the root", remove("."), "invalid"},
		{"remove outside", remove("../x"), "invalid"},
		{"remove all of nothing", removeAll("none/none"), "ok"},
		{"remove all of the root", removeAll("."), "invalid"},
		{"remove all outside", removeAll("../x"), "invalid"},
		{"rename what is missing", rename("none", "x"), "not exist"},
		{"rename onto a directory", rename("file", "dir"), "exist"},
		{"rename onto itself", rename("file", "file"), "ok"},
		{"rename a directory onto itself", rename("dir", "dir"), "ok"},
		{"rename a directory onto a file", rename("dir", "file"), "other"},
		{"rename into itself", rename("dir", "dir/x"), "other"},
		{"rename to below what is missing", rename("file", "none/x"), "not exist"},
		{"rename the root", rename(".", "x"), "invalid"},
		{"rename to the root", rename("dir", "."), "invalid"},
		{"rename outside", rename("file", "../x"), "invalid"},
		{"rename from outside", rename("../x", "x"), "invalid"},
		{"stat what is missing", stat("none"), "not exist"},
		{"stat the root", stat("."), "ok"},
		{"stat below a file", stat("file/x"), "other"},
		{"stat outside", stat(".."), "invalid"},
		{"list what is missing", readDir("none"), "not exist"},
		{"list a file", readDir("file"), "other"},
		{"list outside", readDir(".."), "invalid"},
		{"sync the root", syncDir("."), "ok"},
		{"sync a directory", syncDir("dir"), "ok"},
		{"sync a file as a directory", syncDir("file"), "other"},
		{"sync what is missing", syncDir("none"), "not exist"},
		{"sync outside", syncDir(".."), "invalid"},
		{"lock a directory", lock("dir"), "not regular"},
		{"lock the root", lock("."), "invalid"},
		{"lock outside", lock("../LOCK"), "invalid"},
		{"lock below what is missing", lock("none/LOCK"), "not exist"},
		{"lock", lock("dir/LOCK"), "ok"},
		{"lock again", lock("dir/LOCK"), "ok"},
		{"remove all", removeAll("dir"), "ok"},
		{"remove all of a file", removeAll("file"), "ok"},
	}
	eachFS(t, func(t *testing.T, f vfs.FS) {
		require.NoError(t, f.Mkdir("dir"))
		require.NoError(t, write(t, f, "file", "x").Close())
		require.NoError(t, write(t, f, "dir/file", "y").Close())
		for _, s := range steps {
			err := s.op(f)
			require.Equal(t, s.want, kind(err), "%s: %v", s.name, err)
		}
		require.Empty(t, names(t, f, "."))
	})
}

func TestFile(t *testing.T) {
	eachFS(t, func(t *testing.T, f vfs.FS) {
		file := write(t, f, "file", "hello")
		require.NoError(t, file.Sync())
		size := func() int64 {
			n, err := file.Size()
			require.NoError(t, err)
			return n
		}
		require.EqualValues(t, 5, size())

		b := make([]byte, 10)
		n, err := file.ReadAt(b, 3)
		require.Equal(t, io.EOF, err)
		require.Equal(t, "lo", string(b[:n]))
		n, err = file.ReadAt(b[:2], 3)
		require.NoError(t, err, "no EOF when all that was asked for is there")
		require.Equal(t, 2, n)
		_, err = file.ReadAt(b, 1<<40)
		require.Equal(t, io.EOF, err)
		n, err = file.ReadAt(nil, 1<<40)
		require.NoError(t, err)
		require.Zero(t, n)

		_, err = file.WriteAt([]byte("!"), 10000)
		require.NoError(t, err)
		require.EqualValues(t, 10001, size())
		hole := make([]byte, 9996)
		_, err = file.ReadAt(hole, 5)
		require.NoError(t, err)
		require.Equal(t, append(make([]byte, 9995), '!'), hole)

		require.NoError(t, file.Truncate(4))
		require.NoError(t, file.Truncate(1<<40), "sparse")
		require.Equal(t, int64(1<<40), size())
		_, err = file.ReadAt(b, 0)
		require.NoError(t, err)
		require.Equal(t, "hell\x00\x00\x00\x00\x00\x00", string(b))
		n, err = file.WriteAt(nil, 1<<41)
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, int64(1<<40), size(), "writing nothing does not grow")

		require.Error(t, file.Truncate(-1))
		_, err = file.WriteAt([]byte("x"), -1)
		require.Error(t, err)
		_, err = file.ReadAt(b, -1)
		require.Error(t, err)

		require.NoError(t, file.Close())
		_, err = file.WriteAt([]byte("x"), 0)
		require.ErrorIs(t, err, fs.ErrClosed)
		_, err = file.ReadAt(b, 0)
		require.ErrorIs(t, err, fs.ErrClosed)
		require.ErrorIs(t, file.Sync(), fs.ErrClosed)
		require.ErrorIs(t, file.Truncate(0), fs.ErrClosed)
		_, err = file.Size()
		require.ErrorIs(t, err, fs.ErrClosed)
		require.ErrorIs(t, file.Close(), fs.ErrClosed)
	})
}

func TestReadOnly(t *testing.T) {
	eachFS(t, func(t *testing.T, f vfs.FS) {
		require.NoError(t, write(t, f, "file", "x").Close())
		file, err := f.OpenFile("file", os.O_RDONLY)
		require.NoError(t, err)
		_, err = file.WriteAt([]byte("y"), 0)
		require.Error(t, err)
		require.Error(t, file.Truncate(0))
		require.NoError(t, file.Close())
		require.Equal(t, "x", read(t, f, "file"))
	})
}

func TestTree(t *testing.T) {
	eachFS(t, func(t *testing.T, f vfs.FS) {
		require.NoError(t, f.Mkdir("b"))
		require.NoError(t, f.Mkdir("b/d"))
		require.NoError(t, write(t, f, "b/d/file", "deep").Close())
		require.NoError(t, write(t, f, "c", "c").Close())
		require.NoError(t, write(t, f, "a", "a").Close())
		require.Equal(t, []string{"a", "b", "c"}, names(t, f, "."))

		list, err := f.ReadDir("b")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.True(t, list[0].IsDir())
		info, err := f.Stat("b/d/file")
		require.NoError(t, err)
		require.Equal(t, "file", info.Name())
		require.EqualValues(t, 4, info.Size())
		require.True(t, info.Mode().IsRegular())

		require.NoError(t, f.Rename("b", "e"))
		require.NoError(t, f.Rename("e/d/file", "a"))
		require.Equal(t, "deep", read(t, f, "a"))
		require.Empty(t, names(t, f, "e/d"))
		require.NoError(t, f.RemoveAll("e"))
		require.Equal(t, []string{"a", "c"}, names(t, f, "."))
	})
}

func TestLockIsExclusive(t *testing.T) {
	eachFS(t, func(t *testing.T, f vfs.FS) {
		first, err := f.Lock("LOCK")
		require.NoError(t, err)
		_, err = f.Lock("LOCK")
		require.ErrorIs(t, err, vfs.ErrLocked)
		var locked *vfs.LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, os.Getpid(), locked.PID)
		require.Equal(t, "LOCK", locked.Name)

		other, err := f.Lock("OTHER")
		require.NoError(t, err)
		require.NoError(t, other.Close())
		require.NoError(t, first.Close())
		require.NoError(t, first.Close(), "closing twice is harmless")
		second, err := f.Lock("LOCK")
		require.NoError(t, err)
		require.NoError(t, second.Close())
	})
}
