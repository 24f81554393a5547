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

// TypedConsumer is a consumer of messages whose values have one type, decoded once, straight into it.
type TypedConsumer[T any] struct {
	*Consumer
	slab []TypedMessage[T] // for the next messages
}

// typedSlab is how many typed messages are allocated at once.
const typedSlab = 64

// NewTypedConsumer makes a consumer; see [Client.Consumer].
func NewTypedConsumer[T any](c *Client, topic, group string, opts ...ConsumerOption) *TypedConsumer[T] {
	t := &TypedConsumer[T]{Consumer: c.Consumer(topic, group, opts...)}
	t.decode = t.decodeTyped
	return t
}

// decodeTyped decodes into the first message of the slab, where Messages finds it.
func (c *TypedConsumer[T]) decodeTyped(m *Message) error {
	if len(c.slab) == 0 {
		c.slab = make([]TypedMessage[T], typedSlab)
	}
	t := &c.slab[0]
	*t = TypedMessage[T]{Message: m}
	if m.record.Value == nil {
		return nil
	}
	return m.Decode(&t.Value)
}

// Messages is [Consumer.Messages] with typed values; a tombstone has the zero value.
func (c *TypedConsumer[T]) Messages(ctx context.Context) iter.Seq[*TypedMessage[T]] {
	return func(yield func(*TypedMessage[T]) bool) {
		c.setErr(c.each(ctx, func(*Message) bool { return yield(c.take()) }))
	}
}

// All is [Consumer.All] with typed values.
func (c *TypedConsumer[T]) All(ctx context.Context) iter.Seq2[*TypedMessage[T], error] {
	return func(yield func(*TypedMessage[T], error) bool) {
		c.all(ctx, func(m *Message, err error) bool {
			if m == nil {
				return yield(nil, err)
			}
			return yield(c.take(), nil)
		})
	}
}

// take is the message that decodeTyped has just made.
func (c *TypedConsumer[T]) take() *TypedMessage[T] {
	t := &c.slab[0]
	c.slab = c.slab[1:]
	return t
}
