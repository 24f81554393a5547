package stream

import (
	"fmt"

	"github.com/dot-do/kafka-embedded/engine"
)

// plan cuts a topology into sub-topologies, each of which runs as one task for each partition of its input.
//
// It relies on these rules:
//
//  1. The topics that a sub-topology reads, sources and repartition topics, have the same number of partitions. So the
//     assignor "range" gives one member the partitions of all of them that have the same number, which are a task's.
//  2. Where one task must have all elements of a key, and they are not spread by that key already, they go through a
//     repartition topic. With one partition there is one task, which has them all, and no topic.
//  3. Sub-topologies form a graph without cycles, and are numbered so that each comes after those it reads from. So they
//     can come to an end one after the other.
type plan struct {
	all   []*node // inputs first
	names map[*node]string
	sub   map[*node]int
	cuts  map[edge]*cut
	subs  []subtopology
}

// edge is one input of an operator.
type edge struct {
	to    *node
	input int
}

// cut is an edge that goes through a repartition topic.
type cut struct {
	suffix     string // of the topic's name, behind the application's
	partitions int
	lanes      int // how many tasks write to it
}

// subtopology is operators that run fused.
type subtopology struct {
	partitions int      // and tasks
	sources    []string // topics
	cuts       []*cut   // that lead to it
	stores     []string // names of operators with state
}

// onePlan is the plan of one task that reads everything.
func onePlan(root *node) *plan {
	p, _ := newPlan(root, func(string) int { return 1 }, func(string) int { return 0 })
	return p
}

// generalPlan is the plan for sources with several partitions. An error leaves it incomplete.
func generalPlan(root *node) *plan {
	p, _ := newPlan(root, func(string) int { return 2 }, func(string) int { return 0 })
	return p
}

// newPlan makes the plan for sources with so many partitions. A repartition topic that exists keeps the number it has;
// existing returns 0 for one that does not.
func newPlan(root *node, partitions, existing func(topic string) int) (*plan, error) {
	p := &plan{
		all: nodes(root), names: map[*node]string{}, sub: map[*node]int{}, cuts: map[edge]*cut{},
	}
	err := p.name()
	w := planner{plan: p, parts: map[*node]*part{}, width: map[*node]int{}, existing: existing}
	for _, n := range p.all {
		if n.topic != "" {
			w.width[n] = partitions(n.topic)
			w.parts[n] = &part{partitions: w.width[n]}
			continue
		}
		if e := w.place(n); err == nil {
			err = e
		}
	}
	w.number()
	return p, err
}

// name gives operators with state or repartition topics their names.
func (p *plan) name() error {
	used := map[string]bool{}
	for _, n := range p.all {
		if !n.stateful && n.spread == nil && len(n.inputs) < 2 {
			continue
		}
		name := n.store
		if name == "" {
			name = fmt.Sprintf("%s-%d", n.kind, len(p.names)+1)
		}
		if used[name] {
			return engine.Errorf(engine.ErrInvalidArgument, "two stores are called %s", name)
		}
		used[name] = true
		p.names[n] = name
	}
	return nil
}

// lag is how far the elements that reach n may be behind stream time. What comes through a repartition topic is not: its
// time was counted when it was written.
func (p *plan) lag(n *node) (most int64) {
	for i, in := range n.inputs {
		if p.cuts[edge{n, i}] == nil {
			most = max(most, p.lag(in)+in.delay)
		}
	}
	return most
}
