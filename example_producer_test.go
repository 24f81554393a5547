package kafka_test

import (
	"context"
	"fmt"

	kafka "github.com/dot-do/kafka-embedded"
)

// memory is a client whose records live as long as it does.
func memory(ctx context.Context, opts ...kafka.Option) *kafka.Client {
	client, err := kafka.NewClient(ctx, append([]kafka.Option{kafka.WithInMemory()}, opts...)...)
	if err != nil {
		panic(err)
	}
	return client
}

// printTopic prints what is in a topic.
func printTopic(ctx context.Context, client *kafka.Client, topic string) {
	consumer := client.Consumer(topic, "", kafka.WithUntilEnd())
	for msg := range consumer.Messages(ctx) {
		fmt.Println(msg.Offset, msg.Key, msg.Value, msg.Headers)
	}
	if err := consumer.Err(); err != nil {
		fmt.Println(err)
	}
}

// Quick start.
func Example() {
	ctx := context.Background()
	client, err := kafka.NewClient(ctx, kafka.WithInMemory()) // or WithDir("data")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// Produce
	err = client.Producer("orders").Send(ctx, kafka.Message{
		Value: map[string]any{"order_id": "123", "amount": 99.99},
	})
	if err != nil {
		fmt.Println(err)
	}

	// Consume
	consumer := client.Consumer("orders", "my-processor")
	for msg := range consumer.Messages(ctx) {
		fmt.Println("Received:", msg.Value)
		if err := msg.Commit(ctx); err != nil {
			fmt.Println(err)
		}
		break // a service would go on
	}
	// Output: Received: map[amount:99.99 order_id:123]
}

// Simple producer.
func ExampleProducer_Send() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	producer := client.Producer("orders")

	// Send a single message
	err := producer.Send(ctx, kafka.Message{
		Value: map[string]any{"order_id": "123", "amount": 99.99},
	})
	fmt.Println(err)

	// Send with a key for partitioning
	err = producer.Send(ctx, kafka.Message{
		Key:   "customer-456",
		Value: map[string]any{"order_id": "123", "amount": 99.99},
	})
	fmt.Println(err)

	// Send with headers
	err = producer.Send(ctx, kafka.Message{
		Key:     "customer-456",
		Value:   map[string]any{"order_id": "123"},
		Headers: map[string]string{"correlation-id": "abc-123"},
	})
	fmt.Println(err)

	printTopic(ctx, client, "orders")
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// 0  map[amount:99.99 order_id:123] map[]
	// 1 customer-456 map[amount:99.99 order_id:123] map[]
	// 2 customer-456 map[order_id:123] map[correlation-id:abc-123]
}

// To a partition of the caller's choice, and where the message went.
func ExampleProducer_SendTo() {
	ctx := context.Background()
	client := memory(ctx, kafka.WithDefaultPartitions(3))
	defer client.Close()
	metadata, err := client.Producer("orders").SendTo(ctx, 2, kafka.Message{Value: map[string]any{"order_id": "123"}})
	fmt.Println(metadata.Topic, metadata.Partition, metadata.Offset, metadata.Durability, err)
	// Output: orders 2 0 fsync <nil>
}

// Typed producer.
func ExampleNewTypedProducer() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	type Order struct {
		OrderID    string  `json:"order_id"`
		CustomerID string  `json:"customer_id"`
		Amount     float64 `json:"amount"`
	}
	producer := kafka.NewTypedProducer[Order](client, "orders")
	err := producer.Send(ctx, Order{OrderID: "123", CustomerID: "cust-456", Amount: 99.99})
	fmt.Println(err)
	err = producer.SendKey(ctx, "cust-456", Order{OrderID: "124", CustomerID: "cust-456", Amount: 49.99})
	fmt.Println(err)
	printTopic(ctx, client, "orders")
	// Output:
	// <nil>
	// <nil>
	// 0  map[amount:99.99 customer_id:cust-456 order_id:123] map[]
	// 1 cust-456 map[amount:49.99 customer_id:cust-456 order_id:124] map[]
}

// Batch producer.
func ExampleProducer_SendBatch() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	producer := client.Producer("orders")

	// Send a batch for high throughput
	err := producer.SendBatch(ctx, []kafka.Message{
		{Value: map[string]any{"order_id": "124", "amount": 49.99}},
		{Value: map[string]any{"order_id": "125", "amount": 149.99}},
		{Value: map[string]any{"order_id": "126", "amount": 29.99}},
	})
	fmt.Println(err)

	// With keys, and with where each message went
	metadata, err := producer.Produce(ctx,
		kafka.Message{Key: "cust-1", Value: map[string]any{"order_id": "124"}},
		kafka.Message{Key: "cust-2", Value: map[string]any{"order_id": "125"}},
	)
	fmt.Println(metadata[0].Offset, metadata[1].Offset, err)
	// Output:
	// <nil>
	// 3 4 <nil>
}

// Async producer, with promises.
func ExampleAsyncProducer_Send() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	producer := client.AsyncProducer("orders", kafka.WithLingerMs(5))

	// Returns a promise
	promise := producer.Send(ctx, kafka.Message{Value: map[string]any{"order_id": "123"}})
	promise.Then(func(metadata kafka.RecordMetadata, err error) {
		if err != nil {
			fmt.Println("Failed:", err)
			return
		}
		fmt.Println("Sent to partition", metadata.Partition)
	})
	if err := producer.Flush(ctx); err != nil {
		fmt.Println(err)
	}

	// Or await
	metadata, err := producer.Send(ctx, kafka.Message{Value: map[string]any{"order_id": "124"}}).Wait(ctx)
	fmt.Println(metadata.Offset, err)
	// Output:
	// Sent to partition 0
	// 1 <nil>
}

// Async producer, with delivery reports.
func ExampleAsyncProducer_Reports() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	producer := client.AsyncProducer("orders")

	// Non-blocking sends
	producer.Send(ctx, kafka.Message{Value: map[string]any{"order_id": "123"}})
	producer.Send(ctx, kafka.Message{Value: make(chan int)})
	if err := producer.Close(); err != nil {
		fmt.Println(err)
	}

	// Check delivery reports: those that are left after Close, or, in another goroutine, as they come
	for report := range producer.Reports() {
		if report.Err != nil {
			fmt.Println("Failed to deliver:", kafka.IsRetriable(report.Err))
		} else {
			fmt.Println("Delivered to partition", report.Partition, "offset", report.Offset, report.Message.Value)
		}
	}
	// Unordered output:
	// Delivered to partition 0 offset 0 map[order_id:123]
	// Failed to deliver: false
}

// Idempotent sends: a program that feeds from an ordered source finds out where it was.
func ExampleWithIdempotence() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	source := []kafka.Message{{Value: "a"}, {Value: "b"}, {Value: "c"}, {Value: "d"}}

	producer := client.Producer("lines", kafka.WithIdempotence("importer"))
	if err := producer.SendFrom(ctx, 0, 0, source[:2]); err != nil {
		fmt.Println(err)
	}

	// The program starts again, and does not know whether it had sent the first two.
	producer = client.Producer("lines", kafka.WithIdempotence("importer"))
	progress, err := producer.Progress(ctx)
	fmt.Println(progress, err)
	fmt.Println(producer.SendFrom(ctx, 0, 1, source[1:]))
	printTopic(ctx, client, "lines")
	// Output:
	// map[0:2] <nil>
	// <nil>
	// 0  a map[]
	// 1  b map[]
	// 2  c map[]
	// 3  d map[]
}
