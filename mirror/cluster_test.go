package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	kafka "github.com/dot-do/kafka-embedded"
	_ "github.com/dot-do/kafka-embedded/cluster"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/mirror"
)

// clusterURL is a real cluster, when the environment names one, or one in this process.
func clusterURL(t testing.TB) string {
	if url := os.Getenv("TEST_KAFKA_URL"); url != "" {
		return url
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return "kafka://" + strings.Join(c.ListenAddrs(), ",")
}

// TestCluster: from a directory to a cluster, and from there into another directory, which equals the first.
func TestCluster(t *testing.T) {
	url := clusterURL(t)
	from, back := memory(t), memory(t)
	there := open(t, kafka.WithURL(url), kafka.WithTimeout(20*time.Second))
	for _, topic := range []string{"orders", "states", "values"} {
		_ = there.Admin().DeleteTopic(t.Context(), topic) // of an earlier run
	}
	fill(t, from, 500, 7)
	create(t, from, "values", kafka.TopicConfig{Codec: "msgpack"})
	require.NoError(t, from.Producer("values").Send(t.Context(), kafka.Message{Key: "k", Value: map[string]any{"a": 1.5}}))
	id := mirror.ID(fmt.Sprint("test-", rand.Uint64()))
	topics := mirror.Topics("orders", "states", "values")
	for range 2 {
		s, err := mirror.Run(t.Context(), from, there, id, topics)
		require.NoError(t, err)
		require.True(t, s.ExactlyOnce)
		requireEqual(t, from, there)
		requireGroups(t, from, there)
		carrytest.Fill(t, from.Engine(), "orders", 100, rand.New(rand.NewPCG(9, 0)))
	}
	_, err := mirror.Run(t.Context(), from, there, id, topics)
	require.NoError(t, err)
	_, err = mirror.Run(t.Context(), there, back, id, topics)
	require.NoError(t, err)
	requireEqual(t, from, back)
	requireGroups(t, from, back)
	for _, c := range []*kafka.Client{there, back} {
		for m, err := range c.Consumer("values", "", kafka.WithUntilEnd()).All(t.Context()) {
			require.NoError(t, err)
			require.Equal(t, map[string]any{"a": 1.5}, m.Value)
		}
	}
}

// TestClusterRefuses: what a cluster does not take is told with its place.
func TestClusterRefuses(t *testing.T) {
	there := open(t, kafka.WithURL(clusterURL(t)))
	from := memory(t)
	topic := fmt.Sprint("compacted-", rand.Uint64())
	create(t, from, topic, kafka.TopicConfig{CleanupPolicy: kafka.CleanupCompact})
	require.NoError(t, from.Producer(topic).Send(t.Context(), kafka.Message{Value: 1}))
	run := func() error {
		_, err := mirror.Run(t.Context(), from, there, mirror.Topics(topic), mirror.ID(topic))
		return err
	}
	err := run()
	require.ErrorIs(t, err, kafka.ErrInvalidArgument)
	require.ErrorContains(t, err, "("+topic+"-0): a record has no key, which a cluster refuses for a compacted topic")
	require.NoError(t, there.Admin().AlterTopic(t.Context(), topic, kafka.TopicConfig{CleanupPolicy: kafka.CleanupDelete}))
	require.NoError(t, run(), "as the error says")
	carrytest.Equal(t, from.Engine(), there.Engine(), topic)
}
