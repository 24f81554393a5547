package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
)

var errTooSmall = errors.New("too small")

// sent is a client with five quakes in a topic, and what a loop calls for each message: it refuses the second, and ends
// the context with the last.
func sent(t *testing.T) (ctx context.Context, client *kafka.Client, locate func(any) error) {
	t.Helper()
	ctx, client = inMemory(t)
	ctx, cancel := context.WithCancel(ctx)
	t.Cleanup(cancel)
	base := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5 {
		require.NoError(t, client.Producer("quakes").Send(ctx, kafka.Message{
			Key: fmt.Sprint("region-", i%2), Value: quake{ID: strconv.Itoa(i), Magnitude: float64(i)},
			Headers: map[string]string{"network": "ci"}, Timestamp: base.Add(time.Duration(i) * time.Hour),
		}))
	}
	return ctx, client, func(value any) error {
		switch value.(map[string]any)["id"] {
		case "1":
			return errTooSmall
		case "4":
			cancel()
		}
		return nil
	}
}

// committedOf is what a group has committed of the only partition.
func committedOf(t *testing.T, client *kafka.Client, group string) int64 {
	t.Helper()
	info, err := client.Admin().DescribeGroup(context.Background(), group)
	require.NoError(t, err)
	require.Len(t, info.Offsets, 1)
	return info.Offsets[0].Committed
}

func TestKafkaDoBasicConsumer(t *testing.T) {
	ctx, client, locate := sent(t)
	consumer := client.Consumer("quakes", "locator")

	var lines []string
	for msg := range consumer.Messages(ctx) {
		lines = append(lines, fmt.Sprintf("%s %d %d %s %v %v %v", msg.Topic, msg.Partition, msg.Offset, msg.Key,
			msg.Value.(map[string]any)["id"], msg.Timestamp.UTC().Hour(), msg.Headers))

		if err := locate(msg.Value); err != nil {
			continue
		}

		if err := msg.Commit(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}
	require.Equal(t, "quakes 0 3 region-1 3 3 map[network:ci]", lines[3])
	require.EqualValues(t, 5, committedOf(t, client, "locator"))
}

func TestKafkaDoTypedConsumer(t *testing.T) {
	ctx, client, _ := sent(t)
	consumer := kafka.NewTypedConsumer[quake](client, "quakes", "processor")

	total := 0.0
	for msg := range consumer.Messages(ctx) {
		quake := msg.Value
		total += quake.Magnitude
		msg.Commit(ctx)
		if quake.ID == "4" {
			break
		}
	}
	require.Equal(t, 10.0, total)
	require.EqualValues(t, 5, committedOf(t, client, "processor"))
}

func TestKafkaDoConsumerWithOptions(t *testing.T) {
	ctx, client, locate := sent(t)
	consumer := client.Consumer("quakes", "processor",
		kafka.WithOffset(kafka.OffsetEarliest),
		kafka.WithAutoCommit(true),
		kafka.WithMaxPollRecords(100),
		kafka.WithSessionTimeout(30*time.Second),
	)

	for msg := range consumer.Messages(ctx) {
		locate(msg.Value)
	}
	require.NoError(t, consumer.Err())
	require.EqualValues(t, 5, committedOf(t, client, "processor"))
}

func TestKafkaDoConsumerOptions(t *testing.T) {
	ctx, client, locate := sent(t)
	consumer := client.Consumer("quakes", "processor",
		kafka.WithOffset(kafka.OffsetLatest),
		kafka.WithAutoCommit(false),
		kafka.WithFetchMinBytes(1),
		kafka.WithFetchMaxWaitMs(500),
		kafka.WithMaxPollRecords(500),
		kafka.WithSessionTimeout(30*time.Second),
		kafka.WithHeartbeatInterval(3*time.Second),
	)
	sent := make(chan struct{})
	go func() { // until one comes after the consumer has joined
		defer close(sent)
		for ctx.Err() == nil {
			client.Producer("quakes").Send(ctx, kafka.Message{Value: quake{ID: "4"}})
		}
	}()
	for msg := range consumer.Messages(ctx) {
		require.GreaterOrEqual(t, msg.Offset, int64(5), "what was there before is left out")
		locate(msg.Value)
	}
	require.NoError(t, consumer.Err())
	<-sent
}

func TestKafkaDoConsumerFromTimestamp(t *testing.T) {
	ctx, client, locate := sent(t)
	since := time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)

	consumer := client.Consumer("quakes", "replay-processor",
		kafka.WithOffsetTime(since),
	)

	var offsets []int64
	for msg := range consumer.Messages(ctx) {
		offsets = append(offsets, msg.Offset)
		locate(msg.Value)
	}
	require.Equal(t, []int64{3, 4}, offsets)
}

