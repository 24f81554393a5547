package examples_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExamples builds all programs and compares what they print with the comment at their ends.
func TestExamples(t *testing.T) {
	programs, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	require.NotEmpty(t, programs)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", bin+string(filepath.Separator), "./...")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, program := range programs {
		name := filepath.Dir(program)
		t.Run(name, func(t *testing.T) {
			lines, want := promised(t, program)
			require.Less(t, lines, 80, "an example is short")
			path := filepath.Join(bin, name)
			if runtime.GOOS == "windows" {
				path += ".exe"
			}
			cmd := exec.Command(path)
			cmd.Dir, cmd.Stderr = t.TempDir(), os.Stderr
			out, err := cmd.Output()
			require.NoError(t, err)
			require.Equal(t, want, string(out))
			left, err := os.ReadDir(cmd.Dir)
			require.NoError(t, err)
			require.Empty(t, left, "it leaves nothing behind")
		})
	}
}

// promised is the text behind "// Output:" at the end of a program, and how many lines come before it.
func promised(t *testing.T, program string) (lines int, output string) {
	f, err := os.Open(program)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	in := bufio.NewScanner(f)
	for found := false; in.Scan(); {
		switch {
		case found:
			output += strings.TrimPrefix(strings.TrimPrefix(in.Text(), "//"), " ") + "\n"
		case in.Text() == "// Output:":
			found = true
		default:
			lines++
		}
	}
	require.NoError(t, in.Err())
	return lines, output
}
