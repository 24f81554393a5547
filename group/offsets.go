package group

import (
	"maps"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// Restore sets a committed offset at open, from the journal, replacing one set before.
func (c *Coordinator) Restore(name string, tp engine.TopicPartition, offset int64) {
	c.apply(name, func(g *group) { g.offsets[tp] = offset })
}

// ApplyOffsets commits offsets that a transaction has already made durable in its own journal entry. As with
// [Member.Commit], none moves back.
func (c *Coordinator) ApplyOffsets(name string, offsets map[engine.TopicPartition]int64) {
	if len(offsets) > 0 {
		c.apply(name, func(g *group) { raise(g.offsets, offsets) })
	}
}

func (c *Coordinator) apply(name string, change func(*group)) {
	g, err := c.open(name)
	if err != nil {
		return // closed: nobody can ask any more, and the journal has it
	}
	change(g)
	g.mu.Unlock()
}

// Committed is the next offset that the group would read of a partition; ok is false when it has committed none. Commits
// that were let in before are waited for: their member may have given the partition up since, and who reads it next must
// not begin below them.
func (c *Coordinator) Committed(name string, tp engine.TopicPartition) (offset int64, ok bool) {
	g := c.get(name)
	if g == nil {
		return 0, false
	}
	g.drain()
	defer g.mu.Unlock()
	offset, ok = g.offsets[tp]
	return offset, ok
}

// SetOffsets overwrites committed offsets, also by lower ones, and makes the group if there was none. It fails with
// [engine.ErrGroupNotEmpty] while there are members, among them static ones that left and have not timed out. The map is
// not kept.
func (c *Coordinator) SetOffsets(name string, offsets map[engine.TopicPartition]int64) error {
	for tp, offset := range offsets {
		if offset < 0 {
			return engine.Errorf(engine.ErrInvalidArgument, "negative offset %d", offset).At(tp.Topic, int(tp.Partition))
		}
		if !c.exists(tp) {
			return engine.Errorf(engine.ErrPartitionNotFound, "cannot set an offset of it").At(tp.Topic, int(tp.Partition))
		}
	}
	g, err := c.open(name)
	if err != nil {
		return err
	}
	defer c.reap(g)
	return g.alone(func() error { return c.store.Reset(name, offsets) }, func() { maps.Copy(g.offsets, offsets) })
}

// Delete forgets a group and its offsets. It fails with [engine.ErrGroupNotFound], or [engine.ErrGroupNotEmpty] while
// there are members.
func (c *Coordinator) Delete(name string) error {
	g := c.get(name)
	if g == nil {
		return engine.Errorf(engine.ErrGroupNotFound, "group %s", name)
	}
	defer c.reap(g)
	return g.alone(func() error { return c.store.Delete(name) }, func() { clear(g.offsets) })
}

// alone stores a change of a group without members, and applies it if that went well. Nobody joins meanwhile. It is
// called with mu locked, and unlocks it.
func (g *group) alone(store func() error, apply func()) error {
	g.users++ // so that the group stays the one of this name while it is unlocked
	g.mu.Unlock()
	g.store.Lock()
	defer g.store.Unlock()
	g.mu.Lock()
	g.users--
	err := g.vacant()
	g.exclusive = err == nil
	g.mu.Unlock()
	if err != nil {
		return err
	}

	err = store()

	g.mu.Lock()
	defer g.mu.Unlock()
	g.exclusive = false
	if err == nil {
		apply()
	}
	return err
}

// vacant reports why the group cannot be had alone.
func (g *group) vacant() error {
	if g.closed {
		return errClosed()
	}
	if n := len(g.members); n > 0 {
		return engine.Errorf(engine.ErrGroupNotEmpty, "group %s has %d members; close them first", g.name, n)
	}
	return nil
}

// DeleteTopic forgets a deleted topic: its offsets, and at once, without asking, all assignments of its partitions. Call
// it after Topics has stopped telling of the topic and the journal has forgotten its offsets, before a topic of the same
// name is made.
func (c *Coordinator) DeleteTopic(topic string) {
	for _, g := range c.all() {
		g.deleteTopic(topic)
		c.reap(g)
	}
}

func (g *group) deleteTopic(topic string) {
	ofTopic := func(tp engine.TopicPartition) bool { return tp.Topic == topic }
	g.store.Lock() // a commit under way comes first
	defer g.store.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.offsets, func(tp engine.TopicPartition, _ int64) bool { return ofTopic(tp) })
	if g.batch != nil {
		g.batch.forget(topic)
	}
	if g.discard(ofTopic) && g.pending {
		g.settle()
	}
	g.topicsChanged()
}

// List describes all groups, sorted by name, as Describe does.
func (c *Coordinator) List() []engine.GroupInfo {
	groups := c.all()
	infos := make([]engine.GroupInfo, len(groups))
	for i, g := range groups {
		g.mu.Lock()
		infos[i] = g.describe()
		g.mu.Unlock()
	}
	return infos
}

// Count is the number of groups and of all their members.
func (c *Coordinator) Count() (groups, members int) {
	all := c.all()
	for _, g := range all {
		g.mu.Lock()
		members += len(g.members)
		g.mu.Unlock()
	}
	return len(all), members
}

// Describe tells all about a group. End and Lag of its offsets are left zero: the coordinator does not know them. It
// fails with [engine.ErrGroupNotFound].
func (c *Coordinator) Describe(name string) (engine.GroupInfo, error) {
	g := c.get(name)
	if g == nil {
		return engine.GroupInfo{}, engine.Errorf(engine.ErrGroupNotFound, "group %s", name)
	}
	defer g.mu.Unlock()
	return g.describe(), nil
}

// describe tells all about the group. The caller holds mu.
func (g *group) describe() engine.GroupInfo {
	info := engine.GroupInfo{ID: g.name, State: g.state(), Protocol: g.protocol}
	for _, m := range g.members {
		info.Members = append(info.Members, engine.MemberInfo{
			ID: m.id, InstanceID: m.instance, Topics: slices.Clone(m.topics),
			Assignment: slices.Clone(union(m.current, m.next)),
		})
	}
	for tp, offset := range g.offsets {
		info.Offsets = append(info.Offsets, engine.GroupOffset{TopicPartition: tp, Committed: offset})
	}
	slices.SortFunc(info.Offsets, func(a, b engine.GroupOffset) int { return compare(a.TopicPartition, b.TopicPartition) })
	return info
}
