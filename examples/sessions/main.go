// Sessions: visits to a web site. A visit is a run of clicks of one user with no pause longer than half an hour, so its
// length is not known beforehand; a click that comes out of order can make one visit of two.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Click is a page that a user looked at.
type Click struct {
	User string `json:"user"`
	Page string `json:"page"`
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
	for _, c := range []struct {
		minute     int
		user, page string
	}{
		{0, "ada", "home"}, {5, "ada", "search"}, {7, "bob", "home"}, {50, "ada", "cart"}, {28, "ada", "offer"}, // out of order
		{95, "bob", "home"}, {99, "bob", "help"},
	} {
		err := client.Producer("clicks").Send(ctx, kafka.Message{
			Value: Click{c.user, c.page}, Timestamp: noon.Add(time.Duration(c.minute) * time.Minute),
		})
		if err != nil {
			return err
		}
	}

	users := kafka.NewTypedStream[Click](client, "clicks", kafka.WithUntilEnd()).
		Window(kafka.SessionWindow(30 * time.Minute).Grace(15 * time.Minute)).
		GroupBy(func(c Click) string { return c.User })
	visits := stream.Aggregate(users,
		func() []string { return nil },
		func(pages []string, c Click) []string { return append(pages, c.Page) },
		func(a, b []string) []string { return append(a, b...) }, // two visits become one
	)
	return visits.Each(ctx, func(v stream.Result[string, []string]) error {
		_, err := fmt.Printf("%s, %s for %v: %s\n", v.Key, v.Start.Format("15:04"), v.End.Sub(v.Start), strings.Join(v.Value, ", "))
		return err
	})
}

// Output:
// bob, 12:07 for 0s: home
// ada, 12:00 for 50m0s: home, search, cart, offer
// bob, 13:35 for 4m0s: home, help
