//go:build unix

package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func init() { children["unprivileged"] = unprivileged }

// unprivileged prints the code of the error that opening a directory ends with.
func unprivileged(args []string) int {
	var e *engine.Error
	if err := openURL(context.Background(), "file:"+args[0]); errors.As(err, &e) {
		fmt.Print(string(e.Code))
	} else {
		fmt.Print(err)
	}
	return 0
}

// TestNoPermission opens directories that may not be read or written. The superuser may all, and so becomes nobody for
// it, in a process of its own.
func TestNoPermission(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, dir string) string{
		"may not be listed": func(t *testing.T, dir string) string { return chmod(t, dir, "", 0) },
		"may not be written": func(t *testing.T, dir string) string {
			return chmod(t, dir, "", 0o555)
		},
		"may not be made": func(t *testing.T, dir string) string { return filepath.Join(chmod(t, dir, "", 0o555), "new") },
		"has a file that may not be read": func(t *testing.T, dir string) string {
			require.NoError(t, openURL(t.Context(), "file:"+dir))
			return chmod(t, dir, "VERSION", 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := publicDir(t)
			dir := filepath.Join(base, "data")
			require.NoError(t, os.Mkdir(dir, 0o755))
			cmd := child(t, "unprivileged", prepare(t, dir))
			cmd.Dir = base
			if os.Getuid() == 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
				cmd.Path = publicBinary(t, base, cmd.Path)
			}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, string(engine.ErrUnauthorized), string(out))
		})
	}
}

// chmod changes the mode of a file until the test ends, and returns the directory.
func chmod(t *testing.T, dir, name string, mode os.FileMode) string {
	file := filepath.Join(dir, name)
	require.NoError(t, os.Chmod(file, mode))
	t.Cleanup(func() { _ = os.Chmod(file, 0o700) })
	return dir
}

// publicDir is a temporary directory that everybody may enter.
func publicDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "kafka-embedded")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// publicBinary is the test binary where everybody may run it.
func publicBinary(t *testing.T, dir, exe string) string {
	b, err := os.ReadFile(exe)
	require.NoError(t, err)
	to := filepath.Join(dir, "test.exe")
	require.NoError(t, os.WriteFile(to, b, 0o755))
	return to
}

// TestPermissions: nobody but the owner may look into a data directory, whatever the umask of the process allows.
func TestPermissions(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "data")
	e, err := engine.Open(t.Context(), engine.Options{URL: "file:" + dir})
	require.NoError(t, err)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{SegmentBytes: 1 << 10, CleanupPolicy: engine.CleanupCompact}))
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{TransactionalID: "tx"})
	require.NoError(t, err)
	require.NoError(t, p.Begin(t.Context()))
	for range 20 {
		r := rec(strings.Repeat("v", 200))
		r.Key = []byte("key")
		send(t, p, "t", r)
	}
	require.NoError(t, p.End(t.Context(), false))
	require.NoError(t, e.Close())
	found := 0
	require.NoError(t, filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700 | os.ModeDir
		}
		require.Equal(t, want, info.Mode(), name)
		found++
		return nil
	}))
	require.Greater(t, found, 15)
}