func TestKafkaDoBatchConsumer(t *testing.T) {
	ctx, client, locate := sent(t)
	consumer := client.Consumer("quakes", "batch-processor",
		kafka.WithBatchSize(2),
		kafka.WithBatchTimeout(5*time.Millisecond),
	)

	n := 0
	for batch := range consumer.Batches(ctx) {
		for _, msg := range batch.Messages {
			n++
			locate(msg.Value)
		}

		if err := batch.Commit(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}
	require.Equal(t, 5, n)
	require.EqualValues(t, 5, committedOf(t, client, "batch-processor"))
}

// errgroup has what the document takes from golang.org/x/sync/errgroup.
type errgroup struct {
	wg     sync.WaitGroup
	once   sync.Once
	err    error
	cancel context.CancelCauseFunc
}

func withContext(ctx context.Context) (*errgroup, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &errgroup{cancel: cancel}, ctx
}

func (g *errgroup) Go(fn func() error) {
	g.wg.Go(func() {
		if err := fn(); err != nil {
			g.once.Do(func() { g.err = err; g.cancel(err) })
		}
	})
}

func (g *errgroup) Wait() error {
	g.wg.Wait()
	g.cancel(nil)
	return g.err
}

// Workers behind a channel of messages: each commits from a goroutine of its own while the loop goes on.
func TestKafkaDoParallelConsumer(t *testing.T) {
	for _, tc := range []struct {
		name string
		fail bool
	}{{"all succeed", false}, {"one fails", true}} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, client, locate := sent(t)
			consumer := client.Consumer("quakes", "parallel-processor")
			var n atomic.Int32
			processOne := func(value any) error {
				n.Add(1)
				if err := locate(value); tc.fail {
					return err
				}
				return nil
			}

			g, ctx := withContext(ctx)
			const workers = 10

			msgs := make(chan *kafka.Message, 100)

			for i := 0; i < workers; i++ {
				g.Go(func() error {
					for msg := range msgs {
						if err := processOne(msg.Value); err != nil {
							return err
						}
						msg.Commit(context.WithoutCancel(ctx))
					}
					return nil
				})
			}

			g.Go(func() error {
				defer close(msgs)
				for msg := range consumer.Messages(ctx) {
					select {
					case msgs <- msg:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return nil
			})

			err := g.Wait()
			if tc.fail {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.EqualValues(t, 5, n.Load())
			require.EqualValues(t, 5, committedOf(t, client, "parallel-processor"), "commits never move back")
		})
	}
}

func TestKafkaDoDeadLetterQueue(t *testing.T) {
	ctx, client, locate := sent(t)
	ended := context.WithoutCancel(ctx)
	consumer := client.Consumer("quakes", "processor")
	dlqProducer := client.Producer("quakes-dlq")

	for msg := range consumer.Messages(ctx) {
		if err := locate(msg.Value); err != nil {
			dlqProducer.Send(ctx, kafka.Message{
				Value: map[string]any{
					"original":  msg.Value,
					"error":     err.Error(),
					"timestamp": time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
				},
				Headers: map[string]string{
					"original-topic":     msg.Topic,
					"original-partition": strconv.Itoa(msg.Partition),
					"original-offset":    strconv.FormatInt(msg.Offset, 10),
				},
			})
		}
		msg.Commit(ended)
	}

	letters := contents(t, client, "quakes-dlq")
	require.Len(t, letters, 1)
	value := letters[0].Value.(map[string]any)
	require.Equal(t, "too small", value["error"])
	require.Equal(t, "1", value["original"].(map[string]any)["id"])
	require.IsType(t, time.Time{}, value["timestamp"])
	require.Equal(t, map[string]string{"original-topic": "quakes", "original-partition": "0", "original-offset": "1"},
		letters[0].Headers)
	require.EqualValues(t, 5, committedOf(t, client, "processor"))
}
