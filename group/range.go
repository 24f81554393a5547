package group

import "github.com/dot-do/kafka-embedded/engine"

// assignRange divides each topic by itself: with n partitions and m subscribers the first n mod m subscribers get one
// more than the others.
func assignRange(in input) [][]engine.TopicPartition {
	out := make([][]engine.TopicPartition, len(in.members))
	for _, t := range in.topics {
		next := int32(0)
		each, more := t.partitions/int32(len(t.members)), t.partitions%int32(len(t.members))
		for i, m := range t.members {
			end := next + each
			if int32(i) < more {
				end++
			}
			for ; next < end; next++ {
				out[m] = append(out[m], engine.TopicPartition{Topic: t.name, Partition: next})
			}
		}
	}
	return out
}
