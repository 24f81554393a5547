package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// A topic that is deleted under a member of a group, and made anew: on every engine the member hears that it has lost the
// partitions, goes on with its other topics, and reads the new one from its start.
func TestTopicDeletedUnderMember(t *testing.T) {
	for name, url := range map[string]string{"embedded": "mem:", "cluster": testURL(t)} {
		t.Run(name, func(t *testing.T) {
			o := openTopicOn(t, url, nil, 1)
			stays := &opened{t, o.Engine, url, nil, "stays-" + o.topic, o.group}
			require.NoError(t, o.CreateTopic(t.Context(), stays.topic, engine.TopicConfig{Partitions: 1}))
			o.send(0, "a", "b")
			stays.send(0, "c")
			var lost []engine.TopicPartition
			k := o.consumer(engine.ConsumerConfig{
				Group: o.group, Topics: []string{o.topic, stays.topic},
				OnLost: func(tps []engine.TopicPartition) { lost = append(lost, tps...) },
			})
			require.ElementsMatch(t, []string{"a", "b", "c"}, o.poll(k, 3))
			next := map[engine.TopicPartition]int64{o.tp(0): 2, stays.tp(0): 1}
			require.NoError(t, k.Commit(t.Context(), next))

			require.NoError(t, o.DeleteTopic(t.Context(), o.topic))
			err := k.Commit(t.Context(), map[engine.TopicPartition]int64{o.tp(0): 3})
			require.ErrorIs(t, err, engine.ErrFenced)
			require.False(t, engine.IsRetriable(err))
			stays.send(0, "d")
			require.Equal(t, []string{"d"}, o.poll(k, 1))
			require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{stays.tp(0): 2}))

			require.NoError(t, o.CreateTopic(t.Context(), o.topic, engine.TopicConfig{Partitions: 1}))
			o.send(0, "new", "newer")
			if e, ok := o.Engine.(*cluster); ok {
				e.lookAgain()
			}
			require.Equal(t, []string{"new", "newer"}, o.poll(k, 2))
			require.Equal(t, []engine.TopicPartition{o.tp(0)}, lost)
			stays.send(0, "e")
			require.Equal(t, []string{"e"}, o.poll(k, 1))
		})
	}
}
