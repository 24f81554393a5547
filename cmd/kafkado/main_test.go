package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asProgram makes the test binary be kafkado, for tests that need another process.
const asProgram = "KAFKADO_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// tool runs kafkado on one directory.
type tool struct {
	t   *testing.T
	dir string
}

func newTool(t *testing.T) tool {
	t.Setenv("KAFKA_DO_URL", "")
	return tool{t, t.TempDir()}
}

// try runs a command and returns all that there is to see of it.
func (k tool) try(in string, args ...string) (code int, out, errs string) {
	k.t.Helper()
	var o, e bytes.Buffer
	code = run(k.t.Context(), append([]string{"--dir", k.dir}, args...), strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

// run runs a command that must succeed and returns its output.
func (k tool) run(in string, args ...string) string {
	k.t.Helper()
	code, out, errs := k.try(in, args...)
	require.Zero(k.t, code, errs)
	return out
}

// json runs a command that must succeed and decodes its output.
func (k tool) json(args ...string) (v any) {
	k.t.Helper()
	require.NoError(k.t, json.Unmarshal([]byte(k.run("", append(args, "--json")...)), &v))
	return v
}

// program is the same command in a process of its own.
func (k tool) program(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(k.t.Context(), os.Args[0], append([]string{"--dir", k.dir}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"bogus"}, `kafkado has no command "bogus"`},
		{[]string{"topic"}, `kafkado has no command "topic"; did you mean topics?`},
		{[]string{"topics", "lst"}, `kafkado topics has no command "lst"; did you mean list?`},
		{[]string{"topics", "list", "x"}, "kafkado topics list: unknown command \"x\" for \"kafkado topics list\""},
		{[]string{"topics", "create"}, "kafkado topics create: accepts 1 arg(s), received 0"},
		{[]string{"topics", "create", "t", "-p", "0"}, "--partitions 0: a topic has at least 1"},
		{[]string{"topics", "create", "t", "-p", "x"}, `invalid argument "x" for "-p, --partitions" flag`},
		{[]string{"topics", "create", "t", "--compression", "zip"}, "--compression: "},
		{[]string{"topics", "create", "t", "--retention", "1us"}, "--retention 1µs: give at least 1ms, or 0 to keep forever"},
		{[]string{"topics", "create", "t", "--retention-bytes", "-2"}, "--retention-bytes -2: give a bound, or 0 for none"},
		{[]string{"topics", "alter", "t"}, "nothing to alter: give a flag"},
		{[]string{"topics", "add-partitions", "t", "none"}, `"none" partitions: give a number from 1`},
		{[]string{"groups", "reset", "g"}, "give --topic and --to"},
		{[]string{"groups", "reset", "g", "-t", "t", "--to", "yesterday"}, `--to "yesterday": give start, end, an offset`},
		{[]string{"groups", "reset", "g", "-t", "t", "--to", "@noon"}, "--to @noon: give a time as @2026-01-31T12:00:00Z"},
		{[]string{"groups", "reset", "g", "-t", "t", "--to", "@1", "-p", "0"}, "--to a time moves all partitions"},
		{[]string{"produce", "t", "--acks", "most"}, `--acks "most": there are all, leader and none`},
		{[]string{"produce", "t", "--compression", "zip"}, "--compression: "},
		{[]string{"produce", "t", "-H", "novalue"}, `--header "novalue": write key=value`},
		{[]string{"consume"}, "kafkado consume: accepts between 1 and 2 arg(s), received 0"},
		{[]string{"consume", "t", "g", "-g", "h"}, "two groups, g and h"},
		{[]string{"consume", "t", "-n", "-1"}, "--count -1"},
		{[]string{"consume", "t", "-o", "soon"}, `--offset "soon": give start, end, an offset`},
		{[]string{"consume", "t", "g", "-o", "5"}, "--offset 5: a group begins at its committed offsets; move them with groups reset"},
		{[]string{"consume", "t", "-f", "%q"}, "--format: unknown %q"},
		{[]string{"consume", "t", "-f", `\q`}, `--format: unknown \q`},
		{[]string{"consume", "t", "-f", "50%"}, `--format: "%" at the end`},
		{[]string{"consume", "t", "--attempts", "2"}, "--dead-letter, --attempts and --backoff go with --exec"},
		{[]string{"consume", "t", "--exec", "true"}, "--exec needs a group, which remembers what is processed"},
		{[]string{"consume", "t", "g", "-n", "1", "--exec", "true"}, "--exec does not go with --count"},
		{[]string{"consume", "t", "g", "--exec", "true", "--attempts", "0"}, "--attempts 0 --backoff 1s: give at least 1, and 0s"},
		{[]string{"consume", "t", "--colour"}, "unknown flag: --colour"},
		{[]string{"bench", "--size", "0"}, "--size 0: give 1 to 1048576 bytes"},
		{[]string{"bench", "--time", "-1s"}, "--time -1s"},
		{[]string{"dump"}, "kafkado dump: requires at least 1 arg(s), only received 0"},
		{[]string{"topics", "list", "--url", "mem:"}, "give --dir or --url, not both"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, out, errs := newTool(t).try("", c.args...)
			require.Equal(t, exitUsage, code, errs)
			require.Empty(t, out)
			require.True(t, strings.HasPrefix(errs, "kafkado: "+c.says), errs)
			require.True(t, strings.HasSuffix(errs, " (see --help)\n"), errs)
			require.Equal(t, 1, strings.Count(errs, "(see --help)"))
		})
	}
}

