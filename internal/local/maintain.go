package local

import (
	"context"
	"errors"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// maintenance is how often retention, rolling by age and compaction are looked after.
const maintenance = 10 * time.Second

// maintain looks after the logs until ctx ends. A compaction, which may take long, goes on beside it.
func (c *core) maintain(ctx context.Context) {
	next := c.opts.Clock.Now().Add(maintenance)
	for c.rest(ctx, next) {
		c.flush()
		now := c.opts.Clock.Now()
		if now.Before(next) {
			continue
		}
		next = now.Add(maintenance)
		c.retain()
		if c.compacting.CompareAndSwap(false, true) {
			c.done.Go(func() {
				defer c.compacting.Store(false)
				c.compact(ctx)
			})
		}
	}
}

// rest waits for the next flush or maintenance. It reports false once ctx ends.
func (c *core) rest(ctx context.Context, next time.Time) bool {
	at := next
	for {
		now := c.opts.Clock.Now()
		if _, every := c.flushed(); every > 0 && now.Add(every).Before(at) {
			at = now.Add(every)
		}
		timer := c.opts.Clock.NewTimer(at.Sub(now))
		select {
		case <-timer.C():
			return true
		case <-c.retime:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// flushed lists the topics that have a flush interval, and returns the shortest one.
func (c *core) flushed() (topics []*topic, shortest time.Duration) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, t := range c.topics {
		every := c.opts.FlushInterval
		if ms := t.config.Load().FlushMs; ms > 0 {
			every = milliseconds(ms)
		}
		if every <= 0 {
			continue
		}
		topics = append(topics, t)
		if shortest == 0 || every < shortest {
			shortest = every
		}
	}
	return topics, shortest
}

// flush makes durable what was written to topics that have a flush interval.
func (c *core) flush() {
	topics, _ := c.flushed()
	for _, t := range topics {
		for _, p := range t.list() {
			if p.log != nil && p.log.Durable() < p.log.End() && !seeded.On(seeded.ForgottenFlush) {
				c.report(p, "flushing", p.log.Sync(p.log.End()))
			}
		}
	}
}

// Maintain makes topics with a flush interval durable, applies retention, rolls old segments, and compacts what is due,
// once. Errors are logged: the next round tries again.
func (e *Engine) Maintain(ctx context.Context) {
	_ = e.call(ctx, func() error {
		e.flush()
		e.retain()
		e.compact(ctx)
		return nil
	})
}

// retain applies retention, rolls old segments, and takes room for a full disk again.
func (c *core) retain() {
	c.eachPartition(func(p *partition) { c.report(p, "retention", p.log.Maintain()) })
	c.settleTransactions()
	c.bytes.Store(c.size())
	if err := c.reserve.restore(); err != nil {
		c.opts.Logger.Warn("the reserve for a full disk could not be made", "err", err)
	}
}

// compact cleans the partitions that are due, one after the other.
func (c *core) compact(ctx context.Context) {
	c.eachPartition(func(p *partition) {
		if ctx.Err() == nil && p.log.CompactDue() {
			c.report(p, "compaction", c.compactOne(ctx, p))
		}
	})
}

// compactOne cleans a partition, unless that is under way.
func (c *core) compactOne(ctx context.Context, p *partition) error {
	if !p.compacting.TryLock() {
		return nil
	}
	defer p.compacting.Unlock()
	stats, err := p.log.Compact(ctx)
	if stats.Replaced > 0 {
		c.compactions.Add(1)
	}
	return err
}

// size is the number of bytes of all logs.
func (c *core) size() (total int64) {
	c.eachPartition(func(p *partition) {
		n, _ := p.log.Bytes()
		total += n
	})
	return total
}

// eachPartition calls fn for every partition that can be used.
func (c *core) eachPartition(fn func(*partition)) {
	for _, t := range c.list() {
		for _, p := range t.list() {
			if p.log != nil {
				fn(p)
			}
		}
	}
}

// report logs an error that nobody waits for. That a log was deleted meanwhile, is damaged, or that the engine closes is
// told elsewhere.
func (c *core) report(p *partition, doing string, err error) {
	if err == nil || errors.Is(err, engine.ErrClosed) || errors.Is(err, engine.ErrReadOnly) || errors.Is(err, context.Canceled) {
		return
	}
	c.opts.Logger.Error(doing, "topic", p.topic.name, "partition", p.number, "err", err)
}
