package kafka

import (
	"context"
	"iter"
)

// TypedMessage is a message whose value was decoded into a T.
type TypedMessage[T any] struct {
	*Message
	Value T // hides Message.Value, which is nil
}

// TypedConsumer is a consumer of messages whose values have one type, decoded once, straight into it. What it does not
// redefine, as Chan or Parallel, gives messages with untyped values.
type TypedConsumer[T any] struct {
	*Consumer
	keep func(*TypedMessage[T]) bool // nil keeps all
}

// typedSlab is how many typed messages are allocated at once.
const typedSlab = 64

// NewTypedConsumer makes a consumer; see [Client.Consumer].
func NewTypedConsumer[T any](c *Client, topic, group string, opts ...ConsumerOption) *TypedConsumer[T] {
	return &TypedConsumer[T]{Consumer: c.Consumer(topic, group, opts...)}
}

// Filter is [Consumer.Filter] with typed values.
func (c *TypedConsumer[T]) Filter(fn func(*TypedMessage[T]) bool) *TypedConsumer[T] {
	before := c.keep
	return &TypedConsumer[T]{Consumer: c.Consumer, keep: func(m *TypedMessage[T]) bool {
		return (before == nil || before(m)) && fn(m)
	}}
}

// Messages is [Consumer.Messages] with typed values; a tombstone has the zero value.
func (c *TypedConsumer[T]) Messages(ctx context.Context) iter.Seq[*TypedMessage[T]] {
	return func(yield func(*TypedMessage[T]) bool) {
		d := c.decoder()
		c.reader.setErr(d.view.each(ctx, &loop{}, func(*Message) bool { return yield(d.take()) }))
	}
}

// All is [Consumer.All] with typed values.
func (c *TypedConsumer[T]) All(ctx context.Context) iter.Seq2[*TypedMessage[T], error] {
	return func(yield func(*TypedMessage[T], error) bool) {
		d := c.decoder()
		d.view.all(ctx, func(m *Message, err error) bool {
			if m == nil {
				return yield(nil, err)
			}
			return yield(d.take(), nil)
		})
	}
}

// typedDecoder decodes for one loop.
type typedDecoder[T any] struct {
	view *Consumer         // that decodes with it
	slab []TypedMessage[T] // the first is what was decoded last
}

func (c *TypedConsumer[T]) decoder() *typedDecoder[T] {
	d := &typedDecoder[T]{view: &Consumer{reader: c.reader}}
	d.view.decode = d.decode
	if c.keep != nil {
		d.view.keep = func(*Message) bool { return c.keep(&d.slab[0]) }
	}
	return d
}

// decode decodes into the first message of the slab.
func (d *typedDecoder[T]) decode(m *Message) error {
	if len(d.slab) == 0 {
		d.slab = make([]TypedMessage[T], typedSlab)
	}
	t := &d.slab[0]
	*t = TypedMessage[T]{Message: m}
	if m.record.Value == nil {
		return nil
	}
	return m.Decode(&t.Value)
}

// take hands out what was decoded last.
func (d *typedDecoder[T]) take() *TypedMessage[T] {
	t := &d.slab[0]
	d.slab = d.slab[1:]
	return t
}
