package log

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestCrashAtEveryStep stops the process, and the power, before each call on the file system that the work makes.
// Promises 1 to 5, 8 and 15.
func TestCrashAtEveryStep(t *testing.T) {
	mem := vfs.NewMem()
	var w *world
	created := false
	fs := vfs.Faulty(mem, func(op vfs.Op) error {
		if w.l == nil {
			return nil // a partition whose creation has not returned does not exist
		}
		created = true
		place := fmt.Sprintf("before call %d, %s of %s", op.N, op.Kind, op.Name)
		w.checkKill(t, mem, place)
		for seed := range uint64(3 * *runs) {
			w.checkPowerLoss(t, mem, uint64(op.N)<<16|seed, place)
		}
		return nil
	})
	w = newWorld(fs)
	require.NoError(t, w.work())
	require.True(t, created)
	require.NotEmpty(t, w.batches)
}

// checkKill: what was appended is there.
func (w *world) checkKill(t *testing.T, mem *vfs.Mem, place string) {
	w.check(t, mem.KillClone(), w.acked, "killed "+place)
}

// checkPowerLoss: what was synced is there, and of the rest a prefix.
func (w *world) checkPowerLoss(t *testing.T, mem *vfs.Mem, seed uint64, place string) {
	w.check(t, mem.CrashClone(seed), w.synced, fmt.Sprintf("power lost %s, seed %d", place, seed))
}

func (w *world) check(t *testing.T, fs vfs.FS, least int64, what string) {
	defer func() {
		if t.Failed() {
			t.Log(what)
		}
	}()
	w.reopen(t, fs, least)
}
