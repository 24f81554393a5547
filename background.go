package kafka

import (
	"context"
	"sync"
	"sync/atomic"
)

// background is an accumulator that is made when it is first needed.
type background struct {
	opener  *opener
	reports *reports

	current atomic.Pointer[accumulator]
	mu      sync.Mutex
	closed  bool
}

func (b *background) get() (*accumulator, error) {
	if a := b.current.Load(); a != nil {
		return a, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errProducerClosed(b.opener.topic)
	}
	if b.current.Load() == nil {
		b.current.Store(newAccumulator(b.opener, b.reports))
	}
	return b.current.Load(), nil
}

func (b *background) flush(ctx context.Context) error {
	if a := b.current.Load(); a != nil {
		return a.flush(ctx)
	}
	return nil
}

func (b *background) close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	if a := b.current.Load(); a != nil {
		return a.close()
	}
	return nil
}
