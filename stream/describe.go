package stream

import (
	"fmt"
	"strings"
)

// describe prints one line per operator: its number, what it does, the numbers of its inputs, and the repartition topics
// on the way from them. Where there are several sub-topologies, the operators of each stand together.
func describe(p *plan) string {
	var b strings.Builder
	number := p.numbers()
	for sub := range p.subs {
		if len(p.subs) > 1 {
			fmt.Fprintf(&b, "sub-topology %d\n", sub)
		}
		for _, n := range p.all {
			if p.sub[n] != sub {
				continue
			}
			fmt.Fprintf(&b, "%d %s", number[n], n)
			for i, in := range n.inputs {
				b.WriteString([]string{" <- ", ", "}[min(i, 1)])
				fmt.Fprint(&b, number[in])
				if c := p.cuts[edge{n, i}]; c != nil {
					b.WriteString(" by " + c.suffix)
				}
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// numbers counts the operators, sub-topology by sub-topology.
func (p *plan) numbers() map[*node]int {
	number := map[*node]int{}
	for sub := range p.subs {
		for _, n := range p.all {
			if p.sub[n] == sub {
				number[n] = len(number)
			}
		}
	}
	return number
}

// dot prints the graph in the language of Graphviz: sub-topologies as boxes around their operators, repartition topics as
// cylinders between them.
func dot(p *plan) string {
	var b strings.Builder
	b.WriteString("digraph {\n  node [shape=box]\n")
	number := p.numbers()
	for sub := range p.subs {
		indent := "  "
		if len(p.subs) > 1 {
			fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=\"sub-topology %d\"\n", sub, sub)
			indent = "    "
		}
		for _, n := range p.all {
			if p.sub[n] == sub {
				fmt.Fprintf(&b, "%sn%d [label=%q]\n", indent, number[n], n.String())
			}
		}
		if len(p.subs) > 1 {
			b.WriteString("  }\n")
		}
	}
	topics := 0
	for _, n := range p.all {
		for i, in := range n.inputs {
			c := p.cuts[edge{n, i}]
			if c == nil {
				fmt.Fprintf(&b, "  n%d -> n%d\n", number[in], number[n])
				continue
			}
			fmt.Fprintf(&b, "  t%d [label=%q shape=cylinder]\n", topics, c.suffix)
			fmt.Fprintf(&b, "  n%d -> t%d -> n%d\n", number[in], topics, number[n])
			topics++
		}
	}
	b.WriteString("}\n")
	return b.String()
}
