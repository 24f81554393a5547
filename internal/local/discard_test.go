package local_test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestDeletionThatCannotBeMadeDurable: when the rename into the trash is not durable, a power loss may bring the
// directory back. Then it must be whole, so that the next opening knows whose it is and finishes the deletion.
func TestDeletionThatCannotBeMadeDurable(t *testing.T) {
	for seed := range uint64(60) {
		mem := vfs.NewMem()
		broken := false
		e, err := local.Open(options(vfs.Faulty(mem, func(op vfs.Op) error {
			if broken && op.Kind == vfs.OpSyncDir && op.Name == "topics" {
				return syscall.EIO
			}
			return nil
		})))
		require.NoError(t, err)
		require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{}))
		send(t, producer(t, e, engine.AcksAll), "t", rec("a"))
		broken = true
		require.ErrorIs(t, e.DeleteTopic(t.Context(), "t"), syscall.EIO)
		left := mem.CrashClone(seed)
		_ = e.Close()

		e, err = local.Open(options(left))
		require.NoError(t, err)
		for _, note := range e.Health().Notes {
			require.NotContains(t, note, "belongs to no topic", fmt.Sprint("seed ", seed))
		}
		require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{}))
		info, err := e.DescribeTopic(t.Context(), "t")
		require.NoError(t, err)
		require.Zero(t, info.Partitions[0].End)
		require.NoError(t, e.Close())
	}
}
