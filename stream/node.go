package stream

import (
	"crypto/sha256"
	"encoding/hex"
)

// node describes an operator. Nodes are immutable and form a directed graph without cycles.
type node struct {
	kind, detail string
	inputs       []*node
	spread       []exchange // of each input; nil is stay for all of them
	store        string     // what its state is called; empty for a name that has its number
	stateful     bool
	// delay is how much later than its own timestamp an element may leave the operator, in milliseconds of stream time.
	delay  int64
	config *config // of a source
	topic  string  // of a source
}

// exchange says which elements of an operator's input one task must have.
type exchange int8

const (
	stay     exchange = iota // any
	byKey                    // all with the same record key
	byValue                  // all for which a function returns the same
	together                 // all there are
	fixed                    // any, and the other inputs' must come to them: the input is a table
)

// exchange is how the elements of an input are spread over tasks.
func (n *node) exchange(input int) exchange {
	if n.spread == nil {
		return stay
	}
	return n.spread[input]
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

// derivedID is an application id that stays the same as long as the topology does.
func derivedID(root *node) string {
	sum := sha256.Sum256([]byte(describe(onePlan(root))))
	return "stream-" + hex.EncodeToString(sum[:8])
}
