package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/kafkatest"
	"github.com/dot-do/kafka-embedded/mock"
)

// Order is the value in the README's snippets.
type Order struct {
	OrderID string  `json:"order_id"`
	Amount  float64 `json:"amount"`
}

// The functions below hold the README's snippets, so that they are compiled; TestReadmeSnippets compares.

func readmeQuickStart(ctx context.Context) error {
	client, err := kafka.NewClient(ctx, kafka.WithDir("kafka-data"))
	if err != nil {
		return err
	}
	defer client.Close()

	producer := client.Producer("orders")
	err = producer.Send(ctx, kafka.Message{
		Key:   "customer-456",
		Value: map[string]any{"order_id": "123", "amount": 99.99},
	})

	consumer := client.Consumer("orders", "billing")
	for msg := range consumer.Messages(ctx) {
		fmt.Println(msg.Value)
		if err := msg.Commit(ctx); err != nil {
			return err
		}
	}
	return consumer.Err()
}

func readmeProducing(ctx context.Context, client *kafka.Client) (kafka.RecordMetadata, error) {
	producer := client.Producer("orders",
		kafka.WithAcks(kafka.AcksAll),
		kafka.WithCompression(kafka.CompressionZstd),
	)
	err := producer.Send(ctx, kafka.Message{
		Key:     "customer-456",
		Value:   Order{OrderID: "123", Amount: 99.99},
		Headers: map[string]string{"correlation-id": "abc-123"},
	})
	err = producer.SendBatch(ctx, []kafka.Message{
		{Key: "c-1", Value: Order{OrderID: "124"}},
		{Key: "c-2", Value: Order{OrderID: "125"}},
	})
	where, err := producer.SendTo(ctx, 0, kafka.Message{Value: Order{OrderID: "126"}})
	return where, err
}

func readmeAsync(ctx context.Context, client *kafka.Client) error {
	async := client.AsyncProducer("orders", kafka.WithLingerMs(5), kafka.WithBatchSize(64<<10))
	defer async.Close()
	promise := async.Send(ctx, kafka.Message{Value: Order{OrderID: "127"}}) // returns at once
	if _, err := promise.Wait(ctx); err != nil {
		return err
	}

	typed := kafka.NewTypedProducer[Order](client, "orders")
	err := typed.SendKey(ctx, "customer-456", Order{OrderID: "128", Amount: 49.99})

	importer := client.Producer("orders", kafka.WithIdempotence("importer")) // a retry writes nothing twice
	written, err := importer.Progress(ctx)                                   // by partition, also after a restart
	_ = written
	return err
}

func readmeConsuming(ctx context.Context, client *kafka.Client, yesterday time.Time) error {
	var total float64
	consumer := client.Consumer("orders", "billing",
		kafka.WithOffset(kafka.OffsetEarliest),
		kafka.WithAutoCommit(true),
		kafka.WithMaxPollRecords(100),
	)
	for msg := range consumer.Messages(ctx) {
		fmt.Println(msg.Topic, msg.Partition, msg.Offset, msg.Key, msg.Value)
	}

	typed := kafka.NewTypedConsumer[Order](client, "orders", "invoices", kafka.WithUntilEnd())
	for msg := range typed.Messages(ctx) {
		total += msg.Value.Amount
	}

	replay := client.Consumer("orders", "", kafka.WithOffsetTime(yesterday), kafka.WithUntilEnd())
	for msg, err := range replay.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(msg.Value)
	}
	return nil
}

// What the snippets below call.
var (
	load    = func([]*kafka.Message) error { return nil }
	mail    = func(context.Context, *kafka.Message) error { return nil }
	charge  = func(Order) error { return nil }
	isLarge = func(msg *kafka.Message) bool { return msg.Value.(map[string]any)["amount"].(float64) > 100 }
	idOf    = func(msg *kafka.Message) string { return msg.Value.(map[string]any)["order_id"].(string) }

	invoiceOf = func(msg *kafka.Message) any { return msg.Value }
	copyLarge = func(ctx context.Context, client *kafka.Client) {
		consumer := client.Consumer("orders", "copier", kafka.WithUntilEnd())
		for msg := range consumer.Filter(isLarge).Messages(ctx) {
			_ = client.Producer("large-orders").Send(ctx, msg.Forward())
		}
	}
)

