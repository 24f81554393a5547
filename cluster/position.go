package cluster

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

// membership is on whose behalf offsets are committed: a member of a group in one of its generations, or nobody with
// generation -1.
type membership struct {
	id         string
	instance   *string
	generation int32
}

// membership is the consumer's, if it reads these partitions. The generation is taken together with what is read in it:
// the cluster refuses what comes too late.
func (c *consumer) membership(offsets map[engine.TopicPartition]int64) (membership, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.member == nil && c.closed:
		return membership{}, errConsumerClosed()
	case c.member == nil:
		return membership{}, errNoMember()
	}
	var m membership
	if m.id, m.generation = c.cl.GroupMetadata(); c.config.InstanceID != "" {
		m.instance = &c.config.InstanceID
	}
	if m.generation < 0 {
		return m, errNoMember()
	}
	for tp := range offsets {
		if c.places[tp] == nil {
			return m, engine.Errorf(engine.ErrRebalanceInProgress, "the partition was given up; its uncommitted records come again").
				At(tp.Topic, int(tp.Partition))
		}
	}
	return m, nil
}

func errNoMember() error {
	return engine.Errorf(engine.ErrRebalanceInProgress, "the consumer is not a member of its group now; its records come again")
}

// Commit implements engine.Consumer. An offset beyond the end of its partition is ErrOffsetOutOfRange: later records would
// hide behind it. It works until the consumer has left, also while the engine is closed.
func (c *consumer) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	if err := ctx.Err(); err != nil {
		return ctxError(err)
	}
	if c.config.Group == "" {
		return engine.Errorf(engine.ErrInvalidArgument, "a consumer without a group has nowhere to commit to")
	}
	for tp, offset := range offsets {
		if offset < 0 {
			return engine.Errorf(engine.ErrInvalidArgument, "negative offset %d", offset).At(tp.Topic, int(tp.Partition))
		}
	}
	m, err := c.membership(offsets)
	if err != nil {
		return err
	}
	bounded, cancel := c.e.bound(ctx)
	defer cancel()
	err = c.e.outcome(ctx, c.commit(bounded, m, offsets))
	if errors.Is(err, engine.ErrTopicNotFound) {
		return engine.Errorf(engine.ErrFenced, "the topic was deleted: %w", err)
	}
	return err
}

func (c *consumer) commit(ctx context.Context, m membership, offsets map[engine.TopicPartition]int64) error {
	forward := map[engine.TopicPartition]int64{}
	var check []engine.TopicPartition
	c.mu.Lock()
	for tp, offset := range offsets {
		p := c.places[tp]
		if p == nil || offset <= p.committed {
			continue
		}
		if forward[tp] = offset; offset > p.position && offset > p.end {
			check = append(check, tp)
		}
	}
	c.mu.Unlock()
	for _, tp := range check {
		if err := c.e.checkNext(ctx, tp, forward[tp]); err != nil {
			return err
		}
	}
	if len(forward) == 0 {
		return nil
	}
	if err := patiently(ctx, func() error { return c.e.commit(ctx, c.config.Group, m, forward) }); err != nil {
		return refused(err)
	}
	c.raise(forward)
	return nil
}

// raise remembers what is committed.
func (c *consumer) raise(offsets map[engine.TopicPartition]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, offset := range offsets {
		if p := c.places[tp]; p != nil {
			p.committed = max(p.committed, offset)
		}
	}
}

// Committed implements engine.Consumer.
func (c *consumer) Committed(ctx context.Context, tp engine.TopicPartition) (offset int64, err error) {
	offset = -1
	err = c.e.call(ctx, func(ctx context.Context) error {
		if c.config.Group == "" {
			return nil
		}
		return patiently(ctx, func() error {
			committed, err := c.e.committed(ctx, c.config.Group)
			if at, ok := committed[tp]; ok {
				offset = at
			}
			return err
		})
	})
	return offset, err
}

// Seek implements engine.Consumer.
func (c *consumer) Seek(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	return c.e.call(ctx, func(ctx context.Context) error {
		if err := c.locate(ctx, tp); err != nil {
			return err
		}
		if err := c.e.checkOffset(ctx, tp, offset); err != nil {
			return err
		}
		defer c.interrupt()()
		c.mu.Lock()
		defer c.mu.Unlock()
		p := c.places[tp]
		if p == nil {
			return c.errNotRead(tp)
		}
		p.position, p.held, c.failure = offset, nil, nil
		c.cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{tp.Topic: {tp.Partition: {Epoch: -1, Offset: offset}}})
		c.reopen(tp, p)
		return nil
	})
}

// locate makes sure that a partition is read. Before the first Poll it does that Poll's work of finding out.
func (c *consumer) locate(ctx context.Context, tp engine.TopicPartition) error {
	c.mu.Lock()
	p, begun, closed := c.places[tp], c.cl != nil, c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return errConsumerClosed()
	case p != nil:
		return nil
	case c.config.Group == "":
		if err := c.look(ctx); err != nil {
			return err
		}
	case !begun:
		if err := c.join(); err != nil {
			return err
		}
		if err := await(ctx, c.joined); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places[tp] == nil {
		return c.errNotRead(tp)
	}
	return nil
}

// errNotRead says that a partition is none of those that are read. The caller holds mu.
func (c *consumer) errNotRead(tp engine.TopicPartition) error {
	if c.closed {
		return errConsumerClosed()
	}
	return engine.Errorf(engine.ErrInvalidArgument, "the consumer does not read this partition now").At(tp.Topic, int(tp.Partition))
}

// Pause implements engine.Consumer.
func (c *consumer) Pause(tps ...engine.TopicPartition) {
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		c.paused[tp] = true
	}
	if c.cl != nil {
		c.cl.PauseFetchPartitions(byTopic(tps))
	}
}

// Resume implements engine.Consumer.
func (c *consumer) Resume(tps ...engine.TopicPartition) {
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		delete(c.paused, tp)
		if p := c.places[tp]; c.cl != nil && (p == nil || !p.full) {
			c.cl.ResumeFetchPartitions(byTopic([]engine.TopicPartition{tp}))
		}
	}
}

// Position implements engine.Consumer.
func (c *consumer) Position(tp engine.TopicPartition) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.places[tp]
	if p == nil {
		return 0, c.errNotRead(tp)
	}
	return p.position, nil
}

// Assignment implements engine.Consumer.
func (c *consumer) Assignment() []engine.TopicPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.assigned()
}

// Ends implements engine.Consumer.
func (c *consumer) Ends(ctx context.Context) (ends map[engine.TopicPartition]int64, err error) {
	err = c.e.call(ctx, func(ctx context.Context) error {
		details, err := c.e.topics.details(ctx, c.config.Topics...)
		if err != nil {
			return err
		}
		var tps []engine.TopicPartition
		for _, d := range details {
			tps = append(tps, partitionsOf(d)...)
		}
		ends, err = c.e.listOffsets(ctx, tps, atEnd, c.config.Isolation)
		return err
	})
	return ends, err
}