func TestFailures(t *testing.T) {
	k := newTool(t)
	k.run("", "topics", "create", "t")
	k.run("1\n2\n", "produce", "t")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"topics", "create", "t"}, "topic exists (t)"},
		{[]string{"topics", "create", "a/b"}, `topic name "a/b" has a character at byte 1 that is not allowed`},
		{[]string{"topics", "create", "u", "--codec", "xml"}, `codec "xml": there are msgpack, json and raw`},
		{[]string{"topics", "describe", "none"}, "topic not found (none)"},
		{[]string{"topics", "delete", "none"}, "topic not found (none)"},
		{[]string{"topics", "alter", "none", "--retention", "1h"}, "topic not found (none)"},
		{[]string{"topics", "add-partitions", "none", "1"}, "topic not found (none)"},
		{[]string{"groups", "describe", "none"}, "group not found"},
		{[]string{"groups", "delete", "none"}, "group not found"},
		{[]string{"groups", "reset", "g", "-t", "none", "--to", "end"}, "topic not found (none)"},
		{[]string{"groups", "reset", "g", "-t", "t", "--to", "9"}, "offset out of range (t-0): offset 9 is outside of 0 to 2"},
		{[]string{"groups", "reset", "g", "-t", "t", "--to", "0", "-p", "7"}, "partition not found (t-7)"},
		{[]string{"consume", "none"}, "topic not found (none)"},
		{[]string{"consume", "t", "-o", "9"}, "offset out of range (t-0): offset 9 is outside of 0 to 2"},
		{[]string{"produce", "t", "-p", "9"}, "after 0 messages: kafka: partition not found (t-9)"},
		{[]string{"consume", "none", "g", "--exec", "true"}, "topic not found (none)"},
		{[]string{"repair", "nowhere"}, "nowhere"},
		{[]string{"dump", "nothing.log"}, "nothing.log: "},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, out, errs := k.try("x\n", c.args...)
			require.Equal(t, exitFailed, code, errs)
			require.Empty(t, out)
			require.Contains(t, errs, c.says)
			require.Equal(t, 1, strings.Count(errs, "\n"), "one line: %s", errs)
		})
	}
}

func TestHelpTellsExitCodes(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}} {
		out := newTool(t).run("", args...)
		require.Contains(t, out, "0 done, 1 failed, 2 wrong flags or arguments, 3 damage was found, 130 interrupted")
	}
	require.Contains(t, newTool(t).run("", "topics"), "add-partitions")
}

func TestCompletion(t *testing.T) {
	k := newTool(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, k.run("", "completion", shell), "kafkado")
	}
	require.Contains(t, k.run("", "__complete", "topics", ""), "add-partitions")
}

