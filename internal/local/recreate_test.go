package local_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// What was read of a deleted topic is not committed to one of the same name, and its partitions are lost.
func TestCommitToATopicMadeAnew(t *testing.T) {
	e := memory(t)
	p := producer(t, e, engine.AcksAll)
	send(t, p, "t", rec("1"), rec("2"), rec("3"))
	var k engine.Consumer
	next := map[engine.TopicPartition]int64{tp("t", 0): 2}
	var lost []engine.TopicPartition
	k = consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g", OnLost: func(tps []engine.TopicPartition) {
		lost = append(lost, tps...)
		require.ErrorIs(t, k.Commit(t.Context(), next), engine.ErrFenced, "it is on its way when the member polls")
	}})
	require.Equal(t, []string{"1", "2"}, values(t, k, 2))
	require.NoError(t, e.DeleteTopic(t.Context(), "t"))
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{}))
	send(t, p, "t", rec("a"), rec("b"), rec("c"))
	require.Error(t, k.Commit(t.Context(), next))
	require.Equal(t, []string{"a"}, values(t, k, 1))
	require.Equal(t, []engine.TopicPartition{tp("t", 0)}, lost)
	offset, err := k.Committed(t.Context(), tp("t", 0))
	require.NoError(t, err)
	require.EqualValues(t, -1, offset)
	require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", 0): 1}))
}
