// Tables: the latest value of each key. A stream of sales is joined with a table of prices, and the totals, a table
// themselves, are asked while the stream runs and after it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Sale is one article sold in a shop.
type Sale struct {
	Shop    string `json:"shop"`
	Article string `json:"article"`
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
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	send := func(topic, key string, value any) {
		at = at.Add(time.Minute)
		if err == nil {
			err = client.Producer(topic).Send(ctx, kafka.Message{Key: key, Value: value, Timestamp: at})
		}
	}
	send("prices", "tea", 300)
	send("prices", "cake", 450)
	send("sales", "", Sale{"north", "tea"})
	send("sales", "", Sale{"south", "cake"})
	send("prices", "tea", 320)
	send("sales", "", Sale{"north", "tea"})
	send("sales", "", Sale{"north", "soup"}) // has no price, so an inner join leaves it out
	if err != nil {
		return err
	}

	prices := stream.ToTable(kafka.NewTypedStream[int](client, "prices"))
	sales := kafka.NewTypedStream[Sale](client, "sales", kafka.WithUntilEnd())
	priced := stream.JoinTable(sales, prices, func(s Sale) string { return s.Article })
	byShop := stream.GroupBy(priced, func(r stream.JoinResult[Sale, int]) string { return r.Left.Shop })
	totals := stream.Reduce(byShop, 0, func(cents int, r stream.JoinResult[Sale, int]) int { return cents + r.Right })

	for r, err := range totals.All(ctx) {
		if err != nil {
			return err
		}
		tea, _ := prices.Get("tea")
		fmt.Printf("%s has sold for %d cents; tea costs %d\n", r.Key, r.Value, tea)
	}
	north, _ := totals.Get("north")
	_, known := totals.Get("west")
	fmt.Println("in the end:", north, known)
	return nil
}

// Output:
// north has sold for 300 cents; tea costs 300
// south has sold for 450 cents; tea costs 300
// north has sold for 620 cents; tea costs 320
// in the end: 620 false
