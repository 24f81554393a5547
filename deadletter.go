package kafka

import (
	"context"
	"errors"
	"strconv"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/stream"
)

// The headers of a dead letter.
const (
	HeaderOriginalTopic     = "original-topic"
	HeaderOriginalPartition = "original-partition"
	HeaderOriginalOffset    = "original-offset"
	HeaderError             = "error" // what the last attempt returned, up to 1 KiB of it
)

// mostErrorBytes bounds the error in a dead letter's headers.
const mostErrorBytes = 1 << 10

// OnError says what becomes of a record whose value cannot be decoded.
type OnError int8

// What becomes of it.
const (
	Fail       OnError = iota // the loop ends and its position stays there; the default
	Skip                      // it is logged and counts as processed
	DeadLetter                // it goes to the topic of WithDeadLetter
)

// WithDeadLetter sends a message whose handler failed maxAttempts times to another topic, as it is stored and durably,
// with the headers [HeaderOriginalTopic], [HeaderOriginalPartition], [HeaderOriginalOffset] and [HeaderError] added; it
// then counts as processed. It acts in [Consumer.Parallel], [Consumer.Subscribe] and [Worker], and on undecodable
// records with WithOnError(DeadLetter). The topic is made, with the codec of the first, if that is allowed.
//
// A stream sends records there that cannot be decoded or for which a function panicked; it tries once.
func WithDeadLetter(topic string, maxAttempts int) ConsumerStreamOption {
	return both{
		func(c *consumerConfig) { c.deadLetter, c.parallel.retry.attempts = topic, max(maxAttempts, 1) },
		streamOption(stream.DeadLetterTo(topic)),
	}
}

// handle has a message processed: it tries again as configured, and sends what still fails to the dead letters.
func (r *reader) handle(ctx context.Context, m *Message, c *retryConfig, fn func(context.Context, *Message) error) error {
	for attempt := 1; ; attempt++ {
		err := fn(ctx, m)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if attempt >= c.attempts {
			if r.config.deadLetter == "" {
				return err
			}
			return r.deadLetter(ctx, m, err)
		}
		if clock.Sleep(ctx, r.client.config.Clock, c.backoff(attempt)) != nil {
			return err
		}
	}
}

// deadLetter sends a message to the dead letters. What it returns is why that failed.
func (r *reader) deadLetter(ctx context.Context, m *Message, cause error) error {
	letters, err := r.openLetters(ctx, m)
	if err != nil {
		return errors.Join(err, cause)
	}
	o, err := letters.open(ctx)
	if err != nil {
		return errors.Join(err, cause)
	}
	text := cause.Error()
	rs := []engine.Record{{
		Key: m.record.Key, Value: m.record.Value, Timestamp: m.record.Timestamp, Partition: engine.AnyPartition, Offset: -1,
		Headers: append(m.RawHeaders(),
			record.Header{Key: HeaderOriginalTopic, Value: []byte(m.Topic)},
			record.Header{Key: HeaderOriginalPartition, Value: strconv.AppendInt(nil, int64(m.Partition), 10)},
			record.Header{Key: HeaderOriginalOffset, Value: strconv.AppendInt(nil, m.Offset, 10)},
			record.Header{Key: HeaderError, Value: []byte(text[:min(len(text), mostErrorBytes)])}),
	}}
	if _, err := letters.produce(ctx, o, rs); err != nil {
		return errors.Join(err, cause)
	}
	r.client.config.Logger.Warn("message sent to the dead letters", "topic", m.Topic, "partition", m.Partition,
		"offset", m.Offset, "to", r.config.deadLetter, "err", cause)
	return nil
}

// openLetters makes the topic for dead letters, when it can, and its producer.
func (r *reader) openLetters(ctx context.Context, m *Message) (*opener, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.letters != nil {
		return r.letters, nil
	}
	topic := r.config.deadLetter
	if !r.client.config.NoAutoCreateTopics {
		err := r.client.engine.CreateTopic(ctx, topic, TopicConfig{Codec: m.source.codec.Name()})
		if err != nil && !errors.Is(err, ErrTopicExists) {
			return nil, err
		}
	}
	r.letters = &opener{client: r.client, topic: topic, config: r.client.producerConfig(nil), owner: r}
	return r.letters, nil
}
