package kafka

import (
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/stream"
)

// StreamOption changes a stream's configuration. Where the sources of one topology differ, the first one that says
// something decides.
type StreamOption interface{ applyStream(*streamConfig) }

// ConsumerStreamOption serves consumers and streams.
type ConsumerStreamOption interface {
	ConsumerOption
	StreamOption
}

type streamConfig struct{ options []stream.Option }

type streamOption stream.Option

func (o streamOption) applyStream(c *streamConfig) { c.options = append(c.options, stream.Option(o)) }

// both is an option of consumers and streams.
type both struct {
	consumerOption
	streamOption
}

func streamOptions(opts []StreamOption) []stream.Option {
	var c streamConfig
	for _, o := range opts {
		o.applyStream(&c)
	}
	return c.options
}

// WithApplicationID names a stream application: under this name it finds its offsets and its state again, and several
// instances share the work. A stream that writes to a topic has a name derived from what it does; one without
// a sink and without a name stores nothing.
func WithApplicationID(id string) StreamOption { return streamOption(stream.WithApplicationID(id)) }

// WithGuarantee sets what a crash can do to a stream's outputs and state.
func WithGuarantee(g Guarantee) StreamOption { return streamOption(stream.WithGuarantee(g)) }

// WithTimestamp takes the time of an element from the element, which must be of the stream's type.
func WithTimestamp[T any](fn func(T) time.Time) StreamOption {
	return streamOption(stream.WithTimestamp(fn))
}

// WithIdleTimeout sets after what silence a partition at its end stops holding windows open; default 5 s.
func WithIdleTimeout(d time.Duration) StreamOption { return streamOption(stream.WithIdleTimeout(d)) }

// WithCommitInterval sets how often a stream commits; default 100 ms.
func WithCommitInterval(d time.Duration) StreamOption {
	return streamOption(stream.WithCommitInterval(d))
}

// LateTo sends records that come for closed windows only to a topic.
func LateTo(topic string) StreamOption { return streamOption(stream.LateTo(topic)) }

// OnLate calls fn for records that come for closed windows only.
func OnLate(fn func(Late)) StreamOption { return streamOption(stream.OnLate(fn)) }

// WithOffset sets where to begin when the group has no committed offset, or one that is not in the log any more.
func WithOffset(o Offset) ConsumerStreamOption {
	start := engine.StartEarliest
	if o == OffsetLatest {
		start = engine.StartLatest
	}
	return both{func(c *consumerConfig) { c.Start = start }, streamOption(stream.WithStart(start, time.Time{}))}
}

// WithOffsetTime begins, when the group has no committed offset, with the first record that is not older than t.
func WithOffsetTime(t time.Time) ConsumerStreamOption {
	return both{
		func(c *consumerConfig) { c.Start, c.StartTime = engine.StartTime, t },
		streamOption(stream.WithStart(engine.StartTime, t)),
	}
}

// WithUntilEnd ends loops when everything was read that was there when they began. A stream closes all windows then. A
// consumer stays in its group, so that it can commit what it has read and loop again: one that is needed no more must be
// closed, or others wait for what it holds as long as the poll interval.
func WithUntilEnd() ConsumerStreamOption {
	return both{func(c *consumerConfig) { c.UntilEnd = true }, streamOption(stream.WithUntilEnd())}
}

// WithOnError sets what becomes of a record whose value cannot be decoded and, in a stream, of one for which a function
// panicked.
func WithOnError(o OnError) ConsumerStreamOption {
	policy := [...]stream.Policy{Fail: stream.Fail, Skip: stream.Skip, DeadLetter: stream.DeadLetter}
	return both{func(c *consumerConfig) { c.onError = o }, streamOption(stream.WithOnError(policy[o]))}
}
