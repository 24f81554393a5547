package stream

import (
	"fmt"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// Stream is a sequence of elements that a topology makes of records. It is immutable: operators return new streams, and
// one stream may be used several times. Where elements hold memory that functions can change (messages, values of type
// any), each use gets copies; elements of other types are handed on as they are.
//
// Operators that change the type of the elements are functions of this package, since methods cannot have type
// parameters before Go 1.27; there they are methods, too.
type Stream[T any] struct {
	node    *node
	env     *Env
	coder   coder[T]
	connect func(b *builder, out push[T])
}

// AnyStream is a [Stream] of whatever type.
type AnyStream interface{ values() *Stream[any] }

// New makes a stream of a topic's records.
func New[T any](s Source[T], opts ...Option) *Stream[T] {
	c := &config{}
	for _, o := range opts {
		o(c)
	}
	out := &Stream[T]{
		node: &node{kind: "source", detail: s.Topic, topic: s.Topic, config: c},
		env:  &s.Env, coder: sourceCoder(&s),
	}
	out.connect = func(b *builder, next push[T]) {
		b.task(out.node).source(s.Topic, 1, decoder(b, &s, c, next))
	}
	return out
}

// decoder decodes records, and tells their time.
func decoder[T any](b *builder, s *Source[T], c *config, next push[T]) *source {
	src := &source{}
	timestamp, ok := c.timestamp.(func(T) time.Time)
	if c.timestamp != nil && !ok {
		b.fail(engine.Errorf(engine.ErrInvalidArgument, "WithTimestamp has a %T, but the elements are %T", c.timestamp, *new(T)).At(s.Topic, -1))
	}
	var v T
	src.decode = func(m *meta) (_ int, _ int64, err error) {
		if v, err = s.Decode(src.codec, m.tp, m.record); err != nil {
			err = engine.Errorf(engine.ErrSerialization, "offset %d: %w", m.offset, err).At(m.tp.Topic, int(m.tp.Partition))
			return 0, 0, err
		}
		if timestamp != nil {
			m.time = timestamp(v).UnixMilli()
		}
		return 0, m.time, nil
	}
	src.push = func(m *meta) error { return next(m, v) }
	return src
}

// then is a stream that an operator without state makes of s.
func then[T, R any](s *Stream[T], kind string, c coder[R], op func(out push[R]) push[T]) *Stream[R] {
	return &Stream[R]{
		node: &node{kind: kind, inputs: []*node{s.node}}, env: s.env, coder: c,
		connect: func(b *builder, out push[R]) { s.into(b, op(out)) },
	}
}

// Filter keeps the elements that fn accepts.
func (s *Stream[T]) Filter(fn func(T) bool) *Stream[T] {
	return then(s, "filter", s.coder, func(out push[T]) push[T] {
		return func(m *meta, v T) error {
			if !fn(v) {
				return nil
			}
			return out(m, v)
		}
	})
}

// Peek calls fn for each element and hands it on.
func (s *Stream[T]) Peek(fn func(T)) *Stream[T] {
	return then(s, "peek", s.coder, func(out push[T]) push[T] {
		return func(m *meta, v T) error {
			fn(v)
			return out(m, v)
		}
	})
}

// Map makes of each element what fn returns. Key, headers and time stay.
func Map[T, R any](s *Stream[T], fn func(T) R) *Stream[R] {
	return then(s, "map", valueCoder[R](s.env), func(out push[R]) push[T] {
		return func(m *meta, v T) error { return out(m, fn(v)) }
	})
}

// FlatMap makes of each element those that fn returns. Key, headers and time stay.
func FlatMap[T, R any](s *Stream[T], fn func(T) []R) *Stream[R] {
	return then(s, "flatMap", valueCoder[R](s.env), func(out push[R]) push[T] {
		return func(m *meta, v T) error {
			for _, r := range fn(v) {
				if err := out(m, r); err != nil {
					return err
				}
			}
			return nil
		}
	})
}

// Merge is the elements of all these streams.
func (s *Stream[T]) Merge(others ...*Stream[T]) *Stream[T] {
	all := append([]*Stream[T]{s}, others...)
	n := &node{kind: "merge"}
	for _, o := range all {
		n.inputs = append(n.inputs, o.node)
	}
	return &Stream[T]{node: n, env: s.env, coder: s.coder, connect: func(b *builder, out push[T]) {
		for i, o := range all {
			connect(b, o, n, i, byRecordKey[T](stay), out)
		}
	}}
}

// Through writes the elements to a topic and goes on with what was written.
func (s *Stream[T]) Through(topic string) *Stream[T] {
	n := &node{kind: "through", detail: topic, inputs: []*node{s.node}}
	return &Stream[T]{
		node: n, env: s.env, coder: s.coder,
		connect: func(b *builder, out push[T]) {
			write, next := writer[T](b, n, s.env, topic), settled(s.coder, out)
			s.into(b, func(m *meta, v T) error {
				if err := write(m, v); err != nil {
					return err
				}
				return next(m, v)
			})
		},
	}
}

// values is the stream of what would be encoded of the elements.
func (s *Stream[T]) values() *Stream[any] {
	if same, ok := any(s).(*Stream[any]); ok {
		return same
	}
	return then(s, "values", valueCoder[any](s.env), func(out push[any]) push[T] {
		return func(m *meta, v T) error { return out(m, s.env.value(v)) }
	})
}

// into makes out one of the users of s. What leads to s is built for the first of them only.
func (s *Stream[T]) into(b *builder, out push[T]) {
	if f, ok := b.fans[s.node].(*fan[T]); ok {
		f.outs = append(f.outs, out)
		return
	}
	f := &fan[T]{coder: s.coder, outs: []push[T]{out}}
	b.fans[s.node] = f
	s.connect(b, f.push)
}

// fan hands elements to all users of a stream.
type fan[T any] struct {
	coder coder[T]
	outs  []push[T]
}

func (f *fan[T]) push(m *meta, v T) error {
	if len(f.outs) == 1 {
		return f.outs[0](m, v)
	}
	copies := make([]T, len(f.outs))
	for i := range copies {
		copies[i] = v
		if i > 0 && f.coder.shared {
			var err error
			if copies[i], err = f.coder.copied(m, v); err != nil {
				return fmt.Errorf("copying for a branch: %w", err)
			}
		}
	}
	for i, out := range f.outs {
		mine := *m
		if err := out(&mine, copies[i]); err != nil {
			return err
		}
	}
	return nil
}
