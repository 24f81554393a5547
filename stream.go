package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/stream"
)

// Stream is a sequence of elements that operators turn into other ones; see package stream for what it promises. Nothing
// runs until To, Each, Results, All or Branch is called.
type Stream[T any] = stream.Stream[T]

// AnyStream is a [Stream] of whatever type.
type AnyStream = stream.AnyStream

// JoinOption configures a join.
type JoinOption = stream.JoinOption

// JoinOn joins elements for which fn is true. Each element is compared with all of the other side's within the window.
func JoinOn(fn func(left, right any) bool) JoinOption { return stream.JoinOn(fn) }

// JoinKeys joins elements whose keys, which must be comparable, are equal.
func JoinKeys(left, right func(v any) any) JoinOption { return stream.JoinKeys(left, right) }

// JoinWindow sets how far apart in time two elements may be, before or after; it must be given.
func JoinWindow(d time.Duration) JoinOption { return stream.JoinWindow(d) }

// JoinGrace keeps elements for d longer than the window asks for, for others that come out of order.
func JoinGrace(d time.Duration) JoinOption { return stream.JoinGrace(d) }

// Branch routes messages to a topic.
type Branch = stream.Branch[*Message]

// Window says which windows an element belongs to.
type Window = stream.Window

// Late is a record that came for closed windows only.
type Late = stream.Late

// Guarantee says what a crash can do to a stream's outputs and state.
type Guarantee = stream.Guarantee

// The guarantees.
const (
	ExactlyOnce = stream.ExactlyOnce // nothing is lost or doubled; the default
	AtLeastOnce = stream.AtLeastOnce // nothing is lost; what came since the last commit may come again
)

// TumblingWindow is windows of one size that neither overlap nor leave gaps.
func TumblingWindow(size time.Duration) Window { return stream.TumblingWindow(size) }

// HoppingWindow is windows of one size, one of which begins every advance.
func HoppingWindow(size, advance time.Duration) Window { return stream.HoppingWindow(size, advance) }

// SlidingWindow is a window for each set of elements that are within d of each other.
func SlidingWindow(d time.Duration) Window { return stream.SlidingWindow(d) }

// SessionWindow is a window for each run of elements with no gap between neighbours longer than gap.
func SessionWindow(gap time.Duration) Window { return stream.SessionWindow(gap) }

// NewStream makes a stream of a topic's messages. A mistake in the options is an error of the call that runs it.
func NewStream(c *Client, topic string, opts ...StreamOption) *Stream[*Message] {
	return stream.New(stream.Source[*Message]{
		Env: c.streamEnv(), Topic: topic, Decode: streamMessage,
		Encode: func(dst []byte, m *Message) ([]byte, error) { return codec.MsgPack.Append(dst, m.Value) },
		Restore: func(tp engine.TopicPartition, r *record.Record) (*Message, error) {
			return newStreamMessage(codec.MsgPack, 0, tp, r)
		},
	}, streamOptions(opts)...)
}

// Stream makes a stream of a topic's messages; see [NewStream].
func (c *Client) Stream(topic string, opts ...StreamOption) *Stream[*Message] {
	return NewStream(c, topic, opts...)
}

// NewTypedStream makes a stream of a topic's values, decoded straight into T; a tombstone has the zero value.
func NewTypedStream[T any](c *Client, topic string, opts ...StreamOption) *Stream[T] {
	return stream.New(stream.Source[T]{
		Env: c.streamEnv(), Topic: topic,
		Decode: func(c stream.Codec, _ engine.TopicPartition, r *record.Record) (v T, err error) {
			if r.Value == nil {
				return v, nil
			}
			known, ok := c.(codec.Codec)
			if !ok {
				return v, errors.ErrUnsupported
			}
			if known, err = codec.Of(r).Codec(known); err == nil {
				err = known.Unmarshal(r.Value, &v)
			}
			return v, err
		},
	}, streamOptions(opts)...)
}

func (c *Client) streamEnv() stream.Env {
	return stream.Env{
		Engine: c.engine, Clock: c.config.Clock, Logger: c.config.Logger, StateCodec: codec.MsgPack,
		TopicCodec: func(ctx context.Context, topic string) (stream.Codec, error) { return c.topicCodec(ctx, topic) },
		Value:      streamValue,
	}
}

// streamValue is what is encoded of an element: of a message, its value.
func streamValue(v any) any {
	if m, ok := v.(*Message); ok {
		return m.Value
	}
	return v
}

// streamMessage makes a message of a record.
func streamMessage(c stream.Codec, tp engine.TopicPartition, r *record.Record) (*Message, error) {
	known, ok := c.(codec.Codec)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return newStreamMessage(known, codec.Of(r), tp, r)
}

// newStreamMessage makes a message of a record whose value has the label's codec, or c. It cannot be committed by itself.
func newStreamMessage(c codec.Codec, l codec.Label, tp engine.TopicPartition, r *record.Record) (*Message, error) {
	m := &struct {
		Message
		source
	}{}
	m.source.tp, m.source.codec = tp, c
	m.Message.receive(&m.source, r)
	m.Message.label = l
	if r.Value == nil {
		return &m.Message, nil
	}
	c, err := l.Codec(c)
	if err == nil {
		m.Message.Value, err = c.Decode(r.Value)
	}
	return &m.Message, err
}
