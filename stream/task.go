package stream

import (
	"errors"
	"fmt"
	"math"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// never is the time before the first record.
const never = math.MinInt64

// Task is the operators of a topology, or of a sub-topology, wired up to run. It is for one goroutine. Terminal calls make
// tasks and run them over the engine; a test driver makes one and hands it records itself.
type Task struct {
	env       *Env
	config    config
	id        string // application id; empty stores nothing
	topics    map[string]*topicSources
	operators []*placed
	outputs   []*output
	crossings []*crossing // to repartition topics
	tables    []shown
	lateTo    *output
	letters   *output

	current     meta // of the record that is processed
	inputs      []*input
	byPartition map[engine.TopicPartition]*input
	time        int64 // stream time
	closings    int   // how often something was closed
	lateRecords int64
	pending     int // records in outputs and crossings
}

// topicSources are all sources of one topic.
type topicSources struct {
	sources []*source
	lanes   int  // of each partition
	arrival bool // it is a repartition topic
}

// LateRecords counts the records that came for closed windows only.
func (t *Task) LateRecords() int64 { return t.lateRecords }

// add makes a partition one that holds stream time back until it has records.
func (t *Task) add(tp engine.TopicPartition) *input {
	if in := t.byPartition[tp]; in != nil {
		return in
	}
	from := t.topics[tp.Topic]
	in := &input{tp: tp, sources: from.sources, arrival: from.arrival, lanes: make([]lane, from.lanes)}
	for i := range in.lanes {
		in.lanes[i] = lane{time: never, since: t.env.Clock.Now()}
	}
	t.byPartition[tp] = in
	t.inputs = append(t.inputs, in)
	return in
}

// Process runs one record through the topology. It sees stream time as it is with this record.
func (t *Task) Process(tp engine.TopicPartition, r *record.Record) error {
	in := t.add(tp)
	in.lanes[0].since = t.env.Clock.Now()
	return t.process(in, r)
}

func (t *Task) process(in *input, r *record.Record) error {
	in.next = r.Offset + 1
	for _, s := range in.sources {
		t.current = meta{tp: in.tp, offset: r.Offset, time: r.Timestamp, key: r.Key, record: r}
		if err := t.step(in, s); err != nil {
			if err := t.judge(&t.current, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// step has a source decode and push the current record.
func (t *Task) step(in *input, s *source) (err error) {
	m := &t.current
	defer rescue(m, &err)
	from, upTo, err := s.decode(m)
	if err != nil {
		return failed{err}
	}
	l := in.lane(from)
	l.idle = false
	if upTo > l.time {
		l.time = upTo
		if err := t.advance(t.smallest()); err != nil {
			return err
		}
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
	hand := func(o *written) error {
		if len(o.records) == 0 {
			return nil
		}
		if err := yield(o.topic, o.records); err != nil {
			return fmt.Errorf("writing results: %w", err)
		}
		clear(o.records)
		o.records, o.bytes = o.records[:0], o.bytes[:0]
		return nil
	}
	for _, o := range t.outputs {
		if err := hand(&o.written); err != nil {
			return err
		}
	}
	for _, c := range t.crossings {
		if err := hand(&c.written); err != nil {
			return err
		}
	}
	t.pending = 0
	return nil
}

// show lets tables be asked for what the task holds of them.
func (t *Task) show() {
	for _, s := range t.tables {
		s.show()
	}
}

// hide ends that; kept says that it is for want of a new run only, so that they go on showing it until there is one.
func (t *Task) hide(kept bool) {
	for _, s := range t.tables {
		s.hide(kept)
	}
}
