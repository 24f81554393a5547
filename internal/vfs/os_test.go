package vfs_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func TestOSNeedsADirectory(t *testing.T) {
	dir := t.TempDir()
	_, err := vfs.OS(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = vfs.OS(file)
	require.Error(t, err)
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	f, err := vfs.OS(".")
	require.NoError(t, err)
	for _, x := range []vfs.FS{f, vfs.Faulty(f, nil)} {
		got, ok := vfs.Dir(x)
		require.True(t, ok)
		require.True(t, filepath.IsAbs(got))
		want, err := filepath.EvalSymlinks(dir)
		require.NoError(t, err)
		got, err = filepath.EvalSymlinks(got)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, ok := vfs.Dir(vfs.NewMem())
	require.False(t, ok)
	_, ok = vfs.Dir(vfs.Faulty(vfs.NewMem(), nil))
	require.False(t, ok)
	require.NoError(t, f.Close())
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are POSIX")
	}
	dir := t.TempDir()
	f, err := vfs.OS(dir)
	require.NoError(t, err)
	require.NoError(t, f.Mkdir("d"))
	require.NoError(t, write(t, f, "d/f", "").Close())
	l, err := f.Lock("LOCK")
	require.NoError(t, err)
	for name, want := range map[string]os.FileMode{"d": 0o700 | os.ModeDir, "d/f": 0o600, "LOCK": 0o600} {
		info, err := os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode(), name)
	}
	require.NoError(t, l.Close())
	require.NoError(t, f.Close())
}

// TestLinks: whatever a link points to, inside or outside, nothing goes over it, and what it points to is untouched.
func TestLinks(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	f, err := vfs.OS(dir)
	require.NoError(t, err)
	require.NoError(t, f.Mkdir("real"))
	require.NoError(t, write(t, f, "real/f", "inside").Close())
	for name, target := range map[string]string{
		"tofile": filepath.Join("real", "f"), "todir": "real", "out": secret, "outdir": outside,
		"up": filepath.Join("..", filepath.Base(outside)), "dangling": "none",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	refused := func(err error, msg string) {
		t.Helper()
		require.Equal(t, "not regular", kind(err), "%s: %v", msg, err)
	}
	for _, link := range []string{"tofile", "todir", "out", "outdir", "up", "dangling"} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE,
			os.O_RDWR | os.O_CREATE | os.O_EXCL, os.O_RDWR | os.O_TRUNC} {
			_, err := f.OpenFile(link, flag)
			refused(err, "open "+link)
		}
		_, err := f.Lock(link)
		refused(err, "lock "+link)
		refused(f.Rename(link, "x"), "rename "+link)
		refused(f.Rename("real/f", link), "rename onto "+link)
		refused(f.Remove(link), "remove "+link)
		refused(f.RemoveAll(link), "remove all "+link)
		_, err = f.ReadDir(link)
		refused(err, "list "+link)
		refused(f.SyncDir(link), "sync "+link)
		info, err := f.Stat(link)
		require.NoError(t, err)
		require.Equal(t, os.ModeSymlink, info.Mode().Type(), link)
	}
	for _, below := range []string{"todir/f", "outdir/secret", "up/secret"} {
		_, err := f.OpenFile(below, os.O_RDWR|os.O_CREATE)
		refused(err, "open "+below)
		_, err = f.Stat(below)
		refused(err, "stat "+below)
		refused(f.Mkdir(below+"x"), "mkdir "+below)
		refused(f.Remove(below), "remove "+below)
		refused(f.RemoveAll(below), "remove all "+below)
		refused(f.Rename("real/f", below), "rename to "+below)
		refused(f.Rename(below, "x"), "rename from "+below)
	}
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "real", "link")))
	require.NoError(t, f.RemoveAll("real"), "links inside are removed, not followed")
	data, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "secret", string(data))
	require.NoError(t, f.Close())
}

// TestOpenFilesMove: a file can be renamed, replaced and removed while it is open, on Windows too.
func TestOpenFilesMove(t *testing.T) {
	f, err := vfs.OS(t.TempDir())
	require.NoError(t, err)
	first, second := write(t, f, "a", "first"), write(t, f, "b", "second")
	require.NoError(t, f.Rename("a", "c"))
	require.NoError(t, f.Rename("b", "c"), "over an open file")
	require.NoError(t, f.Remove("c"))
	for file, want := range map[vfs.File]string{first: "first", second: "second"} {
		b := make([]byte, len(want))
		_, err := file.ReadAt(b, 0)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
		require.NoError(t, file.Close())
	}
	require.Empty(t, names(t, f, "."))
	require.NoError(t, f.Close())
}
