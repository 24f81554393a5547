package kafka_test

import (
	"context"
	"fmt"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Aggregations: a running total for each customer. Reduce is a function of package stream, since its result has a type
// of its own.
func ExampleClient_Stream() {
	ctx := context.Background()
	client := shop(ctx)
	defer client.Close()
	byCustomer := client.Stream("orders", kafka.WithUntilEnd()).GroupBy(func(msg *kafka.Message) string {
		return msg.Value.(map[string]any)["customer_id"].(string)
	})
	totals := stream.Reduce(byCustomer, 0.0, func(total float64, msg *kafka.Message) float64 {
		return total + msg.Value.(map[string]any)["amount"].(float64)
	})
	err := totals.Each(ctx, func(r stream.Result[string, float64]) error {
		_, err := fmt.Printf("Customer %s total: $%v\n", r.Key, r.Value)
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(totals.Get("ada"))
	// Output:
	// Customer ada total: $250
	// Customer bob total: $99.5
	// Customer ada total: $370
	// Customer bob total: $169.5
	// Customer ada total: $380
	// 380 true
}

// Joins.
func ExampleJoinOn() {
	ctx := context.Background()
	client := shop(ctx)
	defer client.Close()
	for id, name := range map[string]string{"ada": "Ada Lovelace", "bob": "Bob Kahn"} {
		if err := client.Producer("customers").Send(ctx, kafka.Message{
			Value: map[string]any{"id": id, "name": name}, Timestamp: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC),
		}); err != nil {
			fmt.Println(err)
		}
	}
	orders := kafka.NewStream(client, "orders", kafka.WithUntilEnd())
	customers := kafka.NewStream(client, "customers")

	// Join orders with customers
	joined := orders.Join(customers,
		kafka.JoinOn(func(order, customer any) bool {
			o := order.(map[string]any)
			c := customer.(map[string]any)
			return o["customer_id"] == c["id"]
		}),
		kafka.JoinWindow(time.Hour),
	)

	for result := range joined.Results(ctx) {
		order, customer := result.Left, result.Right
		fmt.Printf("Order %s by %s\n", order.(map[string]any)["order_id"], customer.(map[string]any)["name"])
	}
	// Output:
	// Order 123 by Ada Lovelace
	// Order 124 by Bob Kahn
	// Order 125 by Ada Lovelace
	// Order 126 by Bob Kahn
	// Order 127 by Ada Lovelace
}
