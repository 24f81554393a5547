package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
)

// recorder is a test that keeps what it is told, so that one can look at a test that fails.
type recorder struct {
	testing.TB
	dir      string
	errors   []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Name() string     { return "recorded" }
func (r *recorder) TempDir() string  { return r.dir }
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) end() []string {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	return r.errors
}

func TestSendAndReceive(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			c, other := New(t, kafka.WithDefaultPartitions(2)), New(t)
			require.NoError(t, c.Producer("t").Send(t.Context(), kafka.Message{Value: "v"}))
			topics, err := other.Admin().ListTopics(t.Context())
			require.NoError(t, err)
			require.Empty(t, topics, "each has a directory of its own")
			for m := range c.Consumer("t", "g").Messages(t.Context()) {
				require.Equal(t, "v", m.Value)
				break
			}
		})
	}
}

func TestOptionsMayChangeThePlace(t *testing.T) {
	r := &recorder{TB: t, dir: t.TempDir()}
	c := New(r, kafka.WithInMemory())
	require.NoError(t, c.Producer("t").Send(t.Context(), kafka.Message{Value: "v"}))
	entries, err := os.ReadDir(r.dir)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.Empty(t, r.end())
}

func TestReportsLeakedGoroutines(t *testing.T) {
	r := &recorder{TB: t, dir: t.TempDir()}
	New(r)
	leaked, err := kafka.NewClient(t.Context(), kafka.WithInMemory())
	require.NoError(t, err)
	errs := r.end()
	require.Len(t, errs, 1)
	require.Contains(t, errs[0], "goroutines are left after the client was closed")
	require.Contains(t, errs[0], "internal/local")
	require.NoError(t, leaked.Close())
}

func TestReportsOpenFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell")
	}
	r := &recorder{TB: t, dir: t.TempDir()}
	New(r)
	f, err := os.Create(filepath.Join(r.dir, "left"))
	require.NoError(t, err)
	defer f.Close()
	errs := r.end()
	require.Len(t, errs, 1)
	require.Contains(t, errs[0], "left")
}

func TestStacks(t *testing.T) {
	for name, c := range map[string]struct {
		stack string
		ours  bool
	}{
		"of the library": {"1 @ 0x1\n#\t0x1\t" + module + "/internal/local.(*Engine).x+0x1\t\tengine.go:1\n", true},
		"of a test":      {"1 @ 0x1\n#\t0x1\t" + module + "/mock.TestX+0x1\t\tx_test.go:1\n", false},
		"of others":      {"1 @ 0x1\n#\t0x1\tnet/http.(*conn).serve+0x1\tserver.go:1\n", false},
		"not begun":      {"1 @ 0x1\n#\t0x1\tsync.(*WaitGroup).Go.func1+0x0\twaitgroup.go:1\n", true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.ours, ours(c.stack)) })
	}
}
