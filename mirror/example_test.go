package mirror_test

import (
	"context"
	"fmt"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/mirror"
)

func ExampleRun() {
	ctx := context.Background()
	from, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		panic(err)
	}
	defer from.Close()
	to, err := kafka.NewClient(ctx, kafka.WithInMemory()) // or kafka.WithURL("kafka://broker:9092")
	if err != nil {
		panic(err)
	}
	defer to.Close()
	for i := range 3 {
		if err := from.Producer("orders").Send(ctx, kafka.Message{Key: "c-1", Value: i}); err != nil {
			panic(err)
		}
	}
	for range 2 { // the second run finds nothing to do
		s, err := mirror.Run(ctx, from, to, mirror.Topics("orders"))
		fmt.Println(s.Records, "records,", s.Topics, "topic, exactly once:", s.ExactlyOnce, err)
	}
	// Output:
	// 3 records, 1 topic, exactly once: true <nil>
	// 0 records, 1 topic, exactly once: true <nil>
}
