package cluster

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

// handover is partitions that the Poll has to tell of: revoked while done is set, which is closed when that is done; lost
// otherwise.
type handover struct {
	tps  []engine.TopicPartition
	done chan struct{}
}

// assigned is called by the client when it knows its partitions; place follows for those that are new.
func (m *member) assigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if len(added) == 0 {
		m.settled = true
		m.c.halt()
	}
}

// place is called by the client with the committed offsets of new partitions, and returns where to read them.
func (m *member) place(ctx context.Context, fetched map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	c := m.c
	committed := map[engine.TopicPartition]int64{}
	var tps []engine.TopicPartition
	for topic, partitions := range fetched {
		for partition, o := range partitions {
			tp := engine.TopicPartition{Topic: topic, Partition: partition}
			tps = append(tps, tp)
			if offset := o.EpochOffset().Offset; offset >= 0 {
				committed[tp] = offset
			}
		}
	}
	bounded, cancel := c.e.bound(ctx)
	defer cancel()
	places, err := c.start(bounded, tps, committed, false)
	if err != nil {
		return nil, err
	}
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.gone() {
		return nil, errConsumerClosed()
	}
	for tp, p := range places {
		c.places[tp] = p
		fetched[tp.Topic][tp.Partition] = kgo.NewOffset().At(p.position)
	}
	m.settled = true
	return fetched, nil
}

// revoked is called by the client before it gives partitions up. It returns when the Poll has let finished work be
// committed, when the member leaves, or when that takes too long: then the partitions are lost.
func (m *member) revoked(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	c := m.c
	h := handover{done: make(chan struct{})}
	c.mu.Lock()
	if h.tps = c.held(given); len(h.tps) == 0 || m.gone() {
		c.mu.Unlock()
		return
	}
	m.settled = false
	c.due = append(c.due, h)
	c.halt()
	c.mu.Unlock()
	timer := c.e.opts.Clock.NewTimer(c.maxPollInterval())
	defer timer.Stop()
	select {
	case <-h.done:
	case <-m.quit:
	case <-timer.C():
		m.take(h)
	}
}

// take takes revoked partitions away of which nobody would hear.
func (m *member) take(h handover) {
	c := m.c
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.due, func(due handover) bool { return due.done == h.done })
	if i < 0 {
		return // it is being told at this moment
	}
	c.due[i].done = nil
	c.drop(h.tps)
}

// lost is called by the client when partitions were taken away.
func (m *member) lost(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	c := m.c
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	m.settled = false
	tps := c.held(given)
	if len(tps) == 0 || m.gone() {
		return
	}
	c.drop(tps)
	c.due = append(c.due, handover{tps: tps})
	c.halt()
}

// held are those of the client's partitions that the consumer reads, sorted. The caller holds mu.
func (c *consumer) held(given map[string][]int32) (tps []engine.TopicPartition) {
	for topic, partitions := range given {
		for _, partition := range partitions {
			if tp := (engine.TopicPartition{Topic: topic, Partition: partition}); c.places[tp] != nil {
				tps = append(tps, tp)
			}
		}
	}
	slices.SortFunc(tps, comparePartitions)
	return tps
}

// drop ceases to read partitions. The caller holds mu.
func (c *consumer) drop(tps []engine.TopicPartition) {
	for _, tp := range tps {
		delete(c.places, tp)
	}
}

// serve tells of partitions that are about to be given up, and of those that are lost.
func (c *consumer) serve(ctx context.Context) {
	for {
		c.mu.Lock()
		if len(c.due) == 0 {
			c.mu.Unlock()
			return
		}
		h := c.due[0]
		c.due = c.due[1:]
		c.mu.Unlock()
		if h.done == nil {
			if c.config.OnLost != nil {
				c.config.OnLost(h.tps)
			}
			continue
		}
		if c.config.OnRevoked != nil {
			c.config.OnRevoked(ctx, h.tps)
		}
		c.mu.Lock()
		c.drop(h.tps)
		c.mu.Unlock()
		close(h.done)
	}
}
