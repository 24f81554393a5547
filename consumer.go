package kafka

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// Consumer reads topics, by itself or as a member of a group. It opens with the first loop.
//
// One loop at a time may run. Commit of its messages, Err, Seek, Pause, Resume, Position, Lag and Close may be called from
// other goroutines. A loop that ends, also by break, keeps membership and position, and the next one goes on there.
type Consumer struct {
	client *Client
	config consumerConfig
	decode func(*Message) error

	loop sync.Mutex // held by the one loop

	mu       sync.Mutex
	engine   engine.Consumer
	codecs   map[string]codec.Codec
	err      error
	closed   bool
	finished map[engine.TopicPartition]int64 // next offsets that auto-commit may commit
	flushed  time.Time                       // when it last did

	fetches []engine.Fetch // what the loop has not been through yet
	index   int            // of the next record in the first of them
	slab    []Message
}

// Consumer makes a consumer for a topic. An empty group makes a standalone reader of all partitions, which commits
// nothing.
func (c *Client) Consumer(topic, group string, opts ...ConsumerOption) *Consumer {
	cc := consumerConfig{
		maxPoll: 500, autoCommitInterval: 5 * time.Second, batchSize: 100, batchTimeout: time.Second,
	}
	cc.Topics, cc.Group = []string{topic}, group
	cc.FetchMaxWait = 500 * time.Millisecond
	for _, o := range opts {
		o.applyConsumer(&cc)
	}
	k := &Consumer{client: c, config: cc, codecs: map[string]codec.Codec{}, finished: map[engine.TopicPartition]int64{}}
	k.decode = (*Message).decode
	if cc.rawValues {
		k.decode = func(*Message) error { return nil }
	}
	k.config.OnRevoked, k.config.OnLost = k.revoked, k.lost
	return k
}

// Messages loops over messages until ctx ends, which is no error, until WithUntilEnd is satisfied, the consumer is
// closed, or something fails; Err says which. The loop may break; nothing leaks and nothing is committed that was not
// processed.
func (c *Consumer) Messages(ctx context.Context) iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		c.setErr(c.each(ctx, yield))
	}
}

// All is Messages with the error in the loop, as its last pair.
func (c *Consumer) All(ctx context.Context) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) { c.all(ctx, yield) }
}

func (c *Consumer) all(ctx context.Context, yield func(*Message, error) bool) {
	stopped := false
	err := c.each(ctx, func(m *Message) bool {
		stopped = !yield(m, nil)
		return !stopped
	})
	c.setErr(err)
	if err != nil && !stopped {
		yield(nil, err)
	}
}

// Err is why the last loop ended: nil for an ended context, a break, Close and WithUntilEnd.
func (c *Consumer) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *Consumer) setErr(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// each is the loop.
func (c *Consumer) each(ctx context.Context, yield func(*Message) bool) error {
	if !c.loop.TryLock() {
		return engine.Errorf(ErrInvalidArgument, "the consumer has a loop already; open another consumer")
	}
	defer c.loop.Unlock()
	if err := c.open(ctx); err != nil {
		return c.normal(ctx, err)
	}
	for {
		m, err := c.next(ctx)
		if err != nil || m == nil {
			return c.normal(ctx, err)
		}
		if !yield(m) {
			return nil
		}
		if c.config.autoCommit {
			c.finish(m)
		}
	}
}

// normal turns an ordinary end of a loop into nil.
func (c *Consumer) normal(ctx context.Context, err error) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if err == nil || ctx.Err() != nil || closed && errors.Is(err, ErrClosed) || errors.Is(err, io.EOF) {
		if c.config.autoCommit && !closed {
			return c.commitFinished(context.WithoutCancel(ctx))
		}
		return nil
	}
	return err
}

// open opens the engine's consumer, and makes topics if that is allowed.
func (c *Consumer) open(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return engine.Errorf(ErrClosed, "the consumer is closed; open a new one")
	}
	if c.engine != nil {
		return nil
	}
	for _, topic := range c.config.Topics {
		codec, err := c.client.topicCodec(ctx, topic)
		if err != nil {
			return err
		}
		c.codecs[topic] = codec
	}
	if err := c.client.keep(c); err != nil {
		return err
	}
	e, err := c.client.engine.OpenConsumer(ctx, c.config.ConsumerConfig)
	if err != nil {
		c.client.forget(c)
		return err
	}
	c.engine, c.flushed = e, c.client.config.Clock.Now()
	return nil
}

// next returns the next message, or nil at the end of what is read.
func (c *Consumer) next(ctx context.Context) (*Message, error) {
	for len(c.fetches) == 0 {
		if err := c.poll(ctx); err != nil {
			return nil, err
		}
	}
	f := &c.fetches[0]
	m := &c.slab[0]
	m.receive(c, f.Topic, f.Partition, &f.Records[c.index], c.codecs[f.Topic])
	if err := c.decode(m); err != nil {
		return nil, err // the position stays here
	}
	c.slab = c.slab[1:]
	if c.index++; c.index == len(f.Records) {
		c.fetches, c.index = c.fetches[1:], 0
	}
	return m, nil
}

// poll gets the next records. Messages of one poll are one slab.
func (c *Consumer) poll(ctx context.Context) error {
	if c.config.autoCommit && c.client.config.Clock.Now().Sub(c.flushed) >= c.config.autoCommitInterval {
		if err := c.commitFinished(ctx); err != nil {
			return err
		}
	}
	fetches, err := c.engine.Poll(ctx, c.config.maxPoll)
	if err != nil {
		return err
	}
	n := 0
	for _, f := range fetches {
		n += len(f.Records)
	}
	c.fetches, c.index, c.slab = fetches, 0, make([]Message, n)
	return nil
}

// finish lets auto-commit commit a message.
func (c *Consumer) finish(m *Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished[m.tp()] = m.Offset + 1
}

func (m *Message) tp() engine.TopicPartition {
	return engine.TopicPartition{Topic: m.Topic, Partition: int32(m.Partition)}
}

// commitFinished commits what auto-commit may.
func (c *Consumer) commitFinished(ctx context.Context) error {
	c.mu.Lock()
	offsets := c.finished
	c.finished = map[engine.TopicPartition]int64{}
	c.flushed = c.client.config.Clock.Now()
	c.mu.Unlock()
	if len(offsets) == 0 || c.config.Group == "" {
		return nil
	}
	return c.engine.Commit(ctx, offsets)
}

// commit stores that a message and all before it in its partition are processed.
func (c *Consumer) commit(ctx context.Context, m *Message) error {
	return c.engine.Commit(ctx, map[engine.TopicPartition]int64{m.tp(): m.Offset + 1})
}

// revoked is called before partitions are given up.
func (c *Consumer) revoked(ctx context.Context, tps []engine.TopicPartition) {
	if !c.config.autoCommit {
		return
	}
	if err := c.commitFinished(context.WithoutCancel(ctx)); err != nil {
		c.client.config.Logger.Warn("commit before partitions are given up", "group", c.config.Group, "err", err)
	}
}

// lost is called when partitions were taken away.
func (c *Consumer) lost(tps []engine.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		delete(c.finished, tp)
	}
}

// Close leaves the group, after what was processed is committed, and ends a loop that runs. It is idempotent.
func (c *Consumer) Close() error {
	c.client.forget(c)
	return c.close()
}

func (c *Consumer) close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	e := c.engine
	c.mu.Unlock()
	if e == nil {
		return nil
	}
	return e.Close(context.Background())
}
