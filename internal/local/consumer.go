package local

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/log"
)

// consumer reads partitions for one member of a group, or by itself. It has no goroutine: the work of membership is done
// by Poll, and signs of life while nobody polls are given by a timer.
type consumer struct {
	e      *Engine
	config engine.ConsumerConfig
	waiter *log.Waiter

	poll   sync.Mutex  // held by the one Poll at a time, and by Close
	timer  clock.Timer // of the Poll; made when it is first needed
	from   []*cursor   // memory for the Poll
	finish sync.Once   // Close
	result error       // what Close returned

	mu      sync.Mutex
	member  *group.Member
	fenced  error       // why it may not join its group again
	beat    clock.Timer // gives signs of life while there is a member
	cursors []*cursor   // sorted by topic and partition
	paused  map[engine.TopicPartition]bool
	seen    int64 // version of the topics, for one without a group
	turn    int   // the cursor that the next Poll begins with
	failure error // found by the last Poll, for the next one to return
	ended   bool  // the last Poll returned io.EOF
	closed  bool
}

// OpenConsumer opens a consumer. A member joins its group with its first Poll.
func (e *Engine) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (k engine.Consumer, err error) {
	err = e.call(ctx, func() error {
		if c.Group != "" {
			if err := engine.ValidateName("group", c.Group); err != nil {
				return err
			}
		}
		if len(c.Topics) == 0 {
			return engine.Errorf(engine.ErrInvalidArgument, "a consumer needs a topic")
		}
		c.Topics = slices.Clone(c.Topics)
		slices.Sort(c.Topics)
		c.Topics = slices.Compact(c.Topics)
		for _, name := range c.Topics {
			if _, err := e.topicFor(ctx, name, c.AutoCreateTopics); err != nil {
				return err
			}
		}
		consumer := &consumer{e: e, config: c, waiter: log.NewWaiter(), paused: map[engine.TopicPartition]bool{}, seen: -1}
		e.watch(consumer)
		k = consumer
		return nil
	})
	return k, err
}

// watch makes changes of topics wake the consumer.
func (c *core) watch(k *consumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.consumers[k] = true
}

func (c *core) unwatch(k *consumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.consumers, k)
}

// Poll implements engine.Consumer.
func (c *consumer) Poll(ctx context.Context, maxRecords int) ([]engine.Fetch, error) {
	if maxRecords <= 0 {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "a poll for %d records", maxRecords)
	}
	if err := ctx.Err(); err != nil {
		return nil, ctxError(err)
	}
	c.poll.Lock()
	defer c.poll.Unlock()
	if err := c.takeFailure(); err != nil {
		return nil, err
	}
	got := gathered{limit: maxRecords, minBytes: c.config.FetchMinBytes, from: c.from[:0]}
	defer func() { c.from = got.from }()
	p := patience{c: c}
	defer p.end()
	for {
		c.waiter.Arm() // before looking, so that nothing that comes meanwhile is slept through
		changed, err := c.step(ctx, &got)
		if err != nil || got.enough() {
			return got.fetches, err
		}
		done, err := p.wait(ctx, changed, &got)
		if len(got.fetches) > 0 && (done || err != nil) {
			return got.fetches, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// takeFailure is what the last Poll found besides records.
func (c *consumer) takeFailure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errConsumerClosed()
	}
	err := c.failure
	c.failure = nil
	return err
}

// step does the work of membership and takes what there is. It returns the channel that tells of changes in the group.
func (c *consumer) step(ctx context.Context, got *gathered) (<-chan struct{}, error) {
	if err := c.e.enter(ctx); err != nil {
		return nil, err
	}
	defer c.e.leave()
	changed, err := c.refresh(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errConsumerClosed()
	}
	if got.records > 0 {
		got.retain(c.cursors)
	}
	c.renewEnds()
	c.collect(got)
	if got.records > 0 {
		return changed, nil // a failure is for the next Poll
	}
	if err := c.failure; err != nil {
		c.failure = nil
		return nil, err
	}
	if c.config.UntilEnd && c.finished() {
		c.ended = true
		return nil, io.EOF
	}
	return changed, nil
}

// Close leaves the group, after what was processed could be committed, and ends a Poll that is under way. It is
// idempotent: every call returns what the first one did.
func (c *consumer) Close(ctx context.Context) error {
	c.finish.Do(func() { c.result = c.shut(ctx) })
	return c.result
}

func (c *consumer) shut(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	member := c.member
	tps := tpsOf(c.cursors)
	c.mu.Unlock()
	if len(tps) > 0 && member != nil && c.config.OnRevoked != nil && c.e.enter(ctx) == nil {
		c.e.callBack(ctx, func(ctx context.Context) { c.config.OnRevoked(ctx, tps) })
		c.e.leave()
	}
	c.waiter.Wake()
	c.poll.Lock()
	defer c.poll.Unlock()
	return c.leave()
}

// leave gives up everything, at once.
func (c *consumer) leave() error {
	c.mu.Lock()
	c.closed = true
	member := c.member
	c.setMember(nil)
	c.setCursors(nil)
	c.mu.Unlock()
	c.e.unwatch(c)
	if member == nil {
		return nil
	}
	if err := member.Leave(); err != nil && !errors.Is(err, engine.ErrFenced) {
		return err
	}
	return nil
}

func errConsumerClosed() error {
	return engine.Errorf(engine.ErrClosed, "the consumer is closed; open a new one")
}

func tpsOf(cursors []*cursor) []engine.TopicPartition {
	tps := make([]engine.TopicPartition, len(cursors))
	for i, cur := range cursors {
		tps[i] = cur.tp()
	}
	return tps
}
