package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
)

// orders is a client whose topic "orders" has four of them.
func orders(ctx context.Context) *kafka.Client {
	client, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		panic(err)
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for i, amount := range []float64{99.99, 149.99, 29.99, 249.99} {
		if err := client.Producer("orders").Send(ctx, kafka.Message{
			Key:       fmt.Sprint("customer-", i%2),
			Value:     map[string]any{"order_id": strconv.Itoa(123 + i), "amount": amount},
			Headers:   map[string]string{"correlation-id": "abc-123"},
			Timestamp: noon.Add(time.Duration(i) * time.Hour),
		}); err != nil {
			panic(err)
		}
	}
	return client
}

func amount(m *kafka.Message) float64 { return m.Value.(map[string]any)["amount"].(float64) }

var errDeclined = errors.New("declined")

// processOrder declines the small ones.
func processOrder(m *kafka.Message) error {
	if amount(m) < 50 {
		return errDeclined
	}
	return nil
}

// Basic consumer.
func ExampleConsumer_Messages() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "order-processor")
	for msg := range consumer.Messages(ctx) {
		fmt.Println("Topic:", msg.Topic)
		fmt.Println("Partition:", msg.Partition)
		fmt.Println("Offset:", msg.Offset)
		fmt.Println("Key:", msg.Key)
		fmt.Println("Value:", msg.Value)
		fmt.Println("Timestamp:", msg.Timestamp.UTC().Format(time.RFC3339))
		fmt.Println("Headers:", msg.Headers)
		if err := msg.Commit(ctx); err != nil {
			fmt.Println(err)
		}
		break
	}
	if err := consumer.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Topic: orders
	// Partition: 0
	// Offset: 0
	// Key: customer-0
	// Value: map[amount:99.99 order_id:123]
	// Timestamp: 2026-01-02T12:00:00Z
	// Headers: map[correlation-id:abc-123]
}

// Functional processing.
func ExampleFilter() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "processor")
	highValue := kafka.Filter(consumer.Messages(ctx), func(m *kafka.Message) bool { return amount(m) > 100 })
	for msg := range kafka.Take(highValue, 2) {
		fmt.Println(amount(msg))
		if err := msg.Commit(ctx); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// 149.99
	// 249.99
}

func ExampleMap() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "", kafka.WithUntilEnd())
	total := 0.0
	for a := range kafka.Map(consumer.Messages(ctx), amount) {
		total += a
	}
	fmt.Printf("%.2f\n", total)
	// Output: 529.96
}

func ExampleChunk() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "", kafka.WithUntilEnd())
	for chunk := range kafka.Chunk(kafka.Map(consumer.Messages(ctx), amount), 3) {
		fmt.Println(chunk)
	}
	// Output:
	// [99.99 149.99 29.99]
	// [249.99]
}

// Consumer with options.
func ExampleWithAutoCommit() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "processor",
		kafka.WithOffset(kafka.OffsetEarliest),
		kafka.WithAutoCommit(true),
		kafka.WithMaxPollRecords(100),
		kafka.WithSessionTimeout(30*time.Second),
		kafka.WithUntilEnd(),
	)
	for msg := range consumer.Messages(ctx) {
		_ = processOrder(msg) // committed when the loop asks for the next one
	}
	group, err := client.Admin().DescribeGroup(ctx, "processor")
	fmt.Println(group.Offsets[0].Committed, group.TotalLag, err)
	// Output: 4 0 <nil>
}

// Consumer from a timestamp.
func ExampleWithOffsetTime() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	since := time.Date(2026, 1, 2, 13, 30, 0, 0, time.UTC)
	consumer := client.Consumer("orders", "replay", kafka.WithOffsetTime(since), kafka.WithUntilEnd())
	for msg := range consumer.Messages(ctx) {
		fmt.Println("Replaying:", msg.Value)
	}
	// Output:
	// Replaying: map[amount:29.99 order_id:125]
	// Replaying: map[amount:249.99 order_id:126]
}

// Batch consumer.
func ExampleConsumer_Batches() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "batch-processor",
		kafka.WithBatchSize(3),
		kafka.WithBatchTimeout(5*time.Second),
		kafka.WithUntilEnd(),
	)
	for batch := range consumer.Batches(ctx) {
		for _, msg := range batch.Messages {
			fmt.Print(msg.Offset, " ")
		}
		fmt.Println(batch.Commit(ctx))
	}
	// Output:
	// 0 1 2 <nil>
	// 3 <nil>
}

// Parallel consumer: order per key is kept, and only what leaves no gap is committed.
func ExampleConsumer_Parallel() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "parallel-processor", kafka.WithUntilEnd(), kafka.WithDeadLetter("orders-dlq", 1))
	err := consumer.Parallel(ctx, 10, func(ctx context.Context, msg *kafka.Message) error {
		return processOrder(msg)
	})
	fmt.Println(err)
	for msg := range client.Consumer("orders-dlq", "", kafka.WithUntilEnd()).Messages(ctx) {
		fmt.Println(msg.Value, msg.Headers["original-offset"], msg.Headers["error"])
	}
	// Output:
	// <nil>
	// map[amount:29.99 order_id:125] 2 declined
}

