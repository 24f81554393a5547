// Exactly once: a pipeline that fails in the middle, and goes on. Results, state and progress are committed together, so
// that the second run begins where the first one committed, and no payment is booked twice or not at all.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Payment moves money to an account.
type Payment struct {
	Account string `json:"account"`
	Cents   int    `json:"cents"`
}

const payments = 5000

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "exactlyonce")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	client, err := kafka.NewClient(ctx, kafka.WithDir(dir))
	if err != nil {
		return err
	}
	defer client.Close()
	ms := make([]kafka.Message, payments)
	for i := range ms {
		ms[i] = kafka.Message{Value: Payment{fmt.Sprint("account-", i%3), i}, Timestamp: time.UnixMilli(int64(i))}
	}
	if err := client.Producer("payments").SendBatch(ctx, ms); err != nil {
		return err
	}

	fmt.Println("first run:", balances(client, payments/2).To(ctx, "balances"))
	fmt.Println("second run:", balances(client, -1).To(ctx, "balances"))

	results, latest := 0, map[string]int{}
	for m := range kafka.NewTypedConsumer[int](client, "balances", "", kafka.WithUntilEnd()).Messages(ctx) {
		results++
		latest[m.Key] = m.Value
	}
	fmt.Println(results, "results of", payments, "payments:", latest)
	return nil
}

// balances adds up the payments of each account. It fails when it comes to one of so many cents.
func balances(client *kafka.Client, fails int) *stream.Table[string, int] {
	accounts := kafka.NewTypedStream[Payment](client, "payments", kafka.WithUntilEnd(),
		kafka.WithApplicationID("bookkeeping"), kafka.WithCommitInterval(time.Millisecond)).
		Peek(func(p Payment) {
			if p.Cents == fails {
				panic("out of paper")
			}
		}).
		GroupBy(func(p Payment) string { return p.Account })
	return stream.Reduce(accounts, 0, func(balance int, p Payment) int { return balance + p.Cents })
}

// Output:
// first run: kafka: invalid argument (payments-0): offset 2500: kafka: invalid argument: a function of the topology panicked: out of paper
// second run: <nil>
// 5000 results of 5000 payments: map[account-0:4165833 account-1:4167500 account-2:4164167]
