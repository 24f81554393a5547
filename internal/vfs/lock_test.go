package vfs_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// holder is another process that holds the lock of a directory.
type holder struct {
	cmd  *exec.Cmd
	hold io.Closer
}

func startHolder(t *testing.T, dir string) holder {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), lockDirEnv+"="+dir)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked <nil>\n", line)
	return holder{cmd, stdin}
}

func TestLockBetweenProcesses(t *testing.T) {
	ends := map[string]func(h holder) error{
		"exit": func(h holder) error { return h.hold.Close() },
		"kill": func(h holder) error { return h.cmd.Process.Kill() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f, err := vfs.OS(dir)
			require.NoError(t, err)
			h := startHolder(t, dir)
			_, err = f.Lock("LOCK")
			require.ErrorIs(t, err, vfs.ErrLocked)
			var locked *vfs.LockedError
			require.ErrorAs(t, err, &locked)
			require.Equal(t, h.cmd.Process.Pid, locked.PID)

			require.NoError(t, end(h))
			_ = h.cmd.Wait()
			l, err := f.Lock("LOCK")
			require.NoError(t, err, "the lock ends with the process")
			require.NoError(t, l.Close())
			require.FileExists(t, filepath.Join(dir, "LOCK"))
			require.NoError(t, f.Close())
		})
	}
}

func TestLockedError(t *testing.T) {
	require.EqualError(t, &vfs.LockedError{Name: "LOCK", PID: 7}, "lock LOCK: held by process 7")
	require.EqualError(t, &vfs.LockedError{Name: "LOCK"}, "lock LOCK: held by another process")
	require.NotErrorIs(t, &vfs.LockedError{}, os.ErrExist)
}

// Whatever the lock file holds, the lock itself works and the id is at worst unknown.
func TestLockFileContents(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "garbage": "\xff\x00garbage that goes on for more than any number", "negative": "-5\n",
		"huge": "99999999999999999999\n",
	} {
		t.Run(name, func(t *testing.T) {
			m := vfs.NewMem()
			l, err := m.Lock("LOCK")
			require.NoError(t, err)
			file, err := m.OpenFile("LOCK", os.O_RDWR|os.O_TRUNC)
			require.NoError(t, err)
			_, err = file.WriteAt([]byte(content), 0)
			require.NoError(t, err)
			require.NoError(t, file.Close())
			_, err = m.Lock("LOCK")
			var locked *vfs.LockedError
			require.ErrorAs(t, err, &locked)
			require.Zero(t, locked.PID)
			require.NoError(t, l.Close())
			l, err = m.Lock("LOCK")
			require.NoError(t, err)
			require.NoError(t, l.Close())
		})
	}
}