// A channel, for select.
func ExampleConsumer_Chan() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := orders(ctx)
	defer client.Close()
	messages := client.Consumer("orders", "channel").Chan(ctx)
	select {
	case msg := <-messages:
		fmt.Println(msg.Offset, msg.Commit(ctx))
	case <-ctx.Done():
	}
	// Output: 0 <nil>
}

// Reactive consumer.
func ExampleConsumer_Subscribe() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	subscription := client.Consumer("orders", "reactive-processor", kafka.WithUntilEnd()).
		Filter(func(m *kafka.Message) bool { return amount(m) > 100 }).
		Subscribe(ctx, kafka.Handler{
			OnNext: func(ctx context.Context, msg *kafka.Message) error {
				fmt.Println(amount(msg))
				return msg.Commit(ctx)
			},
			OnError: func(err error) { fmt.Println("Error:", err) },
		})
	if err := subscription.Wait(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 149.99
	// 249.99
}

// Typed consumer.
func ExampleNewTypedConsumer() {
	type Order struct {
		OrderID string  `json:"order_id"`
		Amount  float64 `json:"amount"`
	}
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := kafka.NewTypedConsumer[Order](client, "orders", "typed", kafka.WithUntilEnd())
	for msg := range consumer.Messages(ctx) {
		order := msg.Value
		fmt.Printf("Order %s: $%.2f\n", order.OrderID, order.Amount)
		if err := msg.Commit(ctx); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// Order 123: $99.99
	// Order 124: $149.99
	// Order 125: $29.99
	// Order 126: $249.99
}

// Dead letter queue, by hand.
func ExampleMessage_Commit() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	dlq := client.Producer("orders-dlq")
	for msg := range client.Consumer("orders", "processor", kafka.WithUntilEnd()).Messages(ctx) {
		if err := processOrder(msg); err != nil {
			err = dlq.Send(ctx, kafka.Message{
				Value: map[string]any{"original": msg.Value, "error": err.Error()},
				Headers: map[string]string{
					"original-topic":     msg.Topic,
					"original-partition": strconv.Itoa(msg.Partition),
					"original-offset":    strconv.FormatInt(msg.Offset, 10),
				},
			})
			if err != nil {
				fmt.Println(err)
				break
			}
		}
		if err := msg.Commit(ctx); err != nil {
			fmt.Println(err)
		}
	}
	for msg := range client.Consumer("orders-dlq", "", kafka.WithUntilEnd()).Messages(ctx) {
		fmt.Println(msg.Value)
		fmt.Println(msg.Headers)
	}
	// Output:
	// map[error:declined original:map[amount:29.99 order_id:125]]
	// map[original-offset:2 original-partition:0 original-topic:orders]
}

// Retry with exponential backoff: of what can go away by itself only.
func ExampleRetry() {
	ctx := context.Background()
	attempts := 0
	err := kafka.Retry(ctx, func() error {
		if attempts++; attempts < 3 {
			return kafka.ErrTimeout
		}
		return nil
	}, kafka.WithAttempts(5), kafka.WithBackoff(time.Millisecond, time.Second))
	fmt.Println(attempts, err)

	err = kafka.Retry(ctx, func() error { return kafka.ErrMessageTooLarge })
	fmt.Println(err, kafka.IsRetriable(err))
	// Output:
	// 3 <nil>
	// kafka: message too large false
}

// Consumer configuration.
func ExampleClient_Consumer() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "processor",
		kafka.WithOffset(kafka.OffsetLatest),
		kafka.WithAutoCommit(false),
		kafka.WithFetchMinBytes(1),
		kafka.WithFetchMaxWaitMs(500),
		kafka.WithMaxPollRecords(500),
		kafka.WithSessionTimeout(30*time.Second),
		kafka.WithHeartbeatInterval(3*time.Second),
		kafka.WithUntilEnd(),
	)
	n := 0
	for range consumer.Messages(ctx) {
		n++
	}
	fmt.Println(n, consumer.Err())
	// Output: 0 <nil>
}

// Queue worker: it drains and returns when ctx ends.
func ExampleWorker() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	worker := kafka.NewWorker(client, "orders", "workers", func(ctx context.Context, msg *kafka.Message) error {
		fmt.Println(msg.Value)
		return processOrder(msg)
	}, kafka.WithDeadLetter("orders-dlq", 1), kafka.WithUntilEnd())
	fmt.Println(worker.Run(ctx))
	// Output:
	// map[amount:99.99 order_id:123]
	// map[amount:149.99 order_id:124]
	// map[amount:29.99 order_id:125]
	// map[amount:249.99 order_id:126]
	// <nil>
}

// Positions: where the next loop, or the one that runs, goes on.
func ExampleConsumer_Seek() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	consumer := client.Consumer("orders", "again", kafka.WithUntilEnd())
	if err := consumer.Seek(ctx, "orders", 0, 2); err != nil {
		fmt.Println(err)
	}
	lag, err := consumer.Lag(ctx)
	fmt.Println("lag", lag, err)
	for msg := range consumer.Messages(ctx) {
		fmt.Println(msg.Offset)
	}
	// Output:
	// lag 2 <nil>
	// 2
	// 3
}
