package local

import (
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// lost gives everything up without a chance to commit. A static member whose place another one has does not come back.
func (c *consumer) lost(cause error) {
	superseded := c.superseded()
	c.mu.Lock()
	gone := tpsOf(c.cursors)
	c.setMember(nil)
	c.setCursors(nil)
	if superseded {
		c.fenced = cause
	}
	c.mu.Unlock()
	if c.config.OnLost != nil && len(gone) > 0 {
		c.config.OnLost(gone)
	}
	if !superseded {
		c.e.opts.Logger.Warn("left the group; joining again", "group", c.config.Group, "err", cause)
	}
}

// superseded reports whether the group has another member with the instance id of this one.
func (c *consumer) superseded() bool {
	if c.config.InstanceID == "" {
		return false
	}
	info, err := c.e.groups.Describe(c.config.Group)
	return err == nil && slices.ContainsFunc(info.Members, func(m engine.MemberInfo) bool {
		return m.InstanceID == c.config.InstanceID
	})
}

// loseDeleted tells of partitions of deleted topics, which the group asks nobody to give up, before those of topics made
// anew take their place: what was read of the former says nothing about the latter.
func (c *consumer) loseDeleted() {
	if c.config.OnLost == nil || c.config.Group == "" {
		return
	}
	var gone []engine.TopicPartition
	c.mu.Lock()
	for _, cur := range c.cursors {
		if cur.partition.topic.deleted.Load() {
			gone = append(gone, cur.tp())
		}
	}
	c.mu.Unlock()
	if len(gone) > 0 {
		c.config.OnLost(gone)
	}
}

// deletedOf reports that offsets are of a topic that was deleted since the last Poll: one of the same name may have been
// made since, and be this member's. The caller holds mu.
func (c *consumer) deletedOf(offsets map[engine.TopicPartition]int64) error {
	for tp := range offsets {
		if cur, err := c.find(tp); err == nil && cur.partition.topic.deleted.Load() {
			return engine.Errorf(engine.ErrFenced, "the topic was deleted").At(tp.Topic, int(tp.Partition))
		}
	}
	return nil
}
