package main

import "runtime"

// idleScenarios are about what is open and has nothing to do.
func idleScenarios() []Scenario {
	return []Scenario{
		{
			Name: "idle-partitions", Title: "heap and stacks of an open partition with a record", Unit: BytesEach,
			Goal: "<= 16 KiB",
			By:   map[string]func(*Run) error{clientName: runClientPartitions, kfakeCluster.Name: runKfakePartitions},
		},
		{
			Name: "idle-consumers", Title: "heap and stacks of a consumer that waits, each in a group of its own",
			Unit: BytesEach, Goal: "few KiB",
			By: map[string]func(*Run) error{
				clientName: bytesHeld(clientConsumers), natsStream.Name: bytesHeld(natsConsumers),
			},
		},
		{
			Name: "idle-goroutines", Title: "goroutines of a consumer that waits, its caller's included",
			Unit: GoroutinesEach, Goal: "few",
			By: map[string]func(*Run) error{
				clientName: goroutinesHeld(clientConsumers), natsStream.Name: goroutinesHeld(natsConsumers),
			},
		},
	}
}

// held measures what count things hold: of a figure that sample takes, the difference that making them all makes.
func (r *Run) held(count int, sample func() float64, make func(i int) error) error {
	before := sample()
	r.meter.Start()
	for i := range count {
		if err := make(i); err != nil {
			return err
		}
	}
	r.meter.Stop(int64(count))
	r.value = max(sample()-before, 0) / float64(count)
	return nil
}

// heapAndStacks is how many bytes are live.
func heapAndStacks() float64 {
	runtime.GC()
	runtime.GC() // for what the first one only moves out of pools
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc + stats.StackInuse)
}

func goroutines() float64 { return float64(runtime.NumGoroutine()) }

// waiting is a log of one record, and a way to add a consumer that has read it and waits for the next.
type waiting struct {
	add   func(i int) error
	close func() error
}

func bytesHeld(open func(*Run) (waiting, error)) func(*Run) error {
	return func(r *Run) error { return runConsumers(r, heapAndStacks, open) }
}

func goroutinesHeld(open func(*Run) (waiting, error)) func(*Run) error {
	return func(r *Run) error { return runConsumers(r, goroutines, open) }
}

func runConsumers(r *Run, sample func() float64, open func(*Run) (waiting, error)) error {
	w, err := open(r)
	if err != nil {
		return err
	}
	if err := w.add(-1); err != nil { // what the first one makes for all is not part of the figure
		return err
	}
	if err := r.held(r.Sizes.Idle, sample, w.add); err != nil {
		return err
	}
	return w.close()
}
