//go:build linux || darwin

package local_test

import (
	"context"
	"fmt"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func init() { children["limited"] = limited }

// TestFileSizeLimit: the operating system lets no file grow beyond a limit, for real, and then it does. A process has
// only one such limit, so this is one of its own.
func TestFileSizeLimit(t *testing.T) {
	for _, limit := range []int{64 << 10, 200<<10 + 13, 1 << 20} {
		for _, size := range []int{50, 1000, 7777} {
			t.Run(fmt.Sprintf("%d bytes, records of %d", limit, size), func(t *testing.T) {
				runChild(t, "limited", t.TempDir(), strconv.Itoa(limit), strconv.Itoa(size))
			})
		}
	}
}

func limited(args []string) int {
	signal.Ignore(syscall.SIGXFSZ) // so that the write fails; a process that wants to live under a limit does that
	t, ctx := inChild{}, context.Background()
	limit, size := must(strconv.Atoi(args[1])), must(strconv.Atoi(args[2]))
	e, err := local.Open(local.Options{FS: must(vfs.OS(args[0])), Reserve: 256 << 10})
	require.NoError(t, err)
	f := newFull(t, ctx, e, 0)
	f.p, err = e.OpenProducer(ctx, engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(t, err)
	setLimit(t, uint64(limit))
	for range 3 {
		f.fill("more", size)
		f.read()
	}
	f.commit(0)
	require.NoError(t, f.send("keep", 100), "another file")
	setLimit(t, 2*uint64(limit))
	require.NoError(t, f.send("more", size), "sends resume")
	f.fill("more", size)
	f.read()
	f.deleteRecords()
	f.read()
	require.True(t, e.Health().OK)
	require.NoError(t, e.Close(), "under the limit")

	f.e, err = local.Open(local.Options{FS: must(vfs.OS(args[0]))})
	require.NoError(t, err)
	f.read()
	require.NoError(t, f.e.Close())
	return 0
}

// setLimit changes the soft limit, which may be raised again.
func setLimit(t require.TestingT, bytes uint64) {
	var l unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &l))
	l.Cur = bytes
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &l))
}
