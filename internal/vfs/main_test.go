package vfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// These make the test binary another process, which works in the directory that the variable names.
const (
	lockDirEnv  = "VFS_TEST_LOCK_DIR"  // holds the lock until its input ends
	limitDirEnv = "VFS_TEST_LIMIT_DIR" // writes a file beyond RLIMIT_FSIZE
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(lockDirEnv); dir != "" {
		holdLock(dir)
		return
	}
	if dir := os.Getenv(limitDirEnv); dir != "" {
		writeBeyondLimit(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func holdLock(dir string) {
	f, err := vfs.OS(dir)
	if err == nil {
		_, err = f.Lock("LOCK")
	}
	fmt.Println("locked", err)
	_, _ = bufio.NewReader(os.Stdin).ReadString(0)
}

// fixture is a file system under test.
type fixture struct {
	name string
	// open makes an empty one.
	open func(t require.TestingT, tempDir func() string) vfs.FS
	// reopens says that an open file may be opened again under its name, so that it must not lose that.
	reopens bool
}

var fixtures = []fixture{
	{name: "OS", open: func(t require.TestingT, tempDir func() string) vfs.FS {
		f, err := vfs.OS(tempDir())
		require.NoError(t, err)
		return f
	}},
	{name: "Mem", open: func(require.TestingT, func() string) vfs.FS { return vfs.NewMem() }},
	{name: "Volatile", open: func(require.TestingT, func() string) vfs.FS { return vfs.NewVolatile() }},
	{name: "Faulty", open: func(require.TestingT, func() string) vfs.FS { return vfs.Faulty(vfs.NewMem(), nil) }},
	{name: "Pool", reopens: true, open: func(require.TestingT, func() string) vfs.FS { return newPoolFS(vfs.NewMem()) }},
}

// poolFS is an FS whose files are handles of a small pool; it opens them eagerly, so that errors show as they do
// elsewhere, and keeps the names of open handles up to date.
type poolFS struct {
	vfs.FS
	pool *vfs.Pool
	open map[*vfs.Handle]bool
}

func newPoolFS(f vfs.FS) *poolFS {
	return &poolFS{FS: f, pool: vfs.NewPool(f, 2), open: map[*vfs.Handle]bool{}}
}

func (p *poolFS) OpenFile(name string, flag int) (vfs.File, error) {
	h := p.pool.File(name, flag)
	if _, err := h.Size(); err != nil {
		_ = h.Close()
		return nil, err
	}
	p.open[h] = true
	return poolFile{h, p}, nil
}

type poolFile struct {
	*vfs.Handle
	fs *poolFS
}

func (f poolFile) Close() error {
	delete(f.fs.open, f.Handle)
	return f.Handle.Close()
}

func (p *poolFS) Rename(oldName, newName string) error {
	if err := p.FS.Rename(oldName, newName); err != nil {
		return err
	}
	for h := range p.open {
		if rest, ok := strings.CutPrefix(h.Name(), oldName); ok && (rest == "" || rest[0] == '/') {
			h.SetName(newName + rest)
		}
	}
	return nil
}

// kind sorts errors into the classes that callers tell apart.
func kind(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, vfs.ErrNotRegular):
		return "not regular"
	case errors.Is(err, fs.ErrNotExist):
		return "not exist"
	case errors.Is(err, fs.ErrExist):
		return "exist"
	case errors.Is(err, fs.ErrInvalid):
		return "invalid"
	case errors.Is(err, fs.ErrClosed):
		return "closed"
	case errors.Is(err, io.EOF):
		return "EOF"
	default:
		return "other"
	}
}

func write(t require.TestingT, f vfs.FS, name, data string) vfs.File {
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte(data), 0)
	require.NoError(t, err)
	return file
}

func read(t require.TestingT, f vfs.FS, name string) string {
	data, err := vfs.ReadFile(f, name, 1<<20)
	require.NoError(t, err)
	return string(data)
}

func names(t require.TestingT, f vfs.FS, dir string) []string {
	list, err := f.ReadDir(dir)
	require.NoError(t, err)
	var found []string
	for _, e := range list {
		found = append(found, e.Name())
	}
	return found
}
