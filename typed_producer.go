package kafka

import "context"

// TypedProducer sends values of one type. All methods may be called concurrently.
type TypedProducer[T any] struct{ producer *Producer }

// NewTypedProducer makes a producer; see [Client.Producer].
func NewTypedProducer[T any](c *Client, topic string, opts ...ProducerOption) *TypedProducer[T] {
	return &TypedProducer[T]{c.Producer(topic, opts...)}
}

// Send sends a value without a key; see [Producer.Send].
func (p *TypedProducer[T]) Send(ctx context.Context, value T) error {
	return p.producer.Send(ctx, Message{Value: value})
}

// SendKey sends a value with a key, which decides the partition.
func (p *TypedProducer[T]) SendKey(ctx context.Context, key string, value T) error {
	return p.producer.Send(ctx, Message{Key: key, Value: value})
}

// SendBatch sends values without keys in one batch; see [Producer.SendBatch].
func (p *TypedProducer[T]) SendBatch(ctx context.Context, values []T) error {
	ms := make([]Message, len(values))
	for i, v := range values {
		ms[i].Value = v
	}
	return p.producer.SendBatch(ctx, ms)
}

// Close is [Producer.Close].
func (p *TypedProducer[T]) Close() error { return p.producer.Close() }
