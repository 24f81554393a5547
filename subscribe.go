package kafka

import (
	"cmp"
	"context"
	"sync"
)

// Handler is called for the messages of a subscription, one at a time.
type Handler struct {
	// OnNext processes a message. Its error ends the subscription, unless the consumer has WithAttempts left for it or
	// sends it to the dead letters. Its context ends with that of Subscribe, not with Stop.
	OnNext func(context.Context, *Message) error
	// OnError, when set, is called once, with the error that has ended the subscription.
	OnError func(error)
}

// Subscription is a loop in the background. All methods may be called concurrently.
type Subscription struct {
	stop context.CancelFunc
	done chan struct{}

	mu  sync.Mutex
	err error
}

// Subscribe begins to call h for each message, in the background, until ctx ends, Stop, Close, WithUntilEnd is satisfied
// or something fails. OnNext commits, or WithAutoCommit does.
func (c *Consumer) Subscribe(ctx context.Context, h Handler) *Subscription {
	loopCtx, stop := context.WithCancel(ctx)
	s := &Subscription{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer stop()
		err := c.deliver(ctx, loopCtx, h)
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
		c.reader.setErr(err)
		if err != nil && h.OnError != nil {
			h.OnError(err)
		}
	}()
	return s
}

// deliver is the loop behind Subscribe.
func (c *Consumer) deliver(ctx, loopCtx context.Context, h Handler) error {
	r := c.reader
	var failed, back error
	err := c.each(loopCtx, &loop{}, func(m *Message) bool {
		if failed = r.handle(ctx, m, &r.config.parallel.retry, h.OnNext); failed != nil {
			back = r.giveBack(ctx, m)
		}
		return failed == nil
	})
	if ctx.Err() != nil {
		failed = nil
	}
	return cmp.Or(failed, back, err)
}

// Stop ends the subscription after the message that OnNext has now. It does not wait, so OnNext may call it.
func (s *Subscription) Stop() { s.stop() }

// Done is closed when the subscription has ended and neither OnNext nor OnError runs any more.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Wait waits for the end and returns Err.
func (s *Subscription) Wait() error {
	<-s.done
	return s.Err()
}

// Err is why the subscription ended; nil while it runs, and for an ended context, Stop, Close and WithUntilEnd.
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
