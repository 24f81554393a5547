package local

import (
	"context"
	"math"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/log"
)

// refresh makes the consumer read what it should: what its group assigns to it, or everything. It returns the channel
// that tells of changes in the group, or nil. The caller holds poll: two that take turns could undo each other.
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
			c.lost(a.Err)
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
	switch {
	case c.closed:
		return nil, errConsumerClosed()
	case c.member != nil:
		return c.member, nil
	case c.fenced != nil:
		return nil, c.fenced
	}
	m, err := c.e.groups.Join(ctx, group.JoinRequest{
		Group: c.config.Group, Topics: c.config.Topics, InstanceID: c.config.InstanceID, Assignors: c.config.Assignors,
		SessionTimeout: c.config.SessionTimeout, RebalanceTimeout: c.config.MaxPollInterval,
	})
	if err != nil {
		return nil, ctxError(err)
	}
	c.setMember(m)
	return m, nil
}

// revoke lets finished work be committed and then gives partitions up.
func (c *consumer) revoke(ctx context.Context, m *group.Member, a group.Assignment) {
	if c.config.OnRevoked != nil {
		c.e.callBack(ctx, func(ctx context.Context) { c.config.OnRevoked(ctx, a.Revoked) })
	}
	c.mu.Lock()
	c.setCursors(slices.DeleteFunc(slices.Clone(c.cursors), func(cur *cursor) bool { return slices.Contains(a.Revoked, cur.tp()) }))
	c.mu.Unlock()
	m.Ack(a.Generation)
}

// readAll makes a consumer without a group read every partition, those that came since included. That a topic is gone is
// an error once, while there are others.
func (c *consumer) readAll() error {
	version := c.e.changes.Load()
	c.mu.Lock()
	seen := c.seen == version
	c.mu.Unlock()
	if seen {
		return nil
	}
	var tps []engine.TopicPartition
	var missing error
	for _, name := range c.config.Topics {
		t, err := c.e.topic(name)
		if err != nil {
			missing = err
			continue
		}
		for _, p := range t.list() {
			tps = append(tps, engine.TopicPartition{Topic: name, Partition: p.number})
		}
	}
	if err := c.assign(tps); err != nil {
		return err
	}
	if len(tps) == 0 {
		return missing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = version
	if missing != nil {
		c.fail(missing)
	}
	return nil
}

// assign makes tps what the consumer reads. Positions of partitions that stay are kept.
func (c *consumer) assign(tps []engine.TopicPartition) error {
	c.mu.Lock()
	same := c.reads(tps)
	c.mu.Unlock()
	if !same {
		c.loseDeleted()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errConsumerClosed()
	}
	if same {
		return nil
	}
	cursors := make([]*cursor, 0, len(tps))
	for _, tp := range tps {
		p, _ := c.e.partition(tp)
		if p == nil {
			continue // deleted: the group, or the version of the topics, tells so in a moment
		}
		cur, err := c.find(tp)
		if err != nil || cur.partition != p {
			cur = &cursor{partition: p, paused: c.paused[tp]}
			_ = c.place(cur) // or collect does, and keeps the error
		}
		cursors = append(cursors, cur)
	}
	c.setCursors(cursors)
	return nil
}

// reads reports whether the consumer reads just tps, in order. The caller holds mu.
func (c *consumer) reads(tps []engine.TopicPartition) bool {
	return slices.EqualFunc(c.cursors, tps, func(cur *cursor, tp engine.TopicPartition) bool {
		return cur.is(tp) && !cur.partition.topic.deleted.Load()
	})
}

// place gives a new cursor its position: the committed offset, or where the consumer starts. The caller holds mu.
func (c *consumer) place(cur *cursor) error {
	if err := cur.partition.err; err != nil {
		return err
	}
	cur.until = math.MaxInt64
	if c.config.UntilEnd {
		cur.until = cur.partition.end(c.config.Isolation)
	}
	offset, ok := int64(0), false
	if c.config.Group != "" {
		var err error
		if offset, ok, err = c.e.committed(c.config.Group, cur.tp()); err != nil {
			return err
		}
		ok = ok && offset <= cur.partition.log.End() // one beyond would wait for records that hide behind it
	}
	if !ok {
		var err error
		if offset, err = c.start(cur.partition); err != nil {
			return err
		}
	}
	cur.seek(offset)
	return nil
}

// finished reports whether everything was read that there was in the beginning, and nothing is on its way from other
// members. The caller holds mu.
func (c *consumer) finished() bool {
	for _, cur := range c.cursors {
		if cur.partition.err == nil && (!cur.placed || cur.position < cur.until) {
			return false
		}
	}
	if c.config.Group == "" {
		return true
	}
	info, err := c.e.groups.Describe(c.config.Group)
	return err == nil && info.State == group.StateStable
}

// setCursors replaces the partitions that are read. The caller holds mu.
func (c *consumer) setCursors(cursors []*cursor) {
	before, after := logsOf(c.cursors), logsOf(cursors)
	for l := range before {
		if !after[l] {
			l.RemoveWaiter(c.waiter)
		}
	}
	for l := range after {
		if !before[l] {
			l.AddWaiter(c.waiter)
		}
	}
	c.cursors = cursors
}

func logsOf(cursors []*cursor) map[*log.Log]bool {
	logs := make(map[*log.Log]bool, len(cursors))
	for _, cur := range cursors {
		if cur.partition.log != nil {
			logs[cur.partition.log] = true
		}
	}
	return logs
}