// Another process has the directory: a plain failure that says so. Then somebody presses Ctrl-C there.
func TestLockedDirectory(t *testing.T) {
	k := newTool(t)
	k.run("one\n", "produce", "t")
	other := k.program("consume", "t", "g", "--follow")
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	line := make([]byte, 4)
	_, err = io.ReadFull(out, line)
	require.NoError(t, err)
	require.Equal(t, "one\n", string(line))

	code, printed, errs := k.try("", "topics", "list")
	require.Equal(t, exitFailed, code)
	require.Empty(t, printed)
	require.Contains(t, errs, "locked")

	if runtime.GOOS == "windows" {
		require.NoError(t, other.Process.Kill())
		_ = other.Wait()
		return
	}
	require.NoError(t, other.Process.Signal(os.Interrupt))
	var exit *exec.ExitError
	require.ErrorAs(t, other.Wait(), &exit)
	require.Equal(t, exitInterrupted, exit.ExitCode())
	require.Empty(t, k.run("", "consume", "t", "g"), "what was printed is committed")
}

func TestInterrupted(t *testing.T) {
	k := newTool(t)
	k.run("1\n2\n", "produce", "t")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"consume", "t", "g"}, {"produce", "t"}, {"demo"}, {"bench"}, {"topics", "list"}} {
		var out, errs bytes.Buffer
		code := run(ctx, append([]string{"--dir", k.dir}, args...), strings.NewReader("x\n"), &out, &errs)
		require.Equal(t, exitInterrupted, code, "%v: %s", args, errs.String())
		require.NotContains(t, errs.String(), "context canceled")
	}
	require.Equal(t, "1\n2\n", k.run("", "consume", "t", "g"))
}

// Somebody types nothing and presses Ctrl-C.
func TestInterruptedWhileWaitingForInput(t *testing.T) {
	k := newTool(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	typed := &notifying{r: in, before: 2, reached: cancel}
	go io.WriteString(keyboard, "one\n")
	var errs bytes.Buffer
	code := run(ctx, []string{"--dir", k.dir, "produce", "t"}, typed, io.Discard, &errs)
	require.Equal(t, exitInterrupted, code, errs.String())
	require.Equal(t, "1 messages sent to t\n", errs.String())
	require.Equal(t, "one\n", k.run("", "consume", "t"))
}

// notifying calls reached before a Read of its choice.
type notifying struct {
	r       io.Reader
	before  int
	reached func()
}

func (n *notifying) Read(p []byte) (int, error) {
	if n.before--; n.before == 0 {
		n.reached()
	}
	return n.r.Read(p)
}

// Ctrl-C while following: what was printed is committed.
func TestInterruptedWhileFollowing(t *testing.T) {
	k := newTool(t)
	k.run("1\n2\n3\n", "produce", "t")
	ctx, cancel := context.WithCancel(t.Context())
	out := &stopAfter{lines: 3, stop: cancel}
	var errs bytes.Buffer
	code := run(ctx, []string{"--dir", k.dir, "consume", "t", "g", "--follow"}, nil, out, &errs)
	require.Equal(t, exitInterrupted, code, errs.String())
	require.Empty(t, errs.String())
	require.Equal(t, "1\n2\n3\n", out.String())
	require.Empty(t, k.run("", "consume", "t", "g"))
}

// stopAfter is output that calls stop when it has some lines.
type stopAfter struct {
	b     bytes.Buffer
	lines int
	stop  func()
}

func (s *stopAfter) String() string { return s.b.String() }

func (s *stopAfter) Write(p []byte) (int, error) {
	n, err := s.b.Write(p)
	if bytes.Count(s.b.Bytes(), []byte("\n")) >= s.lines {
		s.stop()
	}
	return n, err
}

// kafkado consume | head: no error, and nothing is committed that went nowhere.
func TestOutputThatNobodyReads(t *testing.T) {
	k := newTool(t)
	k.run(strings.Repeat("a line\n", 200_000), "produce", "t")
	for name, args := range map[string][]string{"text": {"consume", "t", "g"}, "json": {"consume", "t", "h", "--json"}} {
		t.Run(name, func(t *testing.T) {
			cmd := k.program(args...)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			require.NoError(t, cmd.Start())
			_, err = io.ReadFull(out, make([]byte, 10))
			require.NoError(t, err)
			require.NoError(t, out.Close())
			require.NoError(t, cmd.Wait())
			require.Empty(t, errs.String())
			require.NotEmpty(t, k.run("", "consume", "t", args[2], "-n", "1"))
		})
	}
}
