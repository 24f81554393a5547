package stream

import (
	"fmt"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// part is a sub-topology in the making.
type part struct {
	into       *part // the one that it became part of
	partitions int
	from       []*part // read from through repartition topics
}

func (p *part) root() *part {
	for p.into != nil {
		p = p.into
	}
	return p
}

// reads reports whether p gets what other writes, by whatever way.
func (p *part) reads(other *part) bool {
	return slices.ContainsFunc(p.from, func(f *part) bool { return f.root() == other || f.root().reads(other) })
}

// planner makes a plan.
type planner struct {
	*plan
	parts    map[*node]*part
	width    map[*node]int // over how many partitions a node's elements are spread by record key; 0 if by something else
	existing func(topic string) int
}

func (w *planner) part(n *node) *part { return w.parts[n].root() }

// place makes an operator part of the sub-topologies that its inputs are in, as far as these do not have to be cut off.
func (w *planner) place(n *node) error {
	cut := make([]bool, len(n.inputs))
	above := w.above(n)
	target := w.target(n, above)
	for i, in := range n.inputs {
		e := n.exchange(i)
		if e == fixed && above[i] {
			w.parts[n] = &part{partitions: target}
			return engine.Errorf(engine.ErrInvalidArgument,
				"%s: the stream is made of the table's own results, and has several partitions", n)
		}
		cut[i] = above[i] || w.part(in).partitions != target ||
			e == byKey && w.width[in] != target || e == byValue && target > 1
	}
	if !slices.Contains(cut, false) {
		if have := w.existing(w.suffix(n, 0)); have > 0 {
			target = have
		}
	}
	home := &part{partitions: target}
	w.parts[n] = home
	for i, in := range n.inputs {
		if !cut[i] && w.part(in) != home {
			w.part(in).join(home)
		}
	}
	for i, in := range n.inputs {
		if cut[i] {
			w.cuts[edge{n, i}] = w.cutOff(n, i, target)
			home.from = append(home.from, w.part(in))
		}
	}
	w.width[n] = w.spread(n, cut, target)
	return nil
}

func (p *part) join(home *part) {
	p.into = home
	home.from = append(home.from, p.from...)
}

// above tells which inputs are in sub-topologies that others of the inputs read from: joined with those, they would read
// from themselves.
func (w *planner) above(n *node) []bool {
	above := make([]bool, len(n.inputs))
	for i, in := range n.inputs {
		above[i] = slices.ContainsFunc(n.inputs, func(other *node) bool { return w.part(other).reads(w.part(in)) })
	}
	return above
}

// target is the number of partitions of the sub-topology that an operator gets to be in.
func (w *planner) target(n *node, above []bool) (most int) {
	for i, in := range n.inputs {
		have := w.part(in).partitions
		switch {
		case n.exchange(i) == together:
			return 1
		case n.exchange(i) == fixed:
			return have
		case !above[i]:
			most = max(most, have)
		}
	}
	return most
}

func (w *planner) suffix(n *node, input int) string {
	name := w.names[n]
	if len(n.inputs) > 1 {
		name += fmt.Sprintf("-%d", input+1)
	}
	return name + "-repartition"
}

func (w *planner) cutOff(n *node, input, partitions int) *cut {
	return &cut{suffix: w.suffix(n, input), partitions: partitions, lanes: w.part(n.inputs[input]).partitions}
}

// spread is over how many partitions an operator's elements are spread by record key.
func (w *planner) spread(n *node, cut []bool, target int) int {
	if target == 1 || n.stateful && len(n.inputs) == 1 {
		return target // their key is that of the state
	}
	for i, in := range n.inputs {
		e, have := n.exchange(i), w.width[in]
		if cut[i] && (e == byKey || e == stay) {
			have = target
		}
		if have != target || e == byValue || e == together {
			return 0
		}
	}
	return target
}

// number puts the sub-topologies in order.
func (w *planner) number() {
	numbers := map[*part]int{}
	var visit func(p *part)
	visit = func(p *part) {
		if _, done := numbers[p]; done {
			return
		}
		for _, from := range p.from {
			visit(from.root())
		}
		numbers[p] = len(w.subs)
		w.subs = append(w.subs, subtopology{partitions: p.partitions})
	}
	for _, n := range w.all {
		visit(w.part(n))
		w.sub[n] = numbers[w.part(n)]
		s := &w.subs[w.sub[n]]
		if n.topic != "" && !slices.Contains(s.sources, n.topic) {
			s.sources = append(s.sources, n.topic)
		}
		if n.stateful {
			s.stores = append(s.stores, w.names[n])
		}
		for i := range n.inputs {
			if c := w.cuts[edge{n, i}]; c != nil {
				s.cuts = append(s.cuts, c)
			}
		}
	}
}
