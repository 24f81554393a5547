package kafka

import (
	"cmp"
	"context"
	"errors"
)

// Chan gives messages on a channel, for select. The channel is closed when the loop ends, as [Consumer.Messages] would;
// Err then says why. A receiver that loses interest ends ctx or closes the consumer. With auto-commit a message counts
// as processed when the next one was received.
func (c *Consumer) Chan(ctx context.Context) <-chan *Message {
	ch := make(chan *Message)
	r := c.reader
	run := func() {
		defer close(ch)
		r.setErr(c.send(ctx, ch))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		go run() // ends at once
	} else {
		r.background.Go(run)
	}
	return ch
}

// send is the loop behind Chan.
func (c *Consumer) send(ctx context.Context, ch chan<- *Message) error {
	r := c.reader
	var last *Message // received, and maybe worked on
	var back error
	err := c.each(ctx, &loop{manual: true}, func(m *Message) bool {
		select {
		case ch <- m:
		case <-ctx.Done():
			back = r.giveBack(ctx, m)
			return false
		case <-r.closing:
			return false
		}
		if last != nil {
			r.markMessages(last)
		}
		last = m
		return true
	})
	return cmp.Or(err, back)
}

// giveBack makes a message, which nobody saw, the next of its partition again.
func (r *reader) giveBack(ctx context.Context, m *Message) error {
	if m.source.gone.Load() {
		return nil // the consumer may read the partition again, from what is committed
	}
	err := r.seek(context.WithoutCancel(ctx), m.source.tp, m.Offset)
	if errors.Is(err, ErrInvalidArgument) || r.closedBy(err) {
		return nil // the partition was given up meanwhile: it comes again anyway
	}
	return err
}

// markMessages lets auto-commit commit messages, for loops that tell by themselves.
func (r *reader) markMessages(ms ...*Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.config.autoCommit {
		return
	}
	for _, m := range ms {
		if !m.source.gone.Load() {
			r.marks[m.source] = max(r.marks[m.source], m.Offset+1)
		}
	}
}
