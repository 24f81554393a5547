package local

import (
	"context"
	"math"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
)

// refresh makes the consumer read what it should: what its group assigns to it, or everything. It returns the channel
// that tells of changes in the group, or nil.
func (c *consumer) refresh(ctx context.Context) (<-chan struct{}, error) {
	if c.config.Group == "" {
		return nil, c.readAll()
	}
	for {
		m, err := c.join(ctx)
		if err != nil {
			return nil, err
		}
		a := m.Poll()
		switch {
		case a.Lost:
			if err := c.lost(a.Err); err != nil {
				return nil, err
			}
		case len(a.Revoked) > 0:
			c.revoke(ctx, m, a)
		default:
			return m.Changed(), c.assign(a.Partitions)
		}
	}
}

// join makes the consumer a member, if it is not one.
func (c *consumer) join(ctx context.Context) (*group.Member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errConsumerClosed()
	}
	if c.member != nil {
		return c.member, nil
	}
	m, err := c.e.groups.Join(ctx, group.JoinRequest{
		Group: c.config.Group, Topics: c.config.Topics, InstanceID: c.config.InstanceID, Assignors: c.config.Assignors,
		SessionTimeout: c.config.SessionTimeout, RebalanceTimeout: c.config.MaxPollInterval,
	})
	if err != nil {
		return nil, err
	}
	c.member = m
	c.keepAlive(m)
	return m, nil
}

// lost gives everything up without a chance to commit. A static member that was superseded does not come back.
func (c *consumer) lost(cause error) error {
	c.mu.Lock()
	gone := make([]engine.TopicPartition, len(c.cursors))
	for i, cur := range c.cursors {
		gone[i] = cur.tp()
	}
	c.resign()
	c.setCursors(nil)
	c.mu.Unlock()
	if c.config.OnLost != nil && len(gone) > 0 {
		c.config.OnLost(gone)
	}
	if c.config.InstanceID != "" {
		return cause
	}
	c.e.opts.Logger.Warn("left the group; joining again", "group", c.config.Group, "err", cause)
	return nil
}

// revoke lets finished work be committed and then gives partitions up.
func (c *consumer) revoke(ctx context.Context, m *group.Member, a group.Assignment) {
	if c.config.OnRevoked != nil {
		c.config.OnRevoked(ctx, a.Revoked)
	}
	c.mu.Lock()
	c.setCursors(slices.DeleteFunc(slices.Clone(c.cursors), func(cur *cursor) bool { return slices.Contains(a.Revoked, cur.tp()) }))
	c.mu.Unlock()
	m.Ack(a.Generation)
}

// readAll makes a consumer without a group read every partition, those that came since included.
func (c *consumer) readAll() error {
	version := c.e.changes.Load() + 1
	c.mu.Lock()
	seen := c.seen
	c.mu.Unlock()
	if seen == version {
		return nil
	}
	var tps []engine.TopicPartition
	for _, name := range c.config.Topics {
		t, err := c.e.topic(name)
		if err != nil {
			return err
		}
		for _, p := range t.list() {
			tps = append(tps, engine.TopicPartition{Topic: name, Partition: p.number})
		}
	}
	if err := c.assign(tps); err != nil {
		return err
	}
	c.mu.Lock()
	c.seen = version
	c.mu.Unlock()
	return nil
}

// assign makes tps what the consumer reads. Positions of partitions that stay are kept; others begin at the committed
// offset, or where the consumer starts.
func (c *consumer) assign(tps []engine.TopicPartition) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reads(tps) {
		return nil
	}
	cursors := make([]*cursor, 0, len(tps))
	for _, tp := range tps {
		t, err := c.e.topic(tp.Topic)
		if err != nil {
			continue // deleted: the group will know in a moment
		}
		p, err := t.partition(tp.Partition)
		if err != nil {
			return err
		}
		if cur, err := c.find(tp); err == nil && cur.partition == p {
			cursors = append(cursors, cur)
			continue
		}
		cur := &cursor{partition: p, paused: c.paused[tp], until: math.MaxInt64}
		if c.config.UntilEnd {
			cur.until = p.end(c.config.Isolation)
		}
		if err := c.begin(cur); err != nil {
			return err
		}
		cursors = append(cursors, cur)
	}
	c.setCursors(cursors)
	return nil
}

// reads reports whether the consumer reads just tps, in order. The caller holds mu.
func (c *consumer) reads(tps []engine.TopicPartition) bool {
	return slices.EqualFunc(c.cursors, tps, func(cur *cursor, tp engine.TopicPartition) bool {
		return cur.partition.number == tp.Partition && cur.partition.topic.name == tp.Topic && !cur.partition.topic.deleted.Load()
	})
}

// begin positions a new cursor.
func (c *consumer) begin(cur *cursor) error {
	if c.config.Group != "" {
		if offset, ok := c.e.groups.Committed(c.config.Group, cur.tp()); ok {
			cur.seek(offset)
			return nil
		}
	}
	offset, err := c.start(cur.partition)
	cur.seek(offset)
	return err
}

// finished reports whether everything was read that there was in the beginning. The caller holds mu.
func (c *consumer) finished() bool {
	for _, cur := range c.cursors {
		if cur.position < cur.until {
			return false
		}
	}
	if len(c.cursors) > 0 || c.config.Group == "" {
		return true
	}
	info, err := c.e.groups.Describe(c.config.Group)
	return err == nil && info.State == group.StateStable
}
