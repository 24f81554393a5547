package kafka_test

import (
	"context"
	"fmt"

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
