package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// builder wires the operators of a topology into tasks, one for each sub-topology.
type builder struct {
	plan   *plan
	id     string // application id
	tasks  []*Task
	fans   map[*node]any // *fan[T] by the node of the stream
	stores map[*node]any // *store[K, A] by the node of the table
	err    error         // the first mistake found
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// task is the one that an operator runs in.
func (b *builder) task(n *node) *Task { return b.tasks[b.plan.sub[n]] }

// source is the beginning of a sub-topology.
type source struct {
	codec Codec
	// decode decodes the current record. It says which lane of the input it is in, and up to what time that has come.
	decode func(m *meta) (lane int, upTo int64, err error)
	// push hands on what was decoded.
	push func(m *meta) error
}

// source makes s the user of a topic. A topic may have several.
func (t *Task) source(topic string, lanes int, s *source) *topicSources {
	if t.topics[topic] == nil {
		t.topics[topic] = &topicSources{lanes: lanes}
	}
	t.topics[topic].sources = append(t.topics[topic].sources, s)
	return t.topics[topic]
}

// operator is one that keeps state or waits for stream time.
type operator interface {
	// nextClose is the time at which something closes next; false when nothing waits.
	nextClose() (int64, bool)
	// close closes what is due at time, in order, and pushes the results.
	close(time int64) error
	// restore takes over one record of the changelog; a null value is a removal.
	restore(key, value []byte) error
	// restored is called after the last one; time is the operator's time at the commit.
	restored(time int64)
	// flush hands all changes since the last flush to write; a nil value is a removal.
	flush(write func(key, value []byte)) error
}

// placed is an operator in a task.
type placed struct {
	operator
	name string
	lag  int64 // what the operator sees may be this much behind stream time
}

// add registers an operator and returns its place.
func (b *builder) add(n *node, op operator) *placed {
	t := b.task(n)
	p := &placed{operator: op, name: b.plan.names[n], lag: b.plan.lag(n)}
	t.operators = append(t.operators, p)
	return p
}

// now is an operator's time: that of the task, less what upstream operators may hold elements back.
func (t *Task) now(p *placed) int64 {
	if t.time == never {
		return never
	}
	return t.time - p.lag
}

// written is records that gather for a topic.
type written struct {
	topic   string
	records []engine.Record
	bytes   []byte // holds the values
}

// output gathers results for a topic.
type output struct {
	written
	codec Codec
}

func (t *Task) output(topic string) *output {
	for _, o := range t.outputs {
		if o.topic == topic {
			return o
		}
	}
	o := &output{written: written{topic: topic}}
	t.outputs = append(t.outputs, o)
	return o
}

// writer encodes elements that reach n as records of a topic, with their key, headers and time.
func writer[T any](b *builder, n *node, e *Env, topic string) push[T] {
	if err := engine.ValidateName("topic", topic); err != nil {
		b.fail(err)
	}
	t := b.task(n)
	o := t.output(topic)
	return func(m *meta, v T) error { return t.write(o, m, e.value(v)) }
}

func (t *Task) write(o *output, m *meta, v any) (err error) {
	r := engine.Record{Key: m.key, Timestamp: m.time, Partition: engine.AnyPartition, Offset: -1}
	if v != nil {
		start := len(o.bytes)
		if o.bytes, err = o.codec.Append(o.bytes, v); err != nil {
			return engine.Errorf(engine.ErrSerialization, "a result: %w", err).At(o.topic, -1)
		}
		r.Value = o.bytes[start:len(o.bytes):len(o.bytes)]
	}
	if m.record != nil && m.record.NumHeaders > 0 {
		for h := range m.record.Headers() {
			if h.Key != engine.CodecHeader { // which is about the input's value
				r.Headers = append(r.Headers, h)
			}
		}
	}
	o.records = append(o.records, r)
	t.pending++
	return nil
}

// late counts a late record and hands it to those who asked for it.
func (t *Task) late(e *Env, m *meta, v any) error {
	t.lateRecords++
	v = e.value(v)
	if t.config.onLate != nil {
		t.config.onLate(Late{
			Topic: m.tp.Topic, Partition: int(m.tp.Partition), Offset: m.offset, Key: string(m.key), Value: v,
			Timestamp: time.UnixMilli(m.time).UTC(),
		})
	}
	if t.lateTo == nil {
		return nil
	}
	return t.write(t.lateTo, m, v)
}

// deadLetter puts a record, as it is, among the dead letters.
func (t *Task) deadLetter(m *meta, cause error) {
	r := m.record
	headers := append(r.AppendHeaders(nil),
		record.Header{Key: "original-topic", Value: []byte(m.tp.Topic)},
		record.Header{Key: "original-partition", Value: fmt.Append(nil, m.tp.Partition)},
		record.Header{Key: "original-offset", Value: fmt.Append(nil, m.offset)},
		record.Header{Key: "error", Value: []byte(cause.Error())})
	t.letters.records = append(t.letters.records, engine.Record{
		Key: r.Key, Value: r.Value, Headers: headers, Timestamp: r.Timestamp, Partition: engine.AnyPartition, Offset: -1,
	})
	t.pending++
}

// check looks for mistakes in the whole.
func (b *builder) check() error {
	for _, from := range b.tasks {
		for _, to := range b.tasks {
			for _, o := range to.outputs {
				if from.topics[o.topic] != nil {
					b.fail(engine.Errorf(engine.ErrInvalidArgument, "topic %s is read and written: it would never end", o.topic))
				}
			}
		}
	}
	return b.err
}

// resolve finds the codecs of all topics.
func (t *Task) resolve(ctx context.Context) error {
	for topic, ts := range t.topics {
		if ts.arrival {
			continue
		}
		c, err := t.env.TopicCodec(ctx, topic)
		if err != nil {
			return err
		}
		for _, s := range ts.sources {
			s.codec = c
		}
	}
	for _, o := range t.outputs {
		c, err := t.env.TopicCodec(ctx, o.topic)
		if err != nil {
			return err
		}
		o.codec = c
	}
	return nil
}
