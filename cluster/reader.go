package cluster

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

// look is a search for the partitions of a standalone reader. It goes on when the Poll that began it ends.
type look struct {
	done chan struct{}
	err  error // once done
}

// look makes a standalone reader read all partitions, those that came since included. The first time it waits for that;
// later it looks now and then, beside the reading.
func (c *consumer) look(ctx context.Context) error {
	c.mu.Lock()
	l := c.looking
	now := c.e.opts.Clock.Now()
	if l == nil && (c.cl == nil || len(c.places) == 0 || now.Sub(c.looked) >= metadataAge) {
		l = &look{done: make(chan struct{})}
		c.looking, c.looked = l, now
		c.background.Go(func() { c.lookNow(l) })
	}
	wait := c.cl == nil || len(c.places) == 0
	c.mu.Unlock()
	if l == nil || !wait {
		return nil
	}
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return ctxError(ctx.Err())
	case <-c.e.closing.Done():
		return errClosed()
	}
}

func (c *consumer) lookNow(l *look) {
	err := c.e.call(context.Background(), c.update)
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.err = err; err != nil && len(c.places) > 0 && c.failure == nil {
		c.failure = err // nobody waits for it
	}
	c.looking = nil
	close(l.done)
	c.halt()
}

// lookAgain makes the engine's consumers see partitions that were added through it, at once.
func (e *cluster) lookAgain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for o := range e.open {
		if c, ok := o.(*consumer); ok {
			c.mu.Lock()
			if c.member != nil {
				c.cl.ForceMetadataRefresh()
			}
			c.looked = c.looked.Add(-metadataAge)
			c.halt()
			c.mu.Unlock()
		}
	}
}

// update finds the partitions of the topics, begins to read those that are new, and ceases to read those of topics that
// are gone, or were made anew. That a topic is gone is an error, once, while there are others.
func (c *consumer) update(ctx context.Context) error {
	found := map[engine.TopicPartition][16]byte{}
	var missing error
	for _, topic := range c.config.Topics {
		detail, err := c.e.topics.detail(ctx, topic)
		if errors.Is(err, engine.ErrTopicNotFound) {
			if !c.missing[topic] {
				missing = err
			}
			c.missing[topic] = true
			continue
		}
		if err != nil {
			return err
		}
		delete(c.missing, topic)
		for _, tp := range partitionsOf(detail) {
			found[tp] = detail.ID
		}
	}
	c.mu.Lock()
	first := c.cl == nil
	gone := map[string]bool{}
	var added []engine.TopicPartition
	for tp, p := range c.places {
		if id, ok := found[tp]; !ok || id != p.topic {
			gone[tp.Topic] = true
		}
	}
	for tp := range found {
		if c.places[tp] == nil || gone[tp.Topic] {
			added = append(added, tp)
		}
	}
	c.mu.Unlock()
	places, err := c.start(ctx, added, nil, !first)
	if err != nil {
		return err
	}
	for tp, p := range places {
		p.topic = found[tp]
	}
	if err := c.read(places, gone); err != nil {
		return err
	}
	if missing == nil && len(found) == 0 {
		missing = errTopic(c.config.Topics[0])
	}
	return missing
}

// read makes the client read places, and not the topics that are gone.
func (c *consumer) read(places map[engine.TopicPartition]*place, gone map[string]bool) error {
	if len(places) == 0 && len(gone) == 0 {
		return nil
	}
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errConsumerClosed()
	}
	if c.cl == nil {
		cl, err := c.e.dial(c.options(nil)...)
		if err != nil {
			return err
		}
		c.cl = cl
		for tp := range c.paused {
			cl.PauseFetchPartitions(byTopic([]engine.TopicPartition{tp}))
		}
	}
	for tp := range c.places {
		if gone[tp.Topic] {
			delete(c.places, tp)
		}
	}
	for topic := range gone {
		c.cl.PurgeTopicsFromConsuming(topic)
	}
	offsets := map[string]map[int32]kgo.Offset{}
	for tp, p := range places {
		c.places[tp] = p
		if offsets[tp.Topic] == nil {
			offsets[tp.Topic] = map[int32]kgo.Offset{}
		}
		offsets[tp.Topic][tp.Partition] = kgo.NewOffset().At(p.position)
	}
	c.cl.AddConsumePartitions(offsets)
	return nil
}
