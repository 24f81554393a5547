package forward_test

import (
	"context"
	"fmt"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/forward"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	local, err := kafka.NewClient(ctx, kafka.WithInMemory()) // on a device: kafka.WithDir
	if err != nil {
		panic(err)
	}
	defer local.Close()
	target, err := kafka.NewClient(ctx, kafka.WithURL("mem:example-of-forward")) // instead of a cluster
	if err != nil {
		panic(err)
	}
	defer target.Close()
	if err := local.Producer("readings").Send(ctx, kafka.Message{Key: "sensor-1", Value: 21.5}); err != nil {
		panic(err)
	}

	f, err := forward.New(local, "mem:example-of-forward", "truck-17", forward.Topics("readings"), forward.MaxBytesPerSecond(20_000))
	if err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- f.Run(ctx) }()
	for m := range target.Consumer("readings", "").Messages(ctx) {
		fmt.Println(m.Key, m.Value)
		break
	}
	stop() // when the program ends
	fmt.Println(<-ended, f.Stats().State, f.Stats().Lag)
	// Output:
	// sensor-1 21.5
	// <nil> stopped 0
}
