package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// rejoinPace is how often at most a member joins its group anew because of topics that are gone.
const rejoinPace = time.Second

// lose notes that a topic was deleted. The caller holds mu.
func (c *consumer) lose(topic string) {
	if c.gone == nil {
		c.gone = map[string]bool{}
	}
	c.gone[topic] = true
}

// findMissing finds out which of the partitions that are read are gone. A standalone reader looks for that by itself.
func (c *consumer) findMissing(ctx context.Context, tps []engine.TopicPartition) error {
	there, err := c.e.existing(ctx, tps)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.config.Group == "" {
		c.looked = time.Time{}
		return nil
	}
	for _, tp := range tps {
		if !slices.Contains(there, tp) {
			c.lose(tp.Topic)
		}
	}
	return nil
}

// rejoin makes a member of whose topics one was deleted join its group anew, with a client that has not known that topic:
// the one that it has would go on to ask for what is gone, also when the topic is made anew. The partitions of other topics
// are given up like in any rebalance, so that finished work is committed.
func (c *consumer) rejoin(ctx context.Context) {
	c.mu.Lock()
	now := c.e.opts.Clock.Now()
	gone, m := c.gone, c.member
	if len(gone) == 0 || m == nil || now.Sub(c.looked) < rejoinPace {
		c.mu.Unlock()
		return
	}
	c.gone, c.looked = nil, now
	var lost, kept []engine.TopicPartition
	for _, tp := range c.assigned() {
		if gone[tp.Topic] {
			lost = append(lost, tp)
		} else {
			kept = append(kept, tp)
		}
	}
	c.drop(lost)
	c.mu.Unlock()
	if len(lost) > 0 && c.config.OnLost != nil {
		c.config.OnLost(lost)
	}
	if len(kept) > 0 && c.config.OnRevoked != nil {
		c.config.OnRevoked(ctx, kept)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.member == m {
		c.part(kept)
	}
}

// part makes the consumer a member no more, who reads nothing; the next Poll joins again. Whoever waits for it to give
// partitions up goes on. The caller holds poll and mu.
func (c *consumer) part(tps []engine.TopicPartition) {
	m := c.member
	for _, h := range c.due {
		if h.done != nil {
			close(h.done)
		}
	}
	c.member, c.cl, c.due = nil, nil, nil
	c.drop(tps)
	c.background.Go(func() { m.close(context.Background()) })
}
