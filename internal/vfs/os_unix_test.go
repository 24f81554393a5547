//go:build unix

package vfs_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestSpecialFiles: opening a pipe would wait for a writer, and a socket would fail in its own way; neither is tried.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // the path of a socket must be short
	f, err := vfs.OS(dir)
	require.NoError(t, err)
	require.NoError(t, unix.Mkfifo("pipe", 0o600))
	socket, err := net.Listen("unix", "socket")
	require.NoError(t, err)
	for _, name := range []string{"pipe", "socket"} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
			_, err := f.OpenFile(name, flag)
			require.ErrorIs(t, err, vfs.ErrNotRegular)
			_, err = f.OpenFile(name+"/x", flag)
			require.ErrorIs(t, err, vfs.ErrNotRegular)
		}
		_, err = f.Lock(name)
		require.ErrorIs(t, err, vfs.ErrNotRegular)
		_, err = os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
	}
	require.NoError(t, socket.Close())
	require.NoError(t, f.Close())
}

// TestShortWriteOfTheSystem: with a limit for the size of files, the system writes what fits and refuses the rest.
func TestShortWriteOfTheSystem(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), limitDirEnv+"="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "n=8192 no space=true: write f: file too large", string(out))
}

func writeBeyondLimit(dir string) {
	signal.Ignore(unix.SIGXFSZ)
	f, err := vfs.OS(dir)
	if err != nil {
		panic(err)
	}
	file, err := f.OpenFile("f", rwCreate)
	if err != nil {
		panic(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 8192, Max: 8192}); err != nil {
		panic(err)
	}
	n, err := file.WriteAt(make([]byte, 10000), 0)
	fmt.Printf("n=%d no space=%v: %v", n, vfs.IsNoSpace(err), err)
}
