package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
)

// Environment variables: KAFKA_DO_URL and KAFKA_DO_API_KEY.
func ExampleConfigFromEnv() {
	before, was := os.LookupEnv("KAFKA_DO_URL")
	if was {
		defer os.Setenv("KAFKA_DO_URL", before)
	} else {
		defer os.Unsetenv("KAFKA_DO_URL")
	}
	os.Setenv("KAFKA_DO_URL", "mem:")

	fmt.Println(kafka.ConfigFromEnv().URL)
	client, err := kafka.NewClient(context.Background())
	fmt.Println(err, client.Close())
	// Output:
	// mem:
	// <nil> <nil>
}

// Client options.
func ExampleNewClient() {
	client, err := kafka.NewClient(context.Background(),
		kafka.WithURL("mem:"), // or file:///var/lib/orders
		kafka.WithTimeout(30*time.Second),
		kafka.WithRetries(3),
		kafka.WithLogger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(client.Health().OK)

	// A service is what this module is not.
	_, err = kafka.NewClient(context.Background(), kafka.WithURL("https://kafka.do"))
	fmt.Println(err != nil)
	// Output:
	// true
	// true
}

// The same as a struct, which may come out of a program's own configuration file.
func ExampleWithConfig() {
	ctx := context.Background()
	client, err := kafka.NewClient(ctx, kafka.WithConfig(kafka.Config{URL: "mem:", Retries: 3, DefaultPartitions: 3}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(client.Producer("orders").Send(ctx, kafka.Message{Key: "customer-456", Value: "order"}))
	info, err := client.Admin().DescribeTopic(ctx, "orders")
	fmt.Println(info.Partitions, err)
	// Output:
	// <nil>
	// 3 <nil>
}

// Producer options.
func ExampleClient_Producer() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	producer := client.Producer("orders",
		kafka.WithBatchSize(16384),
		kafka.WithLingerMs(5), // for asynchronous sends
		kafka.WithCompression(kafka.CompressionGzip),
		kafka.WithAcks(kafka.AcksAll),
		kafka.WithProducerRetries(3),
		kafka.WithRetryBackoff(100*time.Millisecond),
	)
	fmt.Println(producer.Send(ctx, kafka.Message{Value: map[string]any{"order_id": "123"}}))
	// Output: <nil>
}

// Facade: the default client.
func ExampleSetDefault() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	defer kafka.SetDefault(kafka.SetDefault(client)) // without it the first use opens one from the environment

	// Produce
	fmt.Println(kafka.NewProducer("orders").Send(ctx, kafka.Message{Value: map[string]any{"order_id": "123"}}))

	// Consume
	for msg := range kafka.NewConsumer("orders", "processor").Messages(ctx) {
		fmt.Println(msg.Value, msg.Commit(ctx))
		break
	}
	// Output:
	// <nil>
	// map[order_id:123] <nil>
}

// OrderCreated is an event of a program's domain.
type OrderCreated struct {
	OrderID  string `json:"order_id"`
	Customer string `json:"customer"`
}

// Topic says where the event belongs.
func (OrderCreated) Topic() string { return "orders" }

// Key keeps the events of a customer in order.
func (e OrderCreated) Key() string { return e.Customer }

// Event publishing.
func ExamplePublish() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	defer kafka.SetDefault(kafka.SetDefault(client))

	fmt.Println(kafka.Publish(ctx, OrderCreated{OrderID: "123", Customer: "cust-456"}))
	printTopic(ctx, client, "orders")
	// Output:
	// <nil>
	// 0 cust-456 map[customer:cust-456 order_id:123] map[]
}