func readmeLoops(ctx context.Context, client *kafka.Client) error {
	batches := client.Consumer("orders", "loader", kafka.WithBatchSize(100), kafka.WithBatchTimeout(5*time.Second))
	for batch := range batches.Batches(ctx) {
		if err := load(batch.Messages); err != nil {
			return err
		}
		if err := batch.Commit(ctx); err != nil {
			return err
		}
	}

	// 16 at a time, in order for each key; what is committed leaves no gap.
	err := client.Consumer("orders", "mailer").Parallel(ctx, 16, mail)

	// In the background.
	subscription := client.Consumer("orders", "audit", kafka.WithAutoCommit(true)).
		Filter(isLarge).
		Subscribe(ctx, kafka.Handler{OnNext: mail, OnError: func(err error) { fmt.Println(err) }})
	defer subscription.Stop()

	// Iterators compose.
	large := kafka.Filter(client.Consumer("orders", "").Messages(ctx), isLarge)
	for id := range kafka.Take(kafka.Map(large, idOf), 10) {
		fmt.Println(id)
	}
	return err
}

func readmeTransaction(ctx context.Context, client *kafka.Client, msg *kafka.Message) error {
	err := client.Transaction(ctx, "invoices", func(tx *kafka.Tx) error {
		if err := tx.Send(kafka.Message{Value: invoiceOf(msg)}); err != nil {
			return err
		}
		return tx.CommitOffsets(msg) // the progress, with the result: exactly once
	})
	return err
}

func readmeAdmin(ctx context.Context, client *kafka.Client, yesterday time.Time) error {
	admin := client.Admin()
	err := admin.CreateTopic(ctx, "orders", kafka.TopicConfig{
		Partitions:  3,
		RetentionMs: 7 * 24 * 60 * 60 * 1000, // 7 days; the default is for ever
	})
	topics, err := admin.ListTopics(ctx)
	for _, topic := range topics {
		fmt.Println(topic.Name, topic.Partitions)
	}
	group, err := admin.DescribeGroup(ctx, "billing")
	fmt.Println(group.State, len(group.Members), group.TotalLag)
	err = admin.ResetOffsets(ctx, "billing", "orders", kafka.OffsetEarliest)
	err = admin.ResetOffsetsToTime(ctx, "billing", "orders", yesterday)
	return err
}

func readmeErrors(ctx context.Context, producer *kafka.Producer, order Order) {
	err := producer.Send(ctx, kafka.Message{Value: order})
	var kafkaErr *kafka.Error
	if errors.As(err, &kafkaErr) {
		switch kafkaErr.Code {
		case kafka.ErrTopicNotFound:
			fmt.Println("no such topic")
		case kafka.ErrMessageTooLarge:
			fmt.Println("too large")
		default:
			fmt.Println(kafkaErr.Code, kafkaErr.Message, kafkaErr.Retriable)
		}
	}
}

func readmeRetry(ctx context.Context, order Order) error {
	err := kafka.Retry(ctx, func() error { return charge(order) },
		kafka.WithAttempts(5), kafka.WithBackoff(100*time.Millisecond, 10*time.Second))
	return err
}

func readmeDeadLetters(ctx context.Context, client *kafka.Client) error {
	err := client.Consumer("orders", "mailer", kafka.WithDeadLetter("orders-dlq", 3)).Parallel(ctx, 16, mail)
	return err
}

// OrderPlaced is the event in the README.
type OrderPlaced struct {
	OrderID string `json:"order_id"`
}

// Topic implements [kafka.Event].
func (OrderPlaced) Topic() string { return "orders" }

func readmeWorker(ctx context.Context, client *kafka.Client) error {
	kafka.SetDefault(client) // otherwise the first use opens what KAFKA_DO_URL says
	err := kafka.Publish(ctx, OrderPlaced{OrderID: "123"})

	worker := kafka.NewWorker(client, "orders", "mailer", mail,
		kafka.WithWorkers(4), kafka.WithDeadLetter("orders-dlq", 3))
	err = worker.Run(ctx) // until ctx ends; then it drains, commits and leaves
	return err
}

func TestLargeOrders(t *testing.T) {
	client := mock.NewClient() // in memory, on a clock that the test moves
	client.Seed("orders", []kafka.Message{{Value: Order{OrderID: "123", Amount: 99.99}}})
	client.FailNext(mock.Produce, kafka.ErrDiskFull)
	copyLarge(t.Context(), client.Client)
	require.Empty(t, client.GetMessages("large-orders"))

	onDisk := kafkatest.New(t) // in t.TempDir(); fails the test when something is left open
	copyLarge(t.Context(), onDisk)
}

// TestReadmeSnippets checks that every Go snippet of the README stands above, and so compiles.
func TestReadmeSnippets(t *testing.T) {
	_ = []any{readmeQuickStart, readmeConsuming} // go on for ever, and the like
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	compiled := unindented(string(source))
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, snippets)
	for _, s := range snippets {
		require.Contains(t, compiled, unindented(s[1]))
	}
}

func unindented(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
