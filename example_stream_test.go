package kafka_test

import (
	"context"
	"fmt"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
)

// shop is a client whose topic "orders" has orders of two customers in two regions, some minutes apart.
func shop(ctx context.Context) *kafka.Client {
	client, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		panic(err)
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for i, o := range []struct {
		customer, region string
		amount           float64
		minute           int
	}{{"ada", "us", 250, 0}, {"bob", "eu", 99.5, 1}, {"ada", "us", 120, 4}, {"bob", "asia", 70, 6}, {"ada", "us", 10, 7}} {
		if err := client.Producer("orders").Send(ctx, kafka.Message{
			Value: map[string]any{
				"order_id": fmt.Sprint(123 + i), "customer_id": o.customer, "region": o.region, "amount": o.amount,
			},
			Timestamp: noon.Add(time.Duration(o.minute) * time.Minute),
		}); err != nil {
			panic(err)
		}
	}
	return client
}

// show prints what is in a topic.
func show(ctx context.Context, client *kafka.Client, topic string) {
	for m := range client.Consumer(topic, "", kafka.WithUntilEnd()).Messages(ctx) {
		fmt.Println(m.Topic, m.Value)
	}
}

// Filter and transform.
func ExampleNewStream() {
	ctx := context.Background()
	client := shop(ctx)
	defer client.Close()
	stream := kafka.NewStream(client, "orders", kafka.WithUntilEnd())

	// Build pipeline
	filtered := stream.
		Filter(func(msg *kafka.Message) bool {
			order := msg.Value.(map[string]any)
			return order["amount"].(float64) > 100
		}).
		Map(func(msg *kafka.Message) any {
			order := msg.Value.(map[string]any)
			order["tier"] = "premium"
			return order
		})

	// Materialize to topic
	if err := filtered.To(ctx, "high-value-orders"); err != nil {
		fmt.Println(err)
	}
	show(ctx, client, "high-value-orders")
	// Output:
	// high-value-orders map[amount:250 customer_id:ada order_id:123 region:us tier:premium]
	// high-value-orders map[amount:120 customer_id:ada order_id:125 region:us tier:premium]
}

// Typed stream processing. On Go 1.27 and later, Map is a method that keeps the type, too.
func ExampleNewTypedStream() {
	type Order struct {
		OrderID string  `json:"order_id"`
		Amount  float64 `json:"amount"`
	}
	type PremiumOrder struct {
		Order
		Tier string `json:"tier"`
	}
	ctx := context.Background()
	client := shop(ctx)
	defer client.Close()
	stream := kafka.NewTypedStream[Order](client, "orders", kafka.WithUntilEnd())

	premium := stream.
		Filter(func(order Order) bool {
			return order.Amount > 100
		}).
		Map(func(order Order) any {
			return PremiumOrder{Order: order, Tier: "premium"}
		})

	if err := premium.To(ctx, "high-value-orders"); err != nil {
		fmt.Println(err)
	}
	show(ctx, client, "high-value-orders")
	// Output:
	// high-value-orders map[amount:250 order_id:123 tier:premium]
	// high-value-orders map[amount:120 order_id:125 tier:premium]
}

// Windowed aggregations.
func ExampleTumblingWindow() {
	ctx := context.Background()
	client := shop(ctx)
	defer client.Close()
	stream := kafka.NewStream(client, "orders", kafka.WithUntilEnd())

	// Count orders per customer in 5-minute tumbling windows
	counts := stream.
		Window(kafka.TumblingWindow(5 * time.Minute)).
		GroupBy(func(msg *kafka.Message) string {
			return msg.Value.(map[string]any)["customer_id"].(string)
		}).
		Count()

	for window := range counts.Results(ctx) {
		fmt.Printf("Customer %s: %d orders in window %v-%v\n",
			window.Key, window.Value, window.Start.Format("15:04"), window.End.Format("15:04"))
	}
	// Output:
	// Customer ada: 2 orders in window 12:00-12:05
	// Customer bob: 1 orders in window 12:00-12:05
	// Customer bob: 1 orders in window 12:05-12:10
	// Customer ada: 1 orders in window 12:05-12:10
}

// Branching.
func ExampleBranch() {
	ctx := context.Background()
	client := shop(ctx)
	defer client.Close()
	stream := kafka.NewStream(client, "orders", kafka.WithUntilEnd())

	// Route to different topics
	err := stream.Branch(ctx,
		kafka.Branch{
			Predicate: func(msg *kafka.Message) bool {
				return msg.Value.(map[string]any)["region"] == "us"
			},
			Topic: "us-orders",
		},
		kafka.Branch{
			Predicate: func(msg *kafka.Message) bool {
				return msg.Value.(map[string]any)["region"] == "eu"
			},
			Topic: "eu-orders",
		},
		kafka.Branch{
			Predicate: func(_ *kafka.Message) bool { return true },
			Topic:     "other-orders",
		},
	)
	if err != nil {
		fmt.Println(err)
	}
	for _, topic := range []string{"us-orders", "eu-orders", "other-orders"} {
		show(ctx, client, topic)
	}
	// Output:
	// us-orders map[amount:250 customer_id:ada order_id:123 region:us]
	// us-orders map[amount:120 customer_id:ada order_id:125 region:us]
	// us-orders map[amount:10 customer_id:ada order_id:127 region:us]
	// eu-orders map[amount:99.5 customer_id:bob order_id:124 region:eu]
	// other-orders map[amount:70 customer_id:bob order_id:126 region:asia]
}
