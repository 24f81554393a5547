package kafka

import (
	"context"
	"iter"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// Consumer reads topics, by itself or as a member of a group. It opens with the first loop, or the first Seek.
//
// One loop at a time may run, of whichever kind: Messages, All, Chan, Batches, Parallel or Subscribe. Commit of its
// messages, Err, Seek, Pause, Resume, Position, Lag and Close may be called from other goroutines, and from within the
// loop. A loop that ends, also by break, keeps membership and position, and the next one goes on there. What leaves the
// group is Close, or no loop asking for a record within the poll interval.
type Consumer struct {
	reader *reader
	decode func(*Message) error
	keep   func(*Message) bool // nil keeps all
}

// Consumer makes a consumer for a topic. An empty group makes a standalone reader of all partitions, which commits
// nothing.
func (c *Client) Consumer(topic, group string, opts ...ConsumerOption) *Consumer {
	cc := consumerConfig{
		maxPoll: 500, autoCommitInterval: 5 * time.Second, batchSize: 100, batchTimeout: time.Second,
		parallel: parallelConfig{workers: 1, maxInFlight: 1000, retry: retryConfig{attempts: 1, first: time.Second, most: 30 * time.Second}},
	}
	cc.Topics, cc.Group = []string{topic}, group
	cc.FetchMaxWait = 500 * time.Millisecond
	for _, o := range opts {
		o.applyConsumer(&cc)
	}
	r := &reader{
		client: c, config: cc, codecs: map[string]codec.Codec{}, closing: make(chan struct{}),
		sources: map[engine.TopicPartition]*source{}, marks: map[*source]int64{},
		paused: map[engine.TopicPartition]bool{},
	}
	r.settled.L = &r.mu
	r.config.OnRevoked, r.config.OnLost = r.revoked, r.lost
	k := &Consumer{reader: r, decode: (*Message).decode}
	if cc.rawValues {
		k.decode = func(*Message) error { return nil }
	}
	return k
}

// Filter is the consumer without the messages that fn rejects, to be put before any kind of loop. It is the same member
// of the group: closing either closes both. A rejected message counts as processed: auto-commit and Parallel commit it.
func (c *Consumer) Filter(fn func(*Message) bool) *Consumer {
	before := c.keep
	f := *c
	f.keep = func(m *Message) bool { return (before == nil || before(m)) && fn(m) }
	return &f
}

// Messages loops over messages until ctx ends, which is no error, until WithUntilEnd is satisfied, the consumer is
// closed, or something fails; Err says which. The loop may break; nothing leaks and nothing is committed that was not
// processed.
func (c *Consumer) Messages(ctx context.Context) iter.Seq[*Message] {
	return func(yield func(*Message) bool) { c.reader.setErr(c.each(ctx, &loop{}, yield)) }
}

// All is Messages with the error in the loop, as its last pair.
func (c *Consumer) All(ctx context.Context) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) { c.all(ctx, yield) }
}

func (c *Consumer) all(ctx context.Context, yield func(*Message, error) bool) {
	stopped := false
	err := c.each(ctx, &loop{}, func(m *Message) bool {
		stopped = !yield(m, nil)
		return !stopped
	})
	c.reader.setErr(err)
	if err != nil && !stopped {
		yield(nil, err)
	}
}

// Err is why the last loop ended: nil for an ended context, a break, Close and WithUntilEnd.
func (c *Consumer) Err() error {
	c.reader.mu.Lock()
	defer c.reader.mu.Unlock()
	return c.reader.err
}

// Close leaves the group, after what was processed is committed, and ends a loop that runs: its body sees no further
// message. With [Consumer.Parallel] it waits for the handlers that run, so those must not call it. It is idempotent.
func (c *Consumer) Close() error {
	c.reader.client.forget(c.reader)
	return c.reader.close()
}
