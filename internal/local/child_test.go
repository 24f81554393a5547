package local_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// child is the command that runs the test binary in a role, as a process of its own.
func child(t testing.TB, role string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	return cmd
}

// runChild runs a role, which must succeed, and returns what it printed.
func runChild(t testing.TB, role string, args ...string) string {
	t.Helper()
	out, err := child(t, role, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// inChild is what checks report to in a child: the first failure ends the process.
type inChild struct{}

func (inChild) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (inChild) FailNow() { os.Exit(1) }
