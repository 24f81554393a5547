package kafka_test

import (
	"context"
	"errors"
	"fmt"

	kafka "github.com/dot-do/kafka-embedded"
)

func ExampleClient_Transaction() {
	ctx := context.Background()
	client, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		panic(err)
	}
	defer client.Close()

	// Both are committed when the function returns nil.
	err = client.Transaction(ctx, "orders", func(tx *kafka.Tx) error {
		if err := tx.Send(kafka.Message{Value: map[string]any{"order_id": "123", "status": "created"}}); err != nil {
			return err
		}
		return tx.Send(kafka.Message{Value: map[string]any{"order_id": "123", "status": "validated"}})
	})
	fmt.Println(err)

	// Nothing is, when it returns an error, which comes back.
	err = client.Transaction(ctx, "orders", func(tx *kafka.Tx) error {
		_ = tx.Send(kafka.Message{Value: map[string]any{"order_id": "124", "status": "created"}})
		return errors.New("out of stock")
	})
	fmt.Println(err)

	for m := range client.Consumer("orders", "", kafka.WithUntilEnd()).Messages(ctx) {
		fmt.Println(m.Value)
	}
	// Output:
	// <nil>
	// out of stock
	// map[order_id:123 status:created]
	// map[order_id:123 status:validated]
}

func ExampleTx_CommitOffsets() {
	ctx := context.Background()
	client, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		panic(err)
	}
	defer client.Close()
	for _, name := range []string{"ada", "grace"} {
		if err := client.Producer("names").Send(ctx, kafka.Message{Value: name}); err != nil {
			panic(err)
		}
	}

	// Each name is greeted exactly once, whatever fails: the greeting and the progress are committed together. After an
	// abort the loop sees the same message again.
	failed := false
	consumer := client.Consumer("names", "greeter", kafka.WithUntilEnd())
	defer consumer.Close()
	for m := range consumer.Messages(ctx) {
		err := client.Transact(ctx, func(tx *kafka.Tx) error {
			if err := tx.CommitOffsets(m); err != nil { // first, so that an abort takes the consumer back
				return err
			}
			if !failed {
				failed = true
				return errors.New("try again")
			}
			return tx.SendTo("greetings", kafka.Message{Value: fmt.Sprintf("hello, %s", m.Value)})
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	for m := range client.Consumer("greetings", "", kafka.WithUntilEnd()).Messages(ctx) {
		fmt.Println(m.Value)
	}
	// Output:
	// try again
	// hello, ada
	// hello, grace
}
