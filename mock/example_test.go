package mock_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/mock"
)

// Testing: seed a topic, run the code under test, look at what it sent.
func Example() {
	ctx := context.Background()
	client := mock.NewClient()
	client.Seed("orders", []kafka.Message{
		{Value: map[string]any{"order_id": "123", "amount": 99.99}},
		{Value: map[string]any{"order_id": "124", "amount": 149.99}},
	})

	// The code under test.
	large := client.Producer("large-orders")
	for msg := range kafka.Take(client.Consumer("orders", "test").Messages(ctx), 2) {
		if order := msg.Value.(map[string]any); order["amount"].(float64) > 100 {
			if err := large.Send(ctx, kafka.Message{Value: order}); err != nil {
				fmt.Println(err)
			}
		}
	}

	for _, msg := range client.GetMessages("large-orders") {
		fmt.Println(msg.Offset, msg.Value)
	}
	// Output: 0 map[amount:149.99 order_id:124]
}

// A fault on demand: the code under test must live with it.
func ExampleClient_FailNext() {
	client := mock.NewClient()
	producer := client.Producer("orders")
	client.FailNext(mock.Produce, kafka.ErrDiskFull)

	err := producer.Send(context.Background(), kafka.Message{Value: "a"})
	fmt.Println(errors.Is(err, kafka.ErrDiskFull), kafka.IsRetriable(err))
	err = producer.Send(context.Background(), kafka.Message{Value: "a"})
	fmt.Println(err, len(client.GetMessages("orders")))
	// Output:
	// true true
	// <nil> 1
}

// A week passes at once, and retention with it.
func ExampleClient_Clock() {
	client := mock.NewClient()
	err := client.Admin().CreateTopic(context.Background(), "events", kafka.TopicConfig{
		RetentionMs: 24 * 60 * 60 * 1000, SegmentMs: 60 * 60 * 1000,
	})
	if err != nil {
		fmt.Println(err)
	}
	client.Seed("events", []kafka.Message{{Value: "old"}})
	fmt.Println(len(client.GetMessages("events")))
	client.Clock().Advance(7 * 24 * time.Hour)
	fmt.Println(len(client.GetMessages("events")))
	// Output:
	// 1
	// 0
}
