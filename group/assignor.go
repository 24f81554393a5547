package group

import (
	"slices"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
)

// The assignors, by Kafka's names.
const (
	// Range gives every member a run of consecutive partitions of each topic, so that topics with the same number of
	// partitions and the same subscribers are co-partitioned: partition n of both goes to one member.
	Range = "range"
	// RoundRobin deals the partitions of all topics out one by one.
	RoundRobin = "roundrobin"
	// Sticky balances as well as the subscriptions allow, then moves as little as it can.
	Sticky = "sticky"
	// CooperativeSticky assigns as Sticky does; what a member keeps it may go on reading during a rebalance.
	CooperativeSticky = "cooperative-sticky"
)

// assignors are the assignment functions by name. Each returns a list of partitions per member, sorted by topic and
// partition, in which every partition of a topic with subscribers stands exactly once. They are deterministic.
var assignors = map[string]func(input) [][]engine.TopicPartition{
	Range:             assignRange,
	RoundRobin:        assignRoundRobin,
	Sticky:            assignSticky,
	CooperativeSticky: assignSticky,
}

// input is what an assignment is made from. The order of members breaks ties: Kafka's is static members by instance
// id first, then the others by member id.
type input struct {
	topics  []topic // sorted by name; each has partitions and subscribers
	members []subscriber
}

type topic struct {
	name       string
	partitions int32
	members    []int // the subscribers, ascending positions in input.members
}

type subscriber struct {
	topics []int // ascending positions in input.topics
	owned  []engine.TopicPartition
}

// newInput resolves the subscriptions. Topics must be those that are subscribed to; they and each list of names must be
// sorted and free of duplicates. Topics without partitions are left out: they are assigned once they exist.
func newInput(topics []count, subscriptions [][]string, owned [][]engine.TopicPartition) input {
	in := input{members: make([]subscriber, len(subscriptions))}
	position := make([]int, len(topics)) // in in.topics, or none
	for i, c := range topics {
		position[i] = none
		if c.partitions > 0 {
			position[i] = len(in.topics)
			in.topics = append(in.topics, topic{name: c.topic, partitions: c.partitions})
		}
	}
	for m, names := range subscriptions {
		in.members[m].owned = owned[m]
		for _, name := range names {
			i, ok := findTopic(topics, name)
			if !ok || position[i] == none {
				continue
			}
			t := position[i]
			in.members[m].topics = append(in.members[m].topics, t)
			in.topics[t].members = append(in.topics[t].members, m)
		}
	}
	return in
}

// findTopic returns the position of a topic.
func findTopic(topics []count, name string) (int, bool) {
	return slices.BinarySearchFunc(topics, name, func(c count, name string) int {
		return strings.Compare(c.topic, name)
	})
}

// find returns the position of a topic.
func (in input) find(name string) (int, bool) {
	return slices.BinarySearchFunc(in.topics, name, func(t topic, name string) int {
		return strings.Compare(t.name, name)
	})
}
