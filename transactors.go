package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// transactors keeps the producers of transactions that are over, for those to come.
type transactors struct {
	mu     sync.Mutex
	idle   map[txConfig][]engine.Producer
	kept   int
	closed bool
}

// mostTransactors bounds how many are kept.
const mostTransactors = 256

// begin begins a transaction on a producer, which put gets back.
func (t *transactors) begin(ctx context.Context, c *Client, tc txConfig) (engine.Producer, error) {
	if p := t.take(tc); p != nil {
		err := p.Begin(ctx)
		if err == nil {
			return p, nil
		}
		_ = p.Close()
		if !errors.Is(err, ErrFenced) { // while it was idle: a new one takes over again
			return nil, err
		}
	}
	if err := c.keep(t); err != nil {
		return nil, err
	}
	p, err := c.engine.OpenProducer(ctx, engine.ProducerConfig{
		AutoCreateTopics: !c.config.NoAutoCreateTopics, TransactionalID: tc.id, TransactionTimeout: tc.timeout,
	})
	if err != nil {
		return nil, err
	}
	if err := p.Begin(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (t *transactors) take(tc txConfig) engine.Producer {
	t.mu.Lock()
	defer t.mu.Unlock()
	idle := t.idle[tc]
	n := len(idle)
	if n == 0 {
		return nil
	}
	p := idle[n-1]
	if t.idle[tc] = idle[:n-1]; n == 1 {
		delete(t.idle, tc)
	}
	t.kept--
	return p
}

// put takes a producer back.
func (t *transactors) put(p engine.Producer, tc txConfig) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.kept == mostTransactors {
		_ = p.Close()
		return
	}
	if t.idle == nil {
		t.idle = map[txConfig][]engine.Producer{}
	}
	t.idle[tc] = append(t.idle[tc], p)
	t.kept++
}

func (t *transactors) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	var errs []error
	for _, idle := range t.idle {
		for _, p := range idle {
			errs = append(errs, p.Close())
		}
	}
	t.idle, t.kept = nil, 0
	return errors.Join(errs...)
}
