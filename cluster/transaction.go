package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

// defaultTransactionTimeout bounds transactions for which nothing else is said.
const defaultTransactionTimeout = time.Minute

// transactor is a client of the cluster that sends in transactions, one at a time.
type transactor struct {
	e       *cluster
	id      string
	timeout time.Duration
	options []kgo.Opt

	turn sync.Mutex  // held by each verb
	cl   *kgo.Client // nil after a transaction whose end is not known: the next one begins with a new client
	used usage

	mu      sync.Mutex
	open    bool
	began   time.Time
	sent    int // records that are written
	failed  error
	offsets []sentOffsets
}

// current is the transaction that is open, or nil.
func (p *producer) current() *transactor {
	p.mu.Lock()
	tx := p.tx
	p.mu.Unlock()
	if tx == nil || !tx.isOpen() {
		return nil
	}
	return tx
}

// transactor returns the producer's, made and introduced to the cluster if there is none.
func (p *producer) transactor(ctx context.Context) (*transactor, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tx == nil {
		p.tx = &transactor{e: p.e, id: p.config.TransactionalID, timeout: p.config.TransactionTimeout}
		if p.tx.id == "" {
			p.tx.id = "kafka-embedded-" + strings.ToLower(rand.Text())
		}
		if p.tx.timeout <= 0 {
			p.tx.timeout = defaultTransactionTimeout
		}
		c := producer{e: p.e, config: p.config}
		c.config.Acks = engine.AcksAll
		// How long records may wait is for the contexts to say: kgo counts its own timeout from their timestamps, which are
		// the sender's, and may be of last year.
		p.tx.options = append(c.options(), kgo.TransactionalID(p.tx.id), kgo.TransactionTimeout(p.tx.timeout))
	}
	return p.tx, p.tx.dial(ctx)
}

// dial makes the client if there is none, which fences earlier holders of the name.
func (t *transactor) dial(ctx context.Context) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.cl != nil {
		return nil
	}
	cl, err := t.e.dial(t.options...)
	if err != nil {
		return err
	}
	if _, _, err := cl.ProducerID(ctx); err != nil {
		cl.Close()
		return err
	}
	t.cl, t.used = cl, usage{}
	return nil
}

// Begin implements engine.Producer.
func (p *producer) Begin(ctx context.Context) error {
	return p.e.call(ctx, func(ctx context.Context) error {
		if p.closed.Load() {
			return errProducerClosed()
		}
		tx, err := p.transactor(ctx)
		if err != nil {
			return err
		}
		return tx.begin()
	})
}

func (t *transactor) begin() error {
	t.turn.Lock()
	defer t.turn.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open {
		return engine.Errorf(engine.ErrInvalidArgument, "the producer has a transaction open; end it first")
	}
	if err := t.cl.BeginTransaction(); err != nil {
		return err
	}
	t.open, t.began, t.sent, t.failed, t.offsets = true, t.e.opts.Clock.Now(), 0, nil, nil
	return nil
}

func (t *transactor) isOpen() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

// add sends records without waiting for them. What becomes of them is known at the latest at the transaction's end.
func (t *transactor) add(ctx context.Context, s shape, records []kgo.Record) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	if err := t.used.catchUp(ctx, t.cl, s); err != nil {
		return err
	}
	for i := range records {
		t.cl.Produce(context.Background(), &records[i], t.resolve)
	}
	return nil
}

func (t *transactor) resolve(_ *kgo.Record, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.sent++
		t.e.counters.recordsIn.Add(1)
	} else if t.failed == nil {
		t.failed = t.late(err)
	}
}

// failure is why the transaction can only be aborted, or nil.
func (t *transactor) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// usable is why the transaction takes nothing more, or nil. The caller holds turn.
func (t *transactor) usable() error {
	if !t.isOpen() {
		return errNoTransaction()
	}
	return t.failure()
}

// late explains an error of a transaction: a cluster that has aborted it, because it was open for too long, says the same
// as one on which another producer has taken over the name, or that there is none. The caller holds mu.
func (t *transactor) late(err error) error {
	over := errors.Is(err, kerr.InvalidTxnState)
	err = explain(err)
	over = over || errors.Is(err, engine.ErrFenced)
	if open := t.e.opts.Clock.Now().Sub(t.began); over && open >= t.timeout {
		return engine.Errorf(engine.ErrTimeout, "the transaction was open for longer than %s and is aborted: %w", t.timeout, err)
	}
	return err
}

func (t *transactor) flush(ctx context.Context) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.flushNow(ctx)
}

func (t *transactor) flushNow(ctx context.Context) error {
	if err := t.usable(); err != nil {
		return err
	}
	if err := t.cl.Flush(ctx); err != nil {
		return err
	}
	return t.failure()
}

// close aborts what is open.
func (t *transactor) close(ctx context.Context) {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.isOpen() {
		t.abort(ctx)
	}
	if t.cl != nil {
		t.cl.Close()
	}
}

func errNoTransaction() error {
	return engine.Errorf(engine.ErrInvalidArgument, "the producer has no transaction open; begin one first")
}
