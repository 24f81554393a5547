package log

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// crashed is a disk after a power loss in the middle of the work, and the world as it was then.
type crashed struct {
	fs    *vfs.Mem
	world world
	what  string
}

// crashes collects disks after a power loss before every nth call of the work.
func crashes(t *testing.T, nth int64) (list []crashed) {
	mem := vfs.NewMem()
	var w *world
	w = newWorld(vfs.Faulty(mem, func(op vfs.Op) error {
		if w.l != nil && op.N%nth == 0 {
			copied := *w
			copied.batches = append([]entry(nil), w.batches...)
			list = append(list, crashed{mem.CrashClone(uint64(op.N)), copied, fmt.Sprintf("power lost before call %d", op.N)})
		}
		return nil
	}))
	require.NoError(t, w.work())
	return list
}

// TestCrashDuringRecovery: whatever step of a recovery the power or the process fails at, the next one comes to the
// same log. Promise 15.
func TestCrashDuringRecovery(t *testing.T) {
	for _, c := range crashes(t, 7) {
		want := c.recovered(t, c.fs.KillClone())
		first := c.world
		mem := c.fs.KillClone()
		var calls int64
		first.o.FS = vfs.Faulty(mem, func(op vfs.Op) error {
			calls = op.N
			for _, again := range []*vfs.Mem{mem.CrashClone(uint64(op.N)), mem.KillClone()} {
				require.Equal(t, want, c.recovered(t, again), "%s, then before call %d of the recovery: %s of %s",
					c.what, op.N, op.Kind, op.Name)
			}
			return nil
		})
		require.NoError(t, first.open())
		require.NotZero(t, calls)
	}
}

// recovered is what the log holds after a recovery.
func (c crashed) recovered(t *testing.T, fs vfs.FS) string {
	w := c.world
	w.o.FS = fs
	require.NoError(t, w.open(), c.what)
	w.verify(t, w.l, w.synced)
	s := fmt.Sprint(w.l.Start(), w.l.End(), w.l.LastStable(), w.l.Producers())
	require.NoError(t, w.l.Close())
	return s
}

// TestFaultDuringRecovery: an error of the file system fails the opening and changes nothing; the next one succeeds.
func TestFaultDuringRecovery(t *testing.T) {
	for _, c := range crashes(t, 23) {
		want := c.recovered(t, c.fs.KillClone())
		for n := int64(1); ; n++ {
			mem := c.fs.KillClone()
			faulty := vfs.Faulty(mem, vfs.FailNth(n, errFault, true))
			w := c.world
			w.o.FS = faulty
			err := w.open()
			if faulty.Ops() < n {
				require.NoError(t, err)
				break
			}
			if err != nil {
				require.ErrorIs(t, err, errFault, "call %d", n)
			}
			require.Equal(t, want, c.recovered(t, mem.KillClone()), "%s, then call %d failed", c.what, n)
		}
	}
}
