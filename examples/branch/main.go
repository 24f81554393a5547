// Branching: each event goes to the topic of the first branch that takes it. These are real earthquakes of one week.
package main

import (
	"context"
	"fmt"
	"os"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/testdata"
)

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
	var ms []kafka.Message
	for _, q := range testdata.Earthquakes() {
		ms = append(ms, kafka.Message{Key: q.Region, Value: q, Timestamp: q.Time})
	}
	if err := client.Producer("earthquakes").SendBatch(ctx, ms); err != nil {
		return err
	}

	type branch = stream.Branch[testdata.Earthquake]
	quakes := kafka.NewTypedStream[testdata.Earthquake](client, "earthquakes", kafka.WithUntilEnd())
	err = quakes.Branch(ctx,
		branch{Predicate: func(q testdata.Earthquake) bool { return q.Magnitude >= 6 }, Topic: "strong"},
		branch{Predicate: func(q testdata.Earthquake) bool { return q.DepthKm > 300 }, Topic: "deep"},
		branch{Predicate: func(q testdata.Earthquake) bool { return q.Region == "Hawaii" }, Topic: "hawaii"},
		branch{Predicate: func(testdata.Earthquake) bool { return true }, Topic: "others"},
	)
	if err != nil {
		return err
	}
	for _, topic := range []string{"strong", "deep", "hawaii", "others"} {
		count, largest := 0, testdata.Earthquake{}
		for m := range kafka.NewTypedConsumer[testdata.Earthquake](client, topic, "", kafka.WithUntilEnd()).Messages(ctx) {
			if count++; m.Value.Magnitude > largest.Magnitude {
				largest = m.Value
			}
		}
		fmt.Printf("%s: %d, the largest %.1f, %s\n", topic, count, largest.Magnitude, largest.Place)
	}
	return nil
}

// Output:
// strong: 5, the largest 6.4, 22km NNE of Hualian, Taiwan
// deep: 6, the largest 5.3, 200km W of Chichi-shima, Japan
// hawaii: 46, the largest 2.6, 2km SSE of Pahala, Hawaii
// others: 1622, the largest 5.7, 55km SE of Pedasi, Panama
