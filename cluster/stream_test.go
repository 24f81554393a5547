package cluster

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Two clients of a cluster share the tasks of a stream application; when one ends, the other has its state.
func TestStreamOnTwoClients(t *testing.T) {
	url := fakeURL(t)
	first, second := newClient(t, url), newClient(t, url)
	in, out := "streamed", "counted"
	require.NoError(t, first.Admin().CreateTopic(t.Context(), in, kafka.TopicConfig{Partitions: 4}))
	require.NoError(t, first.Admin().CreateTopic(t.Context(), out, kafka.TopicConfig{Partitions: 1}))

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var running sync.WaitGroup
	run := func(client *kafka.Client) (*stream.Table[string, int64], context.CancelFunc) {
		table := client.Stream(in, kafka.WithApplicationID(in+"-app")).
			GroupBy(func(m *kafka.Message) string { return m.Value.(string) }).Count()
		ctx, stop := context.WithCancel(ctx)
		running.Go(func() {
			if err := table.To(ctx, out); err != nil {
				t.Error(err)
			}
		})
		return table, stop
	}
	words := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	results := first.Consumer(out, "")
	counts := map[string]int64{}
	send := func(upTo int64) {
		for i, word := range words {
			require.NoError(t, first.Producer(in).Send(ctx, kafka.Message{Key: fmt.Sprint(i), Value: word}))
		}
		left := len(words)
		for m := range results.Messages(ctx) {
			n := int64(m.Value.(float64))
			require.Equal(t, counts[m.Key]+1, n, m.Key)
			counts[m.Key] = n
			if left--; left == 0 {
				break
			}
		}
		for _, word := range words {
			require.Equal(t, upTo, counts[word], word)
		}
	}
	_, stop := run(first)
	send(1)
	table, stopSecond := run(second)
	send(2)
	stop()
	send(3)
	for _, word := range words {
		n, ok := table.Get(word)
		require.True(t, ok, word)
		require.Equal(t, int64(3), n, word)
	}
	stopSecond()
	running.Wait()
	require.NoError(t, results.Close())
}
