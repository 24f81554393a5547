package stream

import (
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// crossing writes elements to a repartition topic.
type crossing struct {
	written
	partitions int32
	lane       int
	lag        int64   // of the elements behind the task's stream time
	told       []int64 // up to where each partition knows the time
}

func (t *Task) crossing(topic string, c *cut, lag int64) *crossing {
	x := &crossing{written: written{topic: topic}, partitions: int32(c.partitions), lag: lag, told: make([]int64, c.partitions)}
	for i := range x.told {
		x.told[i] = never
	}
	t.crossings = append(t.crossings, x)
	return x
}

// route appends the bytes that decide on the partition of an element; nil leaves it to whoever writes.
type route[T any] func(dst []byte, m *meta, v T) ([]byte, error)

// byRecordKey routes by the record's key; elements without one go together, except where any partition will do.
func byRecordKey[T any](e exchange) route[T] {
	return func(dst []byte, m *meta, _ T) ([]byte, error) {
		if m.key == nil && e == stay {
			return nil, nil
		}
		return append(dst, m.key...), nil
	}
}

// byAnyKey routes by a key of whatever type.
func byAnyKey[T any](e *Env, key func(m *meta, v T) any) route[T] {
	return func(dst []byte, m *meta, v T) ([]byte, error) { return appendKey(e, dst, key(m, v)) }
}

// appendKey appends the bytes of a key: a string as it is, other types encoded by the StateCodec.
func appendKey(e *Env, dst []byte, k any) ([]byte, error) {
	if text, ok := k.(string); ok {
		return append(dst, text...), nil
	}
	return e.StateCodec.Append(dst, k)
}

// connect makes op the user of the stream that is an input of n, by way of a repartition topic where the plan has one.
// Either way, values of static type any go through the codec.
func connect[T any](b *builder, s *Stream[T], n *node, input int, by route[T], op push[T]) {
	c := b.plan.cuts[edge{n, input}]
	if c == nil {
		s.into(b, settled(s.coder, op))
		return
	}
	topic := b.id + "-" + c.suffix
	if err := engine.ValidateName("topic", topic); err != nil {
		b.fail(err)
	}
	t := b.task(s.node)
	x := t.crossing(topic, c, b.plan.lag(s.node)+s.node.delay)
	w := &departure[T]{task: t, crossing: x, by: by, encode: s.coder.encode, key: make([]byte, 0, 64)}
	s.into(b, w.push)
	b.task(n).source(topic, c.lanes, arrival(s.coder, op)).arrival = true
}

// departure writes elements of one type.
type departure[T any] struct {
	*crossing
	task   *Task
	by     route[T]
	encode func(dst []byte, v T) ([]byte, error)
	key    []byte // memory for routes
}

func (d *departure[T]) push(m *meta, v T) error {
	to, err := d.partition(m, v)
	if err != nil {
		return err
	}
	c := crossed{
		flags: crossedElement, lane: d.lane, upTo: d.task.time - d.lag, time: m.time,
		topic: []byte(m.tp.Topic), partition: m.tp.Partition, offset: m.offset,
	}
	r := engine.Record{Key: m.key, Timestamp: max(m.time, 0), Partition: to, Offset: -1}
	switch {
	case m.record == nil:
		c.flags |= crossedMade
	default:
		r.Timestamp = m.record.Timestamp
		if m.record.Value == nil {
			c.flags |= crossedTombstone
		}
		if m.record.NumHeaders > 0 {
			r.Headers = m.record.AppendHeaders(nil)
		}
	}
	start := len(d.bytes)
	if d.bytes, err = d.encode(c.append(d.bytes), v); err != nil {
		d.bytes = d.bytes[:start]
		return engine.Errorf(engine.ErrSerialization, "an element: %w", err).At(d.topic, -1)
	}
	r.Value = d.bytes[start:len(d.bytes):len(d.bytes)]
	d.records = append(d.records, r)
	d.told[to] = max(d.told[to], c.upTo)
	d.task.pending++
	return nil
}

func (d *departure[T]) partition(m *meta, v T) (int32, error) {
	key, err := d.by(d.key[:0], m, v)
	if err != nil {
		return 0, engine.Errorf(engine.ErrSerialization, "a key: %w", err).At(d.topic, -1)
	}
	if key == nil {
		return int32(d.lane) % d.partitions, nil
	}
	d.key = key
	return engine.PartitionForKey(key, d.partitions), nil
}

// signal tells all partitions of a repartition topic of the time, where no element has.
func (t *Task) signal() {
	if t.time == never {
		return
	}
	for _, x := range t.crossings {
		c := crossed{lane: x.lane, upTo: t.time - x.lag}
		for i := range x.told {
			if x.told[i] >= c.upTo {
				continue
			}
			x.told[i] = c.upTo
			start := len(x.bytes)
			x.bytes = c.append(x.bytes)
			x.records = append(x.records, engine.Record{
				Value: x.bytes[start:len(x.bytes):len(x.bytes)], Timestamp: max(c.upTo, 0), Partition: int32(i), Offset: -1,
			})
			t.pending++
		}
	}
}

// arrival is the source of elements that come out of a repartition topic. To the operators they look as if there were no
// such topic: with the key, the headers and the place of the source record.
func arrival[T any](c coder[T], op push[T]) *source {
	var (
		v      T
		signal bool
		origin record.Record
		topic  string // the last one, which is mostly the next one, too
	)
	return &source{
		decode: func(m *meta) (int, int64, error) {
			x, err := parseCrossed(m.record.Value)
			if err != nil {
				return 0, 0, engine.Errorf(engine.ErrCorrupt, "offset %d: %w", m.offset, err).At(m.tp.Topic, int(m.tp.Partition))
			}
			if signal = x.flags&crossedElement == 0; signal {
				return x.lane, x.upTo, nil
			}
			if string(x.topic) != topic {
				topic = string(x.topic)
			}
			origin = *m.record
			origin.Offset, origin.Value = x.offset, x.element
			if x.flags&crossedTombstone != 0 {
				origin.Value = nil
			}
			m.tp, m.offset, m.time = engine.TopicPartition{Topic: topic, Partition: x.partition}, x.offset, x.time
			if m.record = &origin; x.flags&crossedMade != 0 {
				m.record = nil
			}
			if v, err = c.decode(m, x.element); err != nil {
				return 0, 0, engine.Errorf(engine.ErrSerialization, "offset %d: %w", m.offset, err).At(topic, int(x.partition))
			}
			return x.lane, x.upTo, nil
		},
		push: func(m *meta) error {
			if signal {
				return nil
			}
			return op(m, v)
		},
	}
}
