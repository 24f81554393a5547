package kafka_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
)

// The kafkado_*_test.go files use the client in every shape in which the kafka.do Go client is used: one test for each
// section of its document, streams and transactions aside, the results checked. What does not compile any more here breaks
// programs written for kafka.do. mock/document_test.go and integration_test.go have its sections on testing.

// inMemory is a client, and a context that ends the loops of a test when it hangs.
func inMemory(t *testing.T, opts ...kafka.Option) (context.Context, *kafka.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	client, err := kafka.NewClient(ctx, append([]kafka.Option{kafka.WithInMemory()}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return ctx, client
}

// contents are the messages of a topic now.
func contents(t *testing.T, client *kafka.Client, topic string) (all []*kafka.Message) {
	t.Helper()
	reader := client.Consumer(topic, "", kafka.WithUntilEnd())
	for msg := range reader.Messages(context.Background()) {
		all = append(all, msg)
	}
	require.NoError(t, reader.Err())
	return all
}

// The client comes from the environment, and a loop goes on until its context ends.
func TestKafkaDoQuickStart(t *testing.T) {
	t.Setenv("KAFKA_DO_URL", "mem:")
	t.Setenv("KAFKA_DO_API_KEY", "unused")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	client, err := kafka.NewClient(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	producer := client.Producer("quakes")
	err = producer.Send(ctx, kafka.Message{
		Value: map[string]any{"id": "ci1", "magnitude": 4.5},
	})
	if err != nil {
		t.Fatal(err)
	}

	consumer := client.Consumer("quakes", "quick")
	n := 0
	for msg := range consumer.Messages(ctx) {
		n++
		require.Equal(t, map[string]any{"id": "ci1", "magnitude": 4.5}, msg.Value)
		if err := msg.Commit(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
	require.Equal(t, 1, n)
	require.NoError(t, consumer.Err(), "an ended context is a normal end")
}

// The document opens with a producer that needs no client.
func TestKafkaDoDefaultClient(t *testing.T) {
	ctx, client := inMemory(t)
	defer kafka.SetDefault(kafka.SetDefault(client))

	producer := kafka.NewProducer("quakes")
	err := producer.Send(ctx, kafka.Message{Value: quake{ID: "ci1"}})
	require.NoError(t, err)
	require.Len(t, contents(t, client, "quakes"), 1)
}

func TestKafkaDoSimpleProducer(t *testing.T) {
	ctx, client := inMemory(t)
	producer := client.Producer("quakes")

	err := producer.Send(ctx, kafka.Message{
		Value: map[string]any{"id": "ci1", "magnitude": 4.5},
	})
	require.NoError(t, err)
	err = producer.Send(ctx, kafka.Message{
		Key:   "California",
		Value: map[string]any{"id": "ci2", "magnitude": 1.5},
	})
	require.NoError(t, err)
	err = producer.Send(ctx, kafka.Message{
		Value: map[string]any{"id": "ci3"},
		Headers: map[string]string{
			"network": "ci",
		},
	})
	require.NoError(t, err)

	got := contents(t, client, "quakes")
	require.Len(t, got, 3)
	require.Equal(t, "California", got[1].Key)
	require.Equal(t, map[string]string{"network": "ci"}, got[2].Headers)
}

type quake struct {
	ID        string  `json:"id"`
	Region    string  `json:"region"`
	Magnitude float64 `json:"magnitude"`
}

func TestKafkaDoTypedProducer(t *testing.T) {
	ctx, client := inMemory(t)
	producer := kafka.NewTypedProducer[quake](client, "quakes")

	err := producer.Send(ctx, quake{
		ID:        "ci1",
		Region:    "California",
		Magnitude: 4.5,
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"id": "ci1", "region": "California", "magnitude": 4.5},
		contents(t, client, "quakes")[0].Value)
}

func TestKafkaDoBatchProducer(t *testing.T) {
	ctx, client := inMemory(t)
	producer := client.Producer("quakes")

	err := producer.SendBatch(ctx, []kafka.Message{
		{Value: map[string]any{"id": "ci1", "magnitude": 4.5}},
		{Value: map[string]any{"id": "ci2", "magnitude": 1.5}},
		{Value: map[string]any{"id": "ci3", "magnitude": 2.5}},
	})
	require.NoError(t, err)
	require.Len(t, contents(t, client, "quakes"), 3)
}

// Sending is a statement; whoever wants the promise may take it.
func TestKafkaDoAsyncProducer(t *testing.T) {
	ctx, client := inMemory(t)
	producer := client.AsyncProducer("quakes")

	producer.Send(ctx, kafka.Message{
		Value: map[string]any{"id": "ci1"},
	})
	producer.Send(ctx, kafka.Message{Value: func() {}})
	go producer.Close()

	var delivered, failed int
	for report := range producer.Reports() {
		if report.Err != nil {
			failed++
			require.ErrorIs(t, report.Err, kafka.ErrSerialization)
		} else {
			delivered++
			require.Equal(t, [2]int64{0, 0}, [2]int64{int64(report.Partition), report.Offset})
		}
	}
	require.Equal(t, [2]int{1, 1}, [2]int{delivered, failed})
}

// Of the client's options the URL alone differs: what is a cluster's there is a clear error here.
func TestKafkaDoClientOptions(t *testing.T) {
	ctx := context.Background()
	open := func(url string) (*kafka.Client, error) {
		return kafka.NewClient(ctx,
			kafka.WithURL(url),
			kafka.WithAPIKey("your-api-key"),
			kafka.WithTimeout(30*time.Second),
			kafka.WithRetries(3),
			kafka.WithLogger(slog.Default()),
		)
	}
	_, err := open("https://kafka.do")
	require.ErrorIs(t, err, kafka.ErrInvalidArgument)
	for _, scheme := range []string{"file:", "mem:"} {
		require.ErrorContains(t, err, scheme)
	}
	client, err := open("mem:")
	require.NoError(t, err)
	require.NoError(t, client.Close())
}

func TestKafkaDoProducerOptions(t *testing.T) {
	ctx, client := inMemory(t)
	producer := client.Producer("quakes",
		kafka.WithBatchSize(16384),
		kafka.WithLingerMs(5),
		kafka.WithCompression(kafka.CompressionGzip),
		kafka.WithAcks(kafka.AcksAll),
		kafka.WithProducerRetries(3),
	)
	require.NoError(t, producer.Send(ctx, kafka.Message{Value: quake{ID: "ci1"}}))
	require.Len(t, contents(t, client, "quakes"), 1)
}
