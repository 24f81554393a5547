package group

import (
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// none marks a partition that no member has.
const none = -1

// sticky is an assignment in the making. Partitions are addressed by topic position and number.
type sticky struct {
	input
	owner [][]int32 // the member that has a partition now, or none
	prev  [][]int32 // the member that had it before, when it may keep it, or none
	load  []int     // partitions per member
}

// assignSticky balances first and moves as little as it can second (KIP-54). Where all members subscribe to the same
// topics, sizes differ by at most one and no balanced assignment moves fewer partitions. Elsewhere no chain of moves
// could make a larger member smaller and one at least two smaller larger; movement is then kept low, not minimal.
func assignSticky(in input) [][]engine.TopicPartition {
	s := newSticky(in)
	if in.uniform() {
		s.quotas()
	} else {
		s.general()
	}
	return s.result()
}

// uniform reports whether all members subscribe to the same topics.
func (in input) uniform() bool {
	for _, t := range in.topics {
		if len(t.members) != len(in.members) {
			return false
		}
	}
	return true
}

// newSticky lets every member keep what it owns and may still have.
func newSticky(in input) *sticky {
	s := &sticky{input: in, load: make([]int, len(in.members))}
	s.owner, s.prev = make([][]int32, len(in.topics)), make([][]int32, len(in.topics))
	for t := range in.topics {
		s.owner[t] = make([]int32, in.topics[t].partitions)
		for p := range s.owner[t] {
			s.owner[t][p] = none
		}
	}
	for m, sub := range in.members {
		for _, tp := range sub.owned {
			s.keep(int32(m), tp)
		}
	}
	for t := range s.owner {
		s.prev[t] = slices.Clone(s.owner[t])
	}
	return s
}

func (s *sticky) keep(m int32, tp engine.TopicPartition) {
	t, ok := s.find(tp.Topic)
	if !ok || tp.Partition < 0 || tp.Partition >= s.topics[t].partitions || s.owner[t][tp.Partition] != none {
		return
	}
	if _, ok := slices.BinarySearch(s.members[m].topics, t); ok {
		s.owner[t][tp.Partition] = m
		s.load[m]++
	}
}

// quotas assigns to members with equal subscriptions. With n partitions and m members, n mod m of them get one more
// than n / m; those that already have it keep it, so that the fewest partitions move.
func (s *sticky) quotas() {
	total := 0
	for _, t := range s.topics {
		total += int(t.partitions)
	}
	quota, extra := total/len(s.members), total%len(s.members)
	s.trim(quota, extra)

	var below, at []int
	for m, n := range s.load {
		if n < quota {
			below = append(below, m)
		} else if n == quota {
			at = append(at, m)
		}
	}
	s.deal(below, at, quota)
}

// trim takes from members what exceeds their quota, the highest partitions first. The first members with more than
// quota keep one of the extra.
func (s *sticky) trim(quota, extra int) {
	allowed := make([]int, len(s.members))
	for m, n := range s.load {
		allowed[m] = min(n, quota)
		if n > quota && extra > 0 {
			allowed[m]++
			extra--
		}
	}
	clear(s.load)
	for t := range s.owner {
		for p, m := range s.owner[t] {
			if m == none {
				continue
			}
			if s.load[m] == allowed[m] {
				s.owner[t][p] = none
				continue
			}
			s.load[m]++
		}
	}
}

// deal gives the free partitions out in turn: to the members below the quota until they reach it, then one each to
// those at it.
func (s *sticky) deal(below, at []int, quota int) {
	turn := 0
	for t := range s.owner {
		for p := range s.owner[t] {
			if s.owner[t][p] != none {
				continue
			}
			if len(below) == 0 {
				s.give(t, p, at[0])
				at = at[1:]
				continue
			}
			turn %= len(below)
			m := below[turn]
			s.give(t, p, m)
			if s.load[m] < quota {
				turn++
				continue
			}
			below = slices.Delete(below, turn, turn+1)
			at = append(at, m)
		}
	}
}

func (s *sticky) give(t, p, m int) {
	s.owner[t][p] = int32(m)
	s.load[m]++
}

func (s *sticky) result() [][]engine.TopicPartition {
	out := make([][]engine.TopicPartition, len(s.members))
	for m, n := range s.load {
		if n > 0 {
			out[m] = make([]engine.TopicPartition, 0, n)
		}
	}
	for t, owners := range s.owner {
		for p, m := range owners {
			if m != none {
				out[m] = append(out[m], engine.TopicPartition{Topic: s.topics[t].name, Partition: int32(p)})
			}
		}
	}
	return out
}
