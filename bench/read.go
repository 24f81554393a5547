package main

import (
	"math/rand/v2"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// readScenarios are about what consumers do.
func readScenarios() []Scenario {
	group := func(read func(*Run) (records, bytes int64, err error)) func(*Run) error {
		return func(r *Run) error { return runRead(r, read) }
	}
	return []Scenario{
		{
			Name: "read-group", Title: "read all as a member of a group, joining included", Unit: NsPerRecord,
			Data: readData, Goal: "<= 125 ns (8 M/s)",
			By: map[string]func(*Run) error{
				clientName: runClientGroup, floorName: runReadAll,
				kfakeCluster.Name: group(readKfakeGroup), natsStream.Name: group(readNATSConsumer),
			},
		},
		{
			Name: "read-typed", Title: "read all, msgpack into a struct (floor: the codec alone)", Unit: NsPerRecord,
			Goal: "<= 1.2 x floor",
			By:   map[string]func(*Run) error{clientName: runClientTyped, floorName: runCodec},
		},
		{
			Name: "seek-time", Title: "seek by timestamp and read one, over the same by offset", Unit: Times,
			Goal: "<= 3", By: map[string]func(*Run) error{clientName: runClientSeek},
		},
		{
			Name: "open-killed", Title: "open a log whose writer was killed amid appends, warm cache", Unit: Milliseconds,
			Level: System, Goal: "<= 50 ms at 1 GiB",
			By: map[string]func(*Run) error{
				clientName: runOpenKilled, partitionName: runOpenKilled, floorName: runOpenKilled,
				tidwallWAL.Name: runOpenKilled, rosedbWAL.Name: runOpenKilled, pebbleDB.Name: runOpenKilled,
			},
		},
	}
}

// runRead measures a read of the whole log, and checks that it was all.
func runRead(r *Run, read func(*Run) (records, bytes int64, err error)) error {
	records, bytes, err := read(r) // starts the meter when the log is open, and stops it
	r.value = r.meter.NsPerRecord()
	if err != nil {
		return err
	}
	return r.checkAll(records, bytes)
}

// timedSeeks measures two ways to find a record in a log of n, in turn, and reports how many times as long the first
// one takes.
func (r *Run) timedSeeks(n int64, byTime, byOffset func(index int64) error) error {
	random := rand.New(rand.NewPCG(1, 2))
	var took [2]int64
	ways := []func(int64) error{byTime, byOffset}
	for _, way := range ways { // what is loaded at the first read is not part of the figure
		if err := way(0); err != nil {
			return err
		}
	}
	r.meter.Start()
	times, err := repeat(1, r.Sizes.Budget, unlimited, func(int) func() error {
		return func() error {
			for i, way := range ways {
				index, began := random.Int64N(n), clock.Real.Now()
				if err := way(index); err != nil {
					return err
				}
				took[i] += clock.Real.Now().Sub(began).Nanoseconds()
			}
			return nil
		}
	})
	r.meter.Stop(2 * times)
	r.value = float64(took[0]) / float64(took[1])
	return err
}
