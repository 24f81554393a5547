package kafka

import (
	"context"
	"errors"
	"iter"
	"slices"
)

// Batch is messages that came together: of several partitions, those of one in order.
type Batch struct {
	Messages []*Message
}

// Commit stores that all messages of the batch, and those before them in their partitions, are processed. Partitions
// that were given up since make it ErrRebalanceInProgress; the others are committed nevertheless.
func (b *Batch) Commit(ctx context.Context) error {
	if len(b.Messages) == 0 {
		return nil
	}
	next := map[*source]int64{}
	for _, m := range b.Messages {
		if m.source == nil {
			return errNotReceived()
		}
		next[m.source] = max(next[m.source], m.Offset+1)
	}
	first := b.Messages[0].source
	gone, err := first.reader.commitHeld(ctx, next)
	err = first.reader.explain(first, err)
	if gone != nil {
		err = errors.Join(err, first.reader.errGone(gone, nil))
	}
	return err
}

// Batches loops over batches of up to WithBatchSize messages. A batch that is not full is given out WithBatchTimeout
// after its first message came, and at the end of the loop, which ends as that of [Consumer.Messages]; Err says why.
// With auto-commit a batch counts as processed when the loop asks for the next one.
func (c *Consumer) Batches(ctx context.Context) iter.Seq[*Batch] {
	return func(yield func(*Batch) bool) { c.reader.setErr(c.batches(ctx, yield)) }
}

func (c *Consumer) batches(ctx context.Context, yield func(*Batch) bool) error {
	g := &gatherer{reader: c.reader, yield: yield, stop: func() {}, skipped: map[*source]*Message{}}
	defer func() { g.stop() }()
	g.loop = loop{manual: true, skipped: g.skip, expired: g.give, flush: func(err error) error { return g.flush(ctx, err) }}
	return c.each(ctx, &g.loop, func(m *Message) bool { return g.add(ctx, m) })
}

// gatherer fills batches. What it has is the reader's gathered, where partitions that are sought, paused or given up
// meanwhile leave it.
type gatherer struct {
	loop    loop
	reader  *reader
	yield   func(*Batch) bool
	skipped map[*source]*Message // the last of each partition since the last batch
	stop    func()               // stops the timer of the batch
	broken  bool                 // the loop's body has ended it
}

func (g *gatherer) add(ctx context.Context, m *Message) bool {
	r := g.reader
	if len(r.gathered) == 0 {
		g.start(ctx)
	}
	r.gathered = append(r.gathered, m)
	return len(r.gathered) < r.config.batchSize || g.give()
}

// start bounds how long the loop waits for the rest of a batch.
func (g *gatherer) start(ctx context.Context) {
	g.stop()
	patience, cancel := context.WithCancel(ctx)
	timer := g.reader.client.config.Clock.AfterFunc(g.reader.config.batchTimeout, cancel)
	g.loop.patience = patience
	g.stop = func() {
		timer.Stop()
		cancel()
		g.loop.patience, g.stop = nil, func() {}
	}
}

// skip notes a record that is in no batch.
func (g *gatherer) skip(m *Message) {
	if len(g.reader.gathered) == 0 {
		g.reader.markMessages(m)
	} else {
		g.skipped[m.source] = m
	}
}

// give hands out what there is. It reports whether the loop goes on.
func (g *gatherer) give() bool {
	g.stop()
	r := g.reader
	ms := slices.DeleteFunc(r.gathered, func(m *Message) bool { return m.source.gone.Load() })
	r.gathered = nil
	if len(ms) > 0 && !g.yield(&Batch{Messages: ms}) {
		g.broken = true
		return false
	}
	r.markMessages(ms...)
	for s, m := range g.skipped {
		r.markMessages(m)
		delete(g.skipped, s)
	}
	return true
}

// flush ends the loop: a batch that is not full is given out, or given back when ctx has ended.
func (g *gatherer) flush(ctx context.Context, err error) error {
	r := g.reader
	if len(r.gathered) == 0 || g.broken || r.isClosed() {
		return err
	}
	if ctx.Err() == nil {
		g.give()
		return err
	}
	back := map[*source]bool{}
	for _, m := range r.gathered {
		if !back[m.source] {
			back[m.source] = true
			err = errors.Join(err, r.giveBack(ctx, m))
		}
	}
	return err
}
