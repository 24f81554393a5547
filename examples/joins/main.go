// Joins: orders and the payments that belong to them. A left join has each pair as soon as both are there, and each order
// without a payment once the time for one is over.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Order is what somebody bought.
type Order struct {
	ID    string `json:"id"`
	Cents int    `json:"cents"`
}

// Payment is what came in for an order.
type Payment struct {
	OrderID string `json:"order_id"`
	Cents   int    `json:"cents"`
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		return err
	}
	defer client.Close()
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	send := func(topic string, minute int, value any) {
		if err == nil {
			m := kafka.Message{Value: value, Timestamp: noon.Add(time.Duration(minute) * time.Minute)}
			err = client.Producer(topic).Send(ctx, m)
		}
	}
	send("orders", 0, Order{"o-1", 2500})
	send("orders", 4, Order{"o-2", 990})
	send("orders", 9, Order{"o-3", 4200})
	send("payments", 6, Payment{"o-1", 2000})
	send("payments", 8, Payment{"o-1", 500}) // in two parts
	send("payments", 55, Payment{"o-2", 990})
	send("payments", 200, Payment{"o-3", 4200}) // too late
	if err != nil {
		return err
	}

	paid := stream.LeftJoin(
		kafka.NewTypedStream[Order](client, "orders", kafka.WithUntilEnd()),
		kafka.NewTypedStream[Payment](client, "payments", kafka.WithUntilEnd()),
		stream.Keys(func(o Order) string { return o.ID }, func(p Payment) string { return p.OrderID }),
		kafka.JoinWindow(time.Hour),
	)
	return paid.Each(ctx, func(r stream.JoinResult[Order, Payment]) error {
		if !r.HasRight {
			fmt.Printf("%s: no payment within an hour\n", r.Left.ID)
			return nil
		}
		fmt.Printf("%s: %d of %d cents\n", r.Left.ID, r.Right.Cents, r.Left.Cents)
		return nil
	})
}

// Output:
// o-1: 2000 of 2500 cents
// o-1: 500 of 2500 cents
// o-2: 990 of 990 cents
// o-3: no payment within an hour
