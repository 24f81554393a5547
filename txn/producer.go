package txn

import (
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// Producer begins transactions, one after the other.
type Producer struct {
	c       *Coordinator
	name    string
	timeout time.Duration

	// Guarded by Coordinator.mu.
	current *Txn
	ended   *engine.Error // why it begins no more
}

// Open returns a producer. Without a name it is independent of all others. With a name it takes over from the one that
// was opened before under this name, whose open transaction is aborted and whose calls fail with [engine.ErrFenced]. A
// timeout of 0 means DefaultTimeout.
func (c *Coordinator) Open(name string, timeout time.Duration) (*Producer, error) {
	if timeout < 0 {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "negative transaction timeout %v", timeout)
	}
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	p := &Producer{c: c, name: name, timeout: timeout}
	if name == "" {
		return p, nil
	}
	if err := engine.ValidateName("transactional id", name); err != nil {
		return nil, err
	}
	fenced := engine.Errorf(engine.ErrFenced, "another producer has opened transactional id %s", name)
	c.mu.Lock()
	var open *Txn
	if before := c.names[name]; before != nil {
		before.ended, open = fenced, before.current
	}
	c.names[name] = p
	c.mu.Unlock()
	if open != nil {
		open.kill(fenced)
	}
	return p, nil
}

// Begin begins a transaction. It fails with [engine.ErrFenced], [engine.ErrQuotaExceeded] when too many are open, and
// [engine.ErrInvalidArgument] when this producer's last one is.
func (p *Producer) Begin() (*Txn, error) {
	c := p.c
	t := &Txn{c: c, producer: p, id: noID}
	t.mu.Lock() // the timer may fire at once
	defer t.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.ended != nil:
		return nil, p.ended
	case c.closed:
		return nil, errClosed("the client is closed; open a new one")
	case p.current != nil:
		return nil, engine.Errorf(engine.ErrInvalidArgument, "the producer has a transaction open; end it first")
	case len(c.open) >= c.maxOpen:
		return nil, engine.Errorf(engine.ErrQuotaExceeded, "%d transactions are open, as many as there may be", len(c.open))
	}
	p.current = t
	c.open[t] = struct{}{}
	t.timer = c.clock.AfterFunc(p.timeout, func() {
		t.kill(engine.Errorf(engine.ErrTimeout, "the transaction was open for longer than %v and was aborted", p.timeout))
	})
	return t, nil
}

// Close aborts the transaction that is open and frees the name. It is idempotent.
func (p *Producer) Close() {
	c := p.c
	c.mu.Lock()
	open := p.current
	if p.ended == nil {
		p.ended = errClosed("the producer is closed; open a new one")
	}
	if c.names[p.name] == p {
		delete(c.names, p.name)
	}
	c.mu.Unlock()
	if open != nil {
		open.kill(errClosed("the producer was closed; the transaction was aborted"))
	}
}

// over tells the coordinator that a transaction has ended.
func (c *Coordinator) over(t *Txn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, t)
	if t.producer.current == t {
		t.producer.current = nil
	}
}
