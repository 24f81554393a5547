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

// TestReadmeSnippets checks that every Go snippet of the README stands above, and so compiles.
func TestReadmeSnippets(t *testing.T) {
	_ = []any{readmeQuickStart, readmeProducing, readmeConsuming, readmeAdmin, readmeErrors}
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
