package group

import (
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// rebalance reacts to a change of members, subscriptions or topics.
//
// With an eager assignor everybody gives up everything; the assignment is made when nobody holds anything any more. With
// a cooperative one the assignment is made at once: members keep what stays with them and give up the rest, which passes
// on as it is released.
func (g *group) rebalance() {
	if len(g.members) == 0 {
		g.generation++
		g.protocol, g.topics, g.pending = "", nil, false
		g.disarm()
		return
	}
	if !g.pending && g.elect() == CooperativeSticky {
		g.assign()
		return
	}
	g.pending = true
	for _, m := range g.members {
		m.next = nil
		if len(m.current) > 0 {
			m.revoke(m.current)
			m.current = nil
		}
		m.notify()
	}
	g.settle()
}

// settle goes on once partitions were released.
func (g *group) settle() {
	if !g.pending {
		if g.grant() {
			g.generation++
		}
		return
	}
	if !slices.ContainsFunc(g.members, (*Member).holds) {
		g.assign()
	}
}

// elect picks the assignor as Kafka does: of those that all members support, the one that most members prefer.
func (g *group) elect() string {
	first := g.members[0].assignors
	common := slices.DeleteFunc(slices.Clone(first), func(name string) bool {
		return slices.ContainsFunc(g.members[1:], func(m *Member) bool { return !m.supports(name) })
	})
	votes := make([]int, len(common))
	for _, m := range g.members {
		for _, name := range m.assignors {
			if i := slices.Index(common, name); i >= 0 {
				votes[i]++
				break
			}
		}
	}
	best := 0
	for i, n := range votes {
		if n > votes[best] {
			best = i
		}
	}
	return common[best]
}

// assign makes a new assignment of everything to the members there are.
func (g *group) assign() {
	g.pending = false
	g.generation++
	g.protocol = g.elect()
	g.topics = g.countTopics()
	g.discard(func(tp engine.TopicPartition) bool { return !g.exists(tp) })

	subscriptions := make([][]string, len(g.members))
	owned := make([][]engine.TopicPartition, len(g.members))
	for i, m := range g.members {
		subscriptions[i], owned[i] = m.topics, m.target
	}
	for i, target := range assignors[g.protocol](newInput(g.topics, subscriptions, owned)) {
		g.members[i].retarget(target)
	}
	g.grant()
}

// retarget starts the move from one assignment to another.
func (m *Member) retarget(target []engine.TopicPartition) {
	m.target, m.next = target, nil
	lost := subtract(m.current, target)
	m.current = subtract(m.current, lost)
	// What it was to give up and has not been told of, it may keep after all.
	stays := subtract(m.revoking, subtract(m.revoking, target))
	m.current, m.revoking = union(m.current, stays), subtract(m.revoking, stays)
	if len(lost) > 0 {
		m.revoke(lost)
	}
	m.notify()
}

// grant gives members what is theirs by the assignment and held by nobody else, and reports whether it gave any.
func (g *group) grant() (granted bool) {
	held := map[engine.TopicPartition]struct{}{}
	for _, m := range g.members {
		for _, tps := range [...][]engine.TopicPartition{m.revoked, m.revoking} {
			for _, tp := range tps {
				held[tp] = struct{}{}
			}
		}
	}
	for _, m := range g.members {
		if len(m.current)+len(m.next) == len(m.target) {
			continue
		}
		next := subtract(m.target, m.current)
		if len(held) > 0 {
			next = slices.DeleteFunc(slices.Clone(next), func(tp engine.TopicPartition) bool { _, ok := held[tp]; return ok })
		}
		if len(next) > len(m.next) {
			m.next = next
			m.notify()
			granted = true
		}
	}
	return granted
}

// countTopics looks at all topics that members subscribe to.
func (g *group) countTopics() []count {
	var names []string
	for i, m := range g.members {
		if i == 0 || !slices.Equal(m.topics, g.members[i-1].topics) {
			names = append(names, m.topics...)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	counts := make([]count, len(names))
	for i, name := range names {
		counts[i] = count{name, g.c.partitions(name)}
	}
	return counts
}

// exists reports whether a partition was there when the last assignment began.
func (g *group) exists(tp engine.TopicPartition) bool {
	i, ok := findTopic(g.topics, tp.Topic)
	return ok && tp.Partition < g.topics[i].partitions
}

// discard takes partitions that are no more from everybody, at once: nobody needs to give them up.
func (g *group) discard(gone func(engine.TopicPartition) bool) (any bool) {
	for _, m := range g.members {
		for _, list := range [...]*[]engine.TopicPartition{&m.target, &m.current, &m.next, &m.revoking, &m.revoked} {
			if slices.ContainsFunc(*list, gone) {
				*list = slices.DeleteFunc(slices.Clone(*list), gone)
				m.gaveUp++
				any = true
			}
		}
	}
	return any
}

// topicsChanged rebalances if an assignment made now would be made for other topics.
func (g *group) topicsChanged() {
	if len(g.members) == 0 || g.pending || slices.Equal(g.topics, g.countTopics()) {
		return
	}
	g.rebalance()
}
