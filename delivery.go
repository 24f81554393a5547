package kafka

import (
	"context"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// Delivery is the promise of an asynchronous send. All methods may be called concurrently.
type Delivery struct {
	mu       sync.Mutex
	resolved bool
	metadata RecordMetadata
	err      error
	done     chan struct{} // made when somebody asks for it
	then     []func(RecordMetadata, error)
}

// resolve sets the outcome and calls what waits for it, in order.
func (d *Delivery) resolve(m RecordMetadata, err error) {
	d.mu.Lock()
	d.resolved, d.metadata, d.err = true, m, err
	if d.done != nil {
		close(d.done)
	}
	then := d.then
	d.then = nil
	d.mu.Unlock()
	for _, fn := range then {
		fn(m, err)
	}
}

// Done is closed when the outcome is known.
func (d *Delivery) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
		if d.resolved {
			close(d.done)
		}
	}
	return d.done
}

// Wait waits for the outcome.
func (d *Delivery) Wait(ctx context.Context) (RecordMetadata, error) {
	select {
	case <-d.Done():
		return d.metadata, d.err
	case <-ctx.Done():
		return RecordMetadata{}, sendError(ctx.Err())
	}
}

// Then calls fn with the outcome: on the goroutine that delivers, which must not be blocked, or at once when the outcome
// is known.
func (d *Delivery) Then(fn func(RecordMetadata, error)) {
	d.mu.Lock()
	if !d.resolved {
		d.then = append(d.then, fn)
		d.mu.Unlock()
		return
	}
	d.mu.Unlock()
	fn(d.metadata, d.err)
}

// sendError dresses the error of a context that ended a send.
func sendError(err error) error {
	if err == context.DeadlineExceeded {
		return engine.Errorf(ErrTimeout, "the send: %w", err)
	}
	return err
}
