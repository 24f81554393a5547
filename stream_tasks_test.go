package kafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// TestMessagesLookTheSameBehindARepartitionTopic: a grouping sees the messages of the source, whether or not they went
// through another topic on the way.
func TestMessagesLookTheSameBehindARepartitionTopic(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprint(partitions, " partitions"), func(t *testing.T) {
			client, err := kafka.NewClient(t.Context(), kafka.WithInMemory())
			require.NoError(t, err)
			defer client.Close()
			require.NoError(t, client.Admin().CreateTopic(t.Context(), "in", kafka.TopicConfig{Partitions: partitions}))
			value := map[string]any{"n": 1.0, "x": 1.5, "list": []any{"a", true, nil}}
			require.NoError(t, client.Producer("in").Send(t.Context(), kafka.Message{
				Key: "k", Value: value, Timestamp: at, Headers: map[string]string{"h": "v"},
			}))
			require.NoError(t, client.Producer("in").Send(t.Context(), kafka.Message{Key: "k", Timestamp: at.Add(time.Second)}))
			source := client.Stream("in", kafka.WithUntilEnd(), kafka.WithApplicationID("app"))
			all := source.GroupBy(func(*kafka.Message) string { return "all" })
			var got []*kafka.Message
			table := stream.Reduce(all, 0, func(n int, m *kafka.Message) int {
				got = append(got, m)
				return n + 1
			})
			require.NoError(t, table.Each(context.Background(), func(stream.Result[string, int]) error { return nil }))
			require.Len(t, got, 2)
			m := got[0]
			require.Equal(t, "in", m.Topic)
			require.Zero(t, m.Offset)
			require.Equal(t, "k", m.Key)
			require.Equal(t, map[string]string{"h": "v"}, m.Headers)
			require.True(t, at.Equal(m.Timestamp))
			require.Equal(t, value, m.Value)
			require.Equal(t, m.Partition, got[1].Partition)
			require.Equal(t, int64(1), got[1].Offset)
			require.Nil(t, got[1].Value)
		})
	}
}
