package group

import (
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// assignRoundRobin walks all partitions and all members together, passing over members that do not subscribe to the
// topic at hand.
func assignRoundRobin(in input) [][]engine.TopicPartition {
	out := make([][]engine.TopicPartition, len(in.members))
	turn := 0
	for _, t := range in.topics {
		for p := range t.partitions {
			m := t.members[next(t.members, turn)]
			out[m] = append(out[m], engine.TopicPartition{Topic: t.name, Partition: p})
			turn = m + 1
		}
	}
	return out
}

// next finds the first of the sorted members that is at least turn, going round.
func next(members []int, turn int) int {
	i, _ := slices.BinarySearch(members, turn)
	return i % len(members)
}
