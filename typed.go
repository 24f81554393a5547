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

// TypedConsumer is a consumer of messages with values of one type, decoded once, straight into it.
type TypedConsumer[T any] struct{ *Consumer }

// NewTypedConsumer makes a consumer; see [Client.Consumer].
func NewTypedConsumer[T any](c *Client, topic, group string, opts ...ConsumerOption) *TypedConsumer[T] {
	return &TypedConsumer[T]{c.Consumer(topic, group, append(opts[:len(opts):len(opts)], WithRawValues())...)}
}

// Messages is [Consumer.Messages] with typed values. A value that cannot be decoded ends the loop with an error
// matching ErrSerialization, and the position stays there.
func (c *TypedConsumer[T]) Messages(ctx context.Context) iter.Seq[*TypedMessage[T]] {
	return func(yield func(*TypedMessage[T]) bool) {
		c.setErr(c.each(ctx, func(m *Message) bool { return yield(typed[T](m)) }))
	}
}
