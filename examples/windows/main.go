// Windows: the mean temperature of each room in every ten minutes, by the time of the measurement, not of its arrival.
// Grace keeps a window open for records that come out of order; one that comes later still is late.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Reading is what a sensor measured.
type Reading struct {
	Room    string  `json:"room"`
	Celsius float64 `json:"celsius"`
}

// mean is the aggregate of a window.
type mean struct {
	Sum float64 `json:"sum"`
	N   int     `json:"n"`
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
	if err := measure(ctx, client); err != nil {
		return err
	}

	readings := kafka.NewTypedStream[Reading](client, "readings", kafka.WithUntilEnd(),
		kafka.OnLate(func(l kafka.Late) { fmt.Println("late:", l.Value, "of", l.Timestamp.Format("15:04")) }))
	rooms := readings.
		Window(kafka.TumblingWindow(10 * time.Minute).Grace(2 * time.Minute)).
		GroupBy(func(r Reading) string { return r.Room })
	means := stream.Reduce(rooms, mean{}, func(m mean, r Reading) mean { return mean{m.Sum + r.Celsius, m.N + 1} })
	return means.Each(ctx, func(w stream.Result[string, mean]) error {
		_, err := fmt.Printf("%s to %s  %-7s  %.1f °C of %d\n",
			w.Start.Format("15:04"), w.End.Format("15:04"), w.Key, w.Value.Sum/float64(w.Value.N), w.Value.N)
		return err
	})
}

// measure sends some readings: the one of 9:09 comes out of order, that of 9:05 too late.
func measure(ctx context.Context, client *kafka.Client) error {
	nine := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	for _, r := range []struct {
		minute  int
		room    string
		celsius float64
	}{
		{1, "kitchen", 20}, {3, "hall", 17}, {8, "kitchen", 21}, {11, "hall", 18}, {9, "kitchen", 22}, {12, "hall", 19}, {5, "hall", 12},
	} {
		err := client.Producer("readings").Send(ctx, kafka.Message{
			Value: Reading{r.room, r.celsius}, Timestamp: nine.Add(time.Duration(r.minute) * time.Minute),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Output:
// 09:00 to 09:10  kitchen  21.0 °C of 3
// 09:00 to 09:10  hall     17.0 °C of 1
// late: {hall 12} of 09:05
// 09:10 to 09:20  hall     18.5 °C of 2
