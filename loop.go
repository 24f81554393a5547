package kafka

import (
	"context"
	"errors"
	"io"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// loop is what one kind of loop does differently.
type loop struct {
	// manual says that the loop itself marks what auto-commit may commit, or commits.
	manual bool
	// skipped, when set, is called for records that are processed without the loop's body: filtered out, or undecodable.
	skipped func(*Message)
	// patience, when set, bounds how long the loop waits for records; then expired is called, and tells whether to go on.
	patience context.Context
	expired  func() bool
	// flush, when set, is called with the loop's error when it ends otherwise than by a panic; it returns that error, or
	// another.
	flush func(error) error
	// start, when set, is called when no other loop can begin any more, and finish, when set, at the very end,
	// also after a panic, while no other loop can begin.
	start, finish func()

	yielded bool // the body has a message and did not ask for the next one
}

// each runs a loop over messages that the view keeps.
func (c *Consumer) each(ctx context.Context, l *loop, yield func(*Message) bool) (err error) {
	if err := c.reader.begin(ctx, l); err != nil {
		return c.reader.normal(ctx, err)
	}
	if l.start != nil {
		l.start()
	}
	panicked := true
	defer func() {
		if e := c.reader.end(ctx, l, panicked); err == nil {
			err = e
		}
	}()
	if err = c.reader.normal(ctx, c.run(ctx, l, yield)); c.reader.closedBy(err) {
		err = nil
	}
	if l.flush != nil {
		err = l.flush(err)
	}
	panicked = false
	return err
}

// run is the loop itself. What it pays between two messages for Seek, Pause, Close and rebalances is one atomic load, and
// for the end of ctx a look at a channel.
func (c *Consumer) run(ctx context.Context, l *loop, yield func(*Message) bool) error {
	r, done := c.reader, ctx.Done()
	for {
		if r.attention.Load() || r.at == len(r.buffer) || ended(done) {
			if goOn, err := l.prepare(ctx, r); !goOn || err != nil {
				return err
			}
		}
		m := r.head()
		if err := c.decode(m); err != nil {
			if err := r.undecodable(ctx, m, err); err != nil {
				return err // the position stays here
			}
			r.advance()
			l.skip(m)
			continue
		}
		r.advance()
		if c.keep != nil && !c.keep(m) {
			l.skip(m)
			continue
		}
		l.yielded = true
		if !yield(m) {
			return nil
		}
		l.yielded = false
	}
}

func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// prepare gets the next records. It reports whether the loop goes on.
func (l *loop) prepare(ctx context.Context, r *reader) (goOn bool, err error) {
	for l.patience != nil {
		patience := l.patience
		err := r.prepare(patience)
		if err == nil || patience.Err() == nil || ctx.Err() != nil {
			return true, err
		}
		if !l.expired() {
			return false, nil
		}
	}
	return true, r.prepare(ctx)
}

func (l *loop) skip(m *Message) {
	if l.skipped != nil {
		l.skipped(m)
	}
}

// begin opens the consumer and keeps other loops out.
func (r *reader) begin(ctx context.Context, l *loop) error {
	if !r.running.TryLock() {
		return engine.Errorf(ErrInvalidArgument, "the consumer has a loop already; open another consumer")
	}
	if err := r.open(ctx); err != nil {
		r.running.Unlock()
		return err
	}
	r.mu.Lock()
	r.automatic = r.config.autoCommit && !l.manual
	r.exact = r.automatic || r.watched
	r.mu.Unlock()
	r.gathered = nil
	return nil
}

// end accounts for what the loop went through. A message that its body still had is not finished.
func (r *reader) end(ctx context.Context, l *loop, panicked bool) error {
	defer r.running.Unlock()
	r.mu.Lock()
	r.settle(l.yielded && !seeded.On(seeded.UnfinishedWork))
	r.automatic = false
	closed := r.closed
	r.mu.Unlock()
	if l.finish != nil {
		l.finish()
	}
	if closed || panicked {
		return nil
	}
	if err := r.commitMarks(context.WithoutCancel(ctx)); !r.closedBy(err) {
		return err
	}
	return nil
}

// normal turns an ordinary end of a loop into nil.
func (r *reader) normal(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || err == errLoopClosed || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// errLoopClosed ends a loop whose consumer was closed, without an error for the user.
var errLoopClosed = errors.New("closed")

// undecodable does what the configuration says with a record whose value cannot be decoded.
func (r *reader) undecodable(ctx context.Context, m *Message, err error) error {
	switch r.config.onError {
	case Skip:
		r.client.config.Logger.Warn("undecodable record skipped", "topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "err", err)
		return nil
	case DeadLetter:
		return r.deadLetter(ctx, m, err)
	}
	return err
}
