package stream

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// node describes an operator. Nodes are immutable and form a directed graph without cycles.
type node struct {
	kind, detail string
	inputs       []*node
	// delay is how much later than its own timestamp an element may leave the operator, in milliseconds of stream time.
	delay  int64
	config *config // of a source
}

// lag is how far the elements that reach n may be behind stream time.
func (n *node) lag() (most int64) {
	for _, in := range n.inputs {
		most = max(most, in.lag()+in.delay)
	}
	return most
}

// nodes lists what leads to the roots, inputs first, each once.
func nodes(roots ...*node) (all []*node) {
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, in := range n.inputs {
			visit(in)
		}
		all = append(all, n)
	}
	for _, n := range roots {
		visit(n)
	}
	return all
}

func (n *node) String() string {
	if n.detail == "" {
		return n.kind
	}
	return n.kind + " " + n.detail
}

// describe prints one line per operator: its number, what it does, and the numbers of its inputs.
func describe(roots ...*node) string {
	var b strings.Builder
	number := map[*node]int{}
	for i, n := range nodes(roots...) {
		number[n] = i
		fmt.Fprintf(&b, "%d %s", i, n)
		for j, in := range n.inputs {
			b.WriteString([]string{" <- ", ", "}[min(j, 1)])
			fmt.Fprint(&b, number[in])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// dot prints the graph in the language of Graphviz.
func dot(roots ...*node) string {
	var b strings.Builder
	b.WriteString("digraph {\n  node [shape=box]\n")
	number := map[*node]int{}
	for i, n := range nodes(roots...) {
		number[n] = i
		fmt.Fprintf(&b, "  n%d [label=%q]\n", i, n.String())
		for _, in := range n.inputs {
			fmt.Fprintf(&b, "  n%d -> n%d\n", number[in], i)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// derivedID is an application id that stays the same as long as the topology does.
func derivedID(roots ...*node) string {
	sum := sha256.Sum256([]byte(describe(roots...)))
	return "stream-" + hex.EncodeToString(sum[:8])
}
