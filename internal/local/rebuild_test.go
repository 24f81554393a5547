package local_test

import (
	"fmt"
	"log/slog"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestRebuild: a directory that lost its VERSION, its journal or both is refused, and Repair makes the catalogue anew
// from the partitions' directories.
func TestRebuild(t *testing.T) {
	lose := map[string][]string{
		"VERSION": {"VERSION"}, "journal": {"journal"}, "CURRENT": {"journal/CURRENT"}, "both": {"VERSION", "journal"},
	}
	for name, lost := range lose {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			options := local.Options{FS: mem, Clock: clock.Real, Logger: slog.New(slog.DiscardHandler), Codec: "json"}
			e, err := local.Open(options)
			require.NoError(t, err)
			require.NoError(t, e.CreateTopic(t.Context(), "a-b-1", engine.TopicConfig{Partitions: 2, Codec: "raw"}))
			p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{AutoCreateTopics: true})
			require.NoError(t, err)
			for i := range 10 {
				rs := []engine.Record{{Value: fmt.Append(nil, i), Partition: int32(i % 2), Timestamp: engine.NoTimestamp}}
				_, err := p.Produce(t.Context(), "a-b-1", rs)
				require.NoError(t, err)
			}
			require.NoError(t, e.Close())
			for _, f := range lost {
				require.NoError(t, mem.RemoveAll(f))
			}
			_, err = local.Open(options)
			require.ErrorIs(t, err, engine.ErrCorrupt)
			require.ErrorContains(t, err, "kafkado repair")

			r, err := local.Repair(mem, clock.Real, options.Logger)
			require.NoError(t, err)
			require.True(t, r.OK(), "%+v", r)
			require.NotEmpty(t, r.Notes)

			e, err = local.Open(options)
			require.NoError(t, err)
			info, err := e.DescribeTopic(t.Context(), "a-b-1")
			require.NoError(t, err)
			require.Equal(t, "raw", info.Config.Codec)
			require.Len(t, info.Partitions, 2)
			for _, p := range info.Partitions {
				require.EqualValues(t, 5, p.End)
				require.False(t, p.ReadOnly)
			}
			p, err = e.OpenProducer(t.Context(), engine.ProducerConfig{})
			require.NoError(t, err)
			rs := []engine.Record{{Value: []byte("more"), Partition: 1, Timestamp: engine.NoTimestamp}}
			_, err = p.Produce(t.Context(), "a-b-1", rs)
			require.NoError(t, err)
			require.EqualValues(t, 5, rs[0].Offset)
			require.NoError(t, e.Close())
			r, err = local.Verify(mem)
			require.NoError(t, err)
			require.True(t, r.OK(), "epochs go on: %+v", r)
		})
	}
}

// TestRebuildLeavesOthersAlone: a directory that does not tell what it is stays as it is.
func TestRebuildLeavesOthersAlone(t *testing.T) {
	mem := vfs.NewMem()
	options := local.Options{FS: mem, Clock: clock.Real, Logger: slog.New(slog.DiscardHandler)}
	e, err := local.Open(options)
	require.NoError(t, err)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{}))
	require.NoError(t, e.Close())
	require.NoError(t, mem.Remove(path.Join("topics", "t-0", "partition.metadata")))
	require.NoError(t, mem.RemoveAll("journal"))
	r, err := local.Repair(mem, clock.Real, options.Logger)
	require.NoError(t, err)
	require.Zero(t, r.Topics)
	_, err = mem.Stat(path.Join("topics", "t-0", "checkpoint"))
	require.NoError(t, err)
}
