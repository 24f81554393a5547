package stream

import (
	"context"
	"log/slog"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
)

// Codec encodes and decodes values. Its methods may be called concurrently.
type Codec interface {
	// Append appends the encoding of v to dst and keeps no reference to v.
	Append(dst []byte, v any) ([]byte, error)
	// Unmarshal decodes one value into what v points to; the result shares no memory with data.
	Unmarshal(data []byte, v any) error
}

// Env is what a topology runs on. All sources of a topology must have the same Engine.
type Env struct {
	Engine engine.Engine
	Clock  clock.Clock
	Logger *slog.Logger
	// TopicCodec finds the codec of a topic's values. It makes the topic when there is none and that is allowed.
	TopicCodec func(ctx context.Context, topic string) (Codec, error)
	// StateCodec encodes state, and values of static type any on their way into operators with state.
	StateCodec Codec
	// Value is what is encoded of a stream's element; nil means the element itself. The value nil is a tombstone.
	Value func(any) any
}

func (e *Env) value(v any) any {
	if e.Value == nil {
		return v
	}
	return e.Value(v)
}

// Source is a topic whose records become elements of type T.
type Source[T any] struct {
	Env
	Topic string
	// Decode makes an element of a record, whose memory it may keep but not write to.
	Decode func(c Codec, tp engine.TopicPartition, r *record.Record) (T, error)
	// Encode and Restore carry an element through state: what Encode appends, Restore gets as the value of a record with
	// the element's key and timestamp. When nil, the StateCodec is used.
	Encode  func(dst []byte, v T) ([]byte, error)
	Restore func(tp engine.TopicPartition, r *record.Record) (T, error)
}

// meta is what an element has besides its value. Operators pass it on unless they make new elements.
type meta struct {
	tp     engine.TopicPartition
	offset int64
	time   int64 // event time in milliseconds
	key    []byte
	record *record.Record // with the headers; nil when the element was made by an operator with state
	// removed says of a table's result that its key is no longer in the table.
	removed bool
}

// push hands an element to the next operator.
type push[T any] func(m *meta, v T) error

// coder carries elements through state.
type coder[T any] struct {
	encode func(dst []byte, v T) ([]byte, error)
	decode func(m *meta, data []byte) (T, error)
	shared bool // elements hold memory that functions can change: branches get copies
}

func sourceCoder[T any](s *Source[T]) coder[T] {
	if s.Encode == nil {
		return valueCoder[T](&s.Env)
	}
	return coder[T]{shared: true, encode: s.Encode, decode: func(m *meta, data []byte) (T, error) {
		r := record.NewRecord(m.offset, m.time, m.key, data, nil)
		if m.record != nil { // with its headers
			r = *m.record
			r.Value = data
		}
		return s.Restore(m.tp, &r)
	}}
}

func valueCoder[T any](e *Env) coder[T] {
	return coder[T]{
		shared: isAny[T](),
		encode: func(dst []byte, v T) ([]byte, error) { return e.StateCodec.Append(dst, v) },
		decode: func(_ *meta, data []byte) (v T, err error) {
			err = e.StateCodec.Unmarshal(data, &v)
			return v, err
		},
	}
}

// isAny reports whether T is the type any itself.
func isAny[T any]() bool {
	_, is := any((*T)(nil)).(*any)
	return is
}

// copied is an element with memory of its own.
func (c coder[T]) copied(m *meta, v T) (T, error) {
	data, err := c.encode(nil, v)
	if err != nil {
		return v, err
	}
	return c.decode(m, data)
}

// settled wraps a push into an operator with state: values of static type any go through the codec, so that functions
// see the same types whether or not a value was stored in between.
func settled[T any](c coder[T], next push[T]) push[T] {
	if !isAny[T]() {
		return next
	}
	return func(m *meta, v T) error {
		v, err := c.copied(m, v)
		if err != nil {
			return err
		}
		return next(m, v)
	}
}
