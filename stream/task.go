package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// never is the time before the first record.
const never = math.MinInt64

// Task is a topology wired up to run. It is for one goroutine. Terminal calls make one and run it over the engine; a
// test driver makes one and hands it records itself.
type Task struct {
	env       *Env
	config    config
	id        string // application id; empty stores nothing
	topics    map[string]*topicSources
	operators []*placed
	outputs   []*output
	lateTo    *output
	letters   *output

	current     meta // of the record that is processed
	partitions  []*partition
	byPartition map[engine.TopicPartition]*partition
	time        int64 // stream time
	closings    int   // how often something was closed
	lateRecords int64
	pending     int // records in outputs
}

// Topology is a stream or a table with its sink, ready to run.
type Topology struct {
	env   *Env
	root  *node
	sink  bool
	build func(b *builder)
}

// String prints one line per operator: its number, what it does, and the numbers of its inputs.
func (t *Topology) String() string { return describe(t.root) }

// Dot prints the topology in the language of Graphviz.
func (t *Topology) Dot() string { return dot(t.root) }

// ApplicationID is the name under which the topology stores its progress; empty when it stores none. See
// [WithApplicationID].
func (t *Topology) ApplicationID() (string, error) {
	c, err := merged(nodes(t.root))
	if err == nil && c.applicationID == "" && t.sink {
		return derivedID(t.root), nil
	}
	return c.applicationID, err
}

// NewTask wires a topology up. Its state is empty, its stream time has not begun.
func NewTask(ctx context.Context, top *Topology) (*Task, error) {
	t := &Task{
		env: top.env, topics: map[string]*topicSources{}, time: never,
		byPartition: map[engine.TopicPartition]*partition{},
	}
	var err error
	if t.config, err = merged(nodes(top.root)); err != nil {
		return nil, err
	}
	if t.id, err = top.ApplicationID(); err != nil {
		return nil, err
	}
	b := &builder{task: t, fans: map[*node]any{}}
	top.build(b)
	if t.config.lateTo != "" {
		t.lateTo = t.output(t.config.lateTo)
	}
	if t.config.policy == DeadLetter {
		t.letters = t.output(t.config.deadLetters)
	}
	if b.err != nil {
		return nil, b.err
	}
	return t, t.resolve(ctx)
}

// Env is what the topology runs on.
func (t *Topology) Env() *Env { return t.env }

// LateRecords counts the records that came for closed windows only.
func (t *Task) LateRecords() int64 { return t.lateRecords }

// Add makes a partition one that holds stream time back until it has records.
func (t *Task) Add(tp engine.TopicPartition) {
	if t.byPartition[tp] != nil {
		return
	}
	p := &partition{tp: tp, time: never, since: t.env.Clock.Now()}
	t.byPartition[tp] = p
	t.partitions = append(t.partitions, p)
}

// Process runs one record through the topology. It sees stream time as it is with this record.
func (t *Task) Process(tp engine.TopicPartition, r *record.Record) error {
	t.Add(tp)
	p := t.byPartition[tp]
	p.since = t.env.Clock.Now()
	return t.process(p, r)
}

func (t *Task) process(p *partition, r *record.Record) error {
	p.next, p.idle = r.Offset+1, false
	for _, s := range t.topics[p.tp.Topic].sources {
		t.current = meta{tp: p.tp, offset: r.Offset, time: r.Timestamp, key: r.Key, record: r}
		if err := t.step(p, s); err != nil {
			if err := t.judge(&t.current, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// step has a source decode and push the current record.
func (t *Task) step(p *partition, s *source) (err error) {
	m := &t.current
	defer rescue(m, &err)
	if err := s.decode(m); err != nil {
		return failed{err}
	}
	p.time = max(p.time, m.time)
	if err := t.advance(t.smallest()); err != nil {
		return err
	}
	return s.push(m)
}

// failed marks an error that is the record's own, and that the policy decides on.
type failed struct{ error }

func (f failed) Unwrap() error { return f.error }

// rescue turns a panic of the user's function into an error with the record's place, if there is a record.
func rescue(m *meta, err *error) {
	p := recover()
	if p == nil {
		return
	}
	e := engine.Errorf(engine.ErrInvalidArgument, "a function of the topology panicked: %v", p)
	if m != nil {
		e = engine.Errorf(engine.ErrInvalidArgument, "offset %d: %w", m.offset, e).At(m.tp.Topic, int(m.tp.Partition))
	}
	*err = failed{e}
}

// judge applies the policy to a record's error.
func (t *Task) judge(m *meta, err error) error {
	var own failed
	if !errors.As(err, &own) || t.config.policy == Fail {
		if own.error != nil {
			return own.error
		}
		return err
	}
	t.env.Logger.Warn("record failed", "topic", m.tp.Topic, "partition", m.tp.Partition, "offset", m.offset, "err", own.error)
	if t.config.policy == DeadLetter {
		t.deadLetter(m, own.error)
	}
	return nil
}

// Outputs hands over what was written since the last call, by topic and in order. The records are valid until the next
// call of a method of the task.
func (t *Task) Outputs(yield func(topic string, rs []engine.Record) error) error {
	for _, o := range t.outputs {
		if len(o.records) == 0 {
			continue
		}
		if err := yield(o.topic, o.records); err != nil {
			return fmt.Errorf("writing results: %w", err)
		}
		clear(o.records)
		o.records, o.bytes = o.records[:0], o.bytes[:0]
	}
	t.pending = 0
	return nil
}

// partition is an input.
type partition struct {
	tp     engine.TopicPartition
	buffer []record.Record
	next   int64     // offset behind what was processed
	read   int64     // offset behind what was read
	end    int64     // the end of the partition, as far as known
	time   int64     // largest so far
	since  time.Time // of the clock, when the last record came
	idle   bool
	paused bool
}
