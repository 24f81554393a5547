package group

import (
	"context"
	"maps"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// batch is offsets on their way to the store. While one batch is being stored, the commits that come in share the next.
type batch struct {
	offsets map[engine.TopicPartition]int64
	shared  bool          // offsets is ours, not the first committer's
	done    chan struct{} // closed when err is set; made when somebody has to wait
	err     error
}

// add shares the batch with a further commit, whose caller waits for done.
func (b *batch) add(offsets map[engine.TopicPartition]int64) {
	b.own(len(offsets))
	raise(b.offsets, offsets)
	if b.done == nil {
		b.done = make(chan struct{})
	}
}

// forget drops the offsets of a deleted topic.
func (b *batch) forget(topic string) {
	b.own(0)
	maps.DeleteFunc(b.offsets, func(tp engine.TopicPartition, _ int64) bool { return tp.Topic == topic })
}

// own makes a copy of the first committer's map, with room for more, so that it may be changed.
func (b *batch) own(more int) {
	if b.shared {
		return
	}
	own := make(map[engine.TopicPartition]int64, len(b.offsets)+more)
	maps.Copy(own, b.offsets)
	b.offsets, b.shared = own, true
}

// Commit stores the next offsets to read of partitions that the member holds, and returns when the Store has them. An
// offset below the committed one is ignored. The map is not kept.
//
// It fails with [engine.ErrFenced] when the member was removed or superseded, or does not hold a partition; with
// [engine.ErrRebalanceInProgress] when it gave the partition up, or was given it and has not polled since, and the
// rebalance goes on: poll, then see; with the Store's error when that fails. Then nothing is committed. When ctx ends
// while others store, the outcome is unknown.
func (m *Member) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g := m.group
	now := g.c.now()
	g.mu.Lock()
	if err := m.check(offsets); err != nil || len(offsets) == 0 {
		g.mu.Unlock()
		return err
	}
	m.beat = now
	b, first := g.enlist(offsets)
	g.mu.Unlock()
	if first {
		return g.flush(b)
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// check reports whether the member may commit offsets.
func (m *Member) check(offsets map[engine.TopicPartition]int64) error {
	if m.lost != nil {
		return m.lost
	}
	for tp, offset := range offsets {
		if offset < 0 {
			return engine.Errorf(engine.ErrInvalidArgument, "negative offset %d", offset).At(tp.Topic, int(tp.Partition))
		}
		if contains(m.current, tp) || contains(m.revoked, tp) || contains(m.revoking, tp) {
			continue
		}
		if m.group.pending || contains(m.next, tp) {
			return engine.Errorf(engine.ErrRebalanceInProgress,
				"member %s of group %s does not hold the partition; poll to take part", m.id, m.group.name).At(tp.Topic, int(tp.Partition))
		}
		return engine.Errorf(engine.ErrFenced, "member %s of group %s does not hold the partition in generation %d",
			m.id, m.group.name, m.group.generation).At(tp.Topic, int(tp.Partition))
	}
	return nil
}

// enlist adds offsets to the batch that waits for the store, and tells whether it is the first, who must flush it.
func (g *group) enlist(offsets map[engine.TopicPartition]int64) (b *batch, first bool) {
	if g.batch != nil {
		g.batch.add(offsets)
		return g.batch, false
	}
	g.batch = &batch{offsets: offsets}
	g.users++
	return g.batch, true
}

// flush stores a batch once the one before is stored.
func (g *group) flush(b *batch) error {
	g.store.Lock()
	g.mu.Lock()
	g.batch = nil // later commits make a new one
	news := g.news(b.offsets)
	if g.closed {
		b.err, news = errClosed(), nil
	}
	g.mu.Unlock()

	if len(news) > 0 {
		b.err = g.c.store.Commit(g.name, news)
	}

	g.mu.Lock()
	if b.err == nil {
		raise(g.offsets, news)
	}
	g.users--
	unused := len(g.members) == 0 && len(g.offsets) == 0
	g.mu.Unlock()
	g.store.Unlock()
	if b.done != nil {
		close(b.done)
	}
	if unused {
		g.c.reap(g)
	}
	return b.err
}

// drain waits until every commit that was let in is stored. The caller holds mu, which is given up meanwhile.
func (g *group) drain() {
	b, busy := g.batch, g.users > 0
	if b != nil && b.done == nil {
		b.done = make(chan struct{})
	}
	switch {
	case b != nil: // stored after the one that is being stored
		g.mu.Unlock()
		<-b.done
		g.mu.Lock()
	case busy:
		g.mu.Unlock()
		g.store.Lock() // held by the one that stores
		g.store.Unlock()
		g.mu.Lock()
	}
}

// news is the part of offsets that is above what is committed.
func (g *group) news(offsets map[engine.TopicPartition]int64) map[engine.TopicPartition]int64 {
	stale := 0
	for tp, offset := range offsets {
		if have, ok := g.offsets[tp]; ok && offset <= have {
			stale++
		}
	}
	if stale == 0 || seeded.On(seeded.OffsetBack) {
		return offsets
	}
	out := make(map[engine.TopicPartition]int64, len(offsets)-stale)
	for tp, offset := range offsets {
		if have, ok := g.offsets[tp]; !ok || offset > have {
			out[tp] = offset
		}
	}
	return out
}

// raise moves offsets up to those given.
func raise(offsets, to map[engine.TopicPartition]int64) {
	for tp, offset := range to {
		if have, ok := offsets[tp]; !ok || offset > have {
			offsets[tp] = offset
		}
	}
}
