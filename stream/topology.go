package stream

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// Topology is a stream or a table with its sink, ready to run.
type Topology struct {
	env   *Env
	root  *node
	sink  bool
	build func(b *builder)
}

// String prints one line per operator: its number, what it does, and the numbers of its inputs. It shows the
// sub-topologies, and the repartition topics between them, that there are when the sources have several partitions.
func (t *Topology) String() string { return describe(generalPlan(t.root)) }

// Dot prints what String does in the language of Graphviz.
func (t *Topology) Dot() string { return dot(generalPlan(t.root)) }

// ApplicationID is the name under which the topology stores its progress; empty when it stores none. See
// [WithApplicationID].
func (t *Topology) ApplicationID() (string, error) {
	c, err := merged(nodes(t.root))
	if err == nil && c.applicationID == "" && t.sink {
		return derivedID(t.root), nil
	}
	return c.applicationID, err
}

// Env is what the topology runs on.
func (t *Topology) Env() *Env { return t.env }

// NewTask wires a topology up as one task that has all partitions. Its state is empty, its stream time has not begun.
func NewTask(ctx context.Context, top *Topology) (*Task, error) {
	p, err := newPlan(top.root, func(string) int { return 1 }, func(string) int { return 0 })
	if err != nil {
		return nil, err
	}
	t, err := newTask(ctx, top, p, 0)
	if err == nil {
		t.show()
	}
	return t, err
}

// newTask wires the operators of one sub-topology up.
func newTask(ctx context.Context, top *Topology, p *plan, sub int) (*Task, error) {
	c, err := merged(p.all)
	if err != nil {
		return nil, err
	}
	b := &builder{plan: p, fans: map[*node]any{}, stores: map[*node]any{}}
	if b.id, err = top.ApplicationID(); err != nil {
		return nil, err
	}
	for range p.subs {
		t := &Task{env: top.env, config: c, id: b.id, time: never}
		t.topics, t.byPartition = map[string]*topicSources{}, map[engine.TopicPartition]*input{}
		if c.lateTo != "" {
			t.lateTo = t.output(c.lateTo)
		}
		if c.policy == DeadLetter {
			t.letters = t.output(c.deadLetters)
		}
		b.tasks = append(b.tasks, t)
	}
	top.build(b)
	if err := b.check(); err != nil {
		return nil, err
	}
	return b.tasks[sub], b.tasks[sub].resolve(ctx)
}
