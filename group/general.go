package group

import (
	"cmp"
	"slices"
)

// general assigns where subscriptions differ. It is the semi-matching of Harvey, Ladner, Lovász and Tamir (2006): an
// assignment is as balanced as it can be exactly when there is no path along which partitions could be handed on, each
// within its subscribers, from one member to another with at least two fewer.
func (s *sticky) general() {
	s.place()
	for s.rebalanceOnce() {
	}
	for s.restoreOnce() {
	}
}

// place gives free partitions to the least loaded subscriber, those with the fewest subscribers first.
func (s *sticky) place() {
	order := make([]int, len(s.topics))
	for t := range order {
		order[t] = t
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(len(s.topics[a].members), len(s.topics[b].members))
	})
	for _, t := range order {
		for p := range s.owner[t] {
			if s.owner[t][p] != none {
				continue
			}
			best := s.topics[t].members[0]
			for _, m := range s.topics[t].members {
				if s.load[m] < s.load[best] {
					best = m
				}
			}
			s.give(t, p, best)
		}
	}
}

// step is how a search reached a member: by a partition of topic that from could hand on.
type step struct{ from, topic int }

// rebalanceOnce shifts one partition's worth of load from a member to one with at least two fewer, along the shortest
// path there is, and reports whether it did.
func (s *sticky) rebalanceOnce() bool {
	sources := make([]int, len(s.members))
	for m := range sources {
		sources[m] = m
	}
	slices.SortStableFunc(sources, func(a, b int) int { return cmp.Compare(s.load[b], s.load[a]) })
	has, least := s.topicsHeld(), slices.Min(s.load)
	for _, source := range sources {
		if s.load[source] < least+2 {
			break
		}
		if path, sink, ok := s.search(source, has); ok {
			for m := sink; m != source; m = path[m].from {
				s.move(path[m].topic, int32(path[m].from), int32(m))
			}
			return true
		}
	}
	return false
}

// topicsHeld lists, per member, the topics of which it has partitions.
func (s *sticky) topicsHeld() [][]int {
	has := make([][]int, len(s.members))
	for t, owners := range s.owner {
		for _, m := range owners {
			if n := len(has[m]); n == 0 || has[m][n-1] != t {
				has[m] = append(has[m], t)
			}
		}
	}
	return has
}

// search goes breadth first from source to the nearest member with at least two partitions fewer.
func (s *sticky) search(source int, has [][]int) (path []step, sink int, ok bool) {
	path = make([]step, len(s.members))
	for m := range path {
		path[m].from = none
	}
	path[source].from = source
	passed := make([]bool, len(s.topics))
	for queue := []int{source}; len(queue) > 0; queue = queue[1:] {
		for _, t := range has[queue[0]] {
			if passed[t] {
				continue
			}
			passed[t] = true
			for _, m := range s.topics[t].members {
				if path[m].from != none {
					continue
				}
				path[m] = step{queue[0], t}
				if s.load[m]+2 <= s.load[source] {
					return path, m, true
				}
				queue = append(queue, m)
			}
		}
	}
	return nil, 0, false
}

// move hands one partition of a topic on: if there is one, one that the receiver had before, else one that the giver
// did not, else the highest.
func (s *sticky) move(t int, from, to int32) {
	best, rank := none, -1
	for p, m := range s.owner[t] {
		if m != from {
			continue
		}
		r := 0
		if s.prev[t][p] == to {
			r = 2
		} else if s.prev[t][p] != from {
			r = 1
		}
		if r >= rank {
			best, rank = p, r
		}
	}
	s.load[from]--
	s.give(t, best, int(to))
}

// restoreOnce gives partitions back to whom they came from where the balance stays the same: as a plain move to a
// member with one fewer, or in exchange for a partition that is new there. It reports whether it gave back any.
func (s *sticky) restoreOnce() (changed bool) {
	newcomers := s.newcomers()
	for t, owners := range s.owner {
		for p, holder := range owners {
			before := s.prev[t][p]
			if before == none || before == holder {
				continue
			}
			if s.load[holder] == s.load[before]+1 {
				s.load[holder]--
				s.give(t, p, int(before))
				changed = true
			} else if i := s.exchangeable(newcomers[before], before, holder); i >= 0 {
				q := newcomers[before][i]
				newcomers[before] = slices.Delete(newcomers[before], i, i+1)
				s.owner[q.topic][q.partition], s.owner[t][p] = holder, before
				changed = true
			}
		}
	}
	return changed
}

// position is a place in an assignment.
type position struct{ topic, partition int }

// newcomers lists, per member, the partitions that it did not have before.
func (s *sticky) newcomers() [][]position {
	out := make([][]position, len(s.members))
	for t, owners := range s.owner {
		for p, m := range owners {
			if s.prev[t][p] != m {
				out[m] = append(out[m], position{t, p})
			}
		}
	}
	return out
}

// exchangeable finds a newcomer that member from still has and member to may have, or -1.
func (s *sticky) exchangeable(newcomers []position, from, to int32) int {
	return slices.IndexFunc(newcomers, func(q position) bool {
		_, subscribed := slices.BinarySearch(s.members[to].topics, q.topic)
		return subscribed && s.owner[q.topic][q.partition] == from
	})
}
