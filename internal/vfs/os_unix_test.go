//go:build unix

package vfs_test

import (
	"net"
	"os"
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
