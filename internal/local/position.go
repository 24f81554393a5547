package local

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// Commit implements engine.Consumer. Besides the errors of the group, an offset beyond the end of its partition is
// ErrOffsetOutOfRange: later records would hide behind it.
func (c *consumer) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	if err := ctx.Err(); err != nil {
		return ctxError(err)
	}
	if err := c.e.enter(ctx); err != nil {
		return err
	}
	defer c.e.leave()
	if c.config.Group == "" {
		return engine.Errorf(engine.ErrInvalidArgument, "a consumer without a group has nowhere to commit to")
	}
	member, err := c.membership(offsets)
	if err != nil {
		return err
	}
	for tp, offset := range offsets {
		if p, err := c.e.partition(tp); err == nil && offset > p.log.End() {
			return errOutOfRange(p, offset)
		}
	}
	return ctxError(member.Commit(ctx, offsets))
}

// Committed implements engine.Consumer.
func (c *consumer) Committed(ctx context.Context, tp engine.TopicPartition) (offset int64, err error) {
	offset = -1
	err = c.e.call(ctx, func() error {
		committed, ok, err := c.e.committed(c.config.Group, tp)
		if ok {
			offset = committed
		}
		return err
	})
	return offset, err
}

// find returns the cursor of a partition that is read now. The caller holds mu.
func (c *consumer) find(tp engine.TopicPartition) (*cursor, error) {
	for _, cur := range c.cursors {
		if cur.is(tp) {
			return cur, nil
		}
	}
	if c.closed {
		return nil, errConsumerClosed()
	}
	return nil, engine.Errorf(engine.ErrInvalidArgument, "the consumer does not read this partition now").At(tp.Topic, int(tp.Partition))
}

// Seek implements engine.Consumer.
func (c *consumer) Seek(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	return c.e.call(ctx, func() error {
		cur, err := c.locate(ctx, tp)
		if err == nil {
			err = cur.partition.err
		}
		if err != nil {
			return err
		}
		if l := cur.partition.log; offset < l.Start() || offset > l.End() {
			return errOutOfRange(cur.partition, offset)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		cur.seek(offset)
		cur.sought = true
		c.failure = nil
		c.waiter.Wake()
		return nil
	})
}

// locate returns the cursor of a partition. Where there is none yet and no Poll is under way, which would do that, it
// does the work of membership first.
func (c *consumer) locate(ctx context.Context, tp engine.TopicPartition) (*cursor, error) {
	c.mu.Lock()
	cur, err := c.find(tp)
	c.mu.Unlock()
	if err == nil || !c.poll.TryLock() {
		return cur, err
	}
	defer c.poll.Unlock()
	if _, err := c.refresh(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(tp)
}

func errOutOfRange(p *partition, offset int64) error {
	return engine.Errorf(engine.ErrOffsetOutOfRange, "offset %d is outside of %d to %d", offset, p.log.Start(), p.log.End()).
		At(p.topic.name, int(p.number))
}

// Pause implements engine.Consumer.
func (c *consumer) Pause(tps ...engine.TopicPartition) { c.setPaused(true, tps) }

// Resume implements engine.Consumer.
func (c *consumer) Resume(tps ...engine.TopicPartition) { c.setPaused(false, tps) }

func (c *consumer) setPaused(paused bool, tps []engine.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		if paused {
			c.paused[tp] = true
		} else {
			delete(c.paused, tp)
		}
		if cur, err := c.find(tp); err == nil {
			cur.paused = paused
		}
	}
	c.waiter.Wake()
}

// Position implements engine.Consumer.
func (c *consumer) Position(tp engine.TopicPartition) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cur, err := c.find(tp)
	if err == nil && !cur.placed {
		err = c.place(cur)
	}
	if err != nil {
		return 0, err
	}
	return cur.position, nil
}

// Assignment implements engine.Consumer.
func (c *consumer) Assignment() []engine.TopicPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return tpsOf(c.cursors)
}

// Ends implements engine.Consumer. Partitions that cannot be used are left out.
func (c *consumer) Ends(ctx context.Context) (ends map[engine.TopicPartition]int64, err error) {
	err = c.e.call(ctx, func() error {
		ends = map[engine.TopicPartition]int64{}
		for _, name := range c.config.Topics {
			t, err := c.e.topic(name)
			if err != nil {
				return err
			}
			for _, p := range t.list() {
				if p.err == nil {
					ends[engine.TopicPartition{Topic: name, Partition: p.number}] = p.end(c.config.Isolation)
				}
			}
		}
		return nil
	})
	return ends, err
}
