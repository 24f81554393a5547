package local

import (
	"context"
	"maps"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/txn"
)

// openTransactional makes the producer one that begins transactions. A named one takes over from an earlier holder at
// once.
func (p *producer) openTransactional() error {
	tx, err := p.e.txns.Open(p.config.TransactionalID, p.config.TransactionTimeout)
	if err != nil {
		return err
	}
	p.tx = tx
	p.e.mu.Lock()
	p.e.transactional[p] = true
	p.e.mu.Unlock()
	return nil
}

// Begin implements engine.Producer.
func (p *producer) Begin(ctx context.Context) error {
	return p.e.call(ctx, func() error {
		if p.closed.Load() {
			return errProducerClosed()
		}
		if p.name != nil {
			return errNameAndTransaction()
		}
		p.opening.Lock()
		defer p.opening.Unlock()
		if p.tx == nil {
			if err := p.openTransactional(); err != nil {
				return err
			}
		}
		t, err := p.tx.Begin()
		if err == nil {
			p.current.Store(t)
		}
		return err
	})
}

// transaction is the one that was begun and not ended by this producer; it may have been ended by others.
func (p *producer) transaction() (*txn.Txn, error) {
	if t := p.current.Load(); t != nil {
		return t, nil
	}
	return nil, engine.Errorf(engine.ErrInvalidArgument, "the producer has no transaction open; begin one first")
}

// add puts records into the transaction. They have no offsets before their batch is full.
func (p *producer) add(t *txn.Txn, to *topic, rs []engine.Record) error {
	b := txn.Batching{Compression: to.config.Load().Compression, Bytes: p.config.BatchBytes}
	if p.config.CompressionSet {
		b.Compression = p.config.Compression
	}
	var into txn.Partition // made once for records of one partition in a row: it is an allocation
	for i := range rs {
		if into == nil || rs[i].Partition != rs[i-1].Partition {
			part, err := to.partition(rs[i].Partition)
			if err != nil {
				return err
			}
			into = participant{p.e.core, part}
		}
		if err := t.Add(into, b, &rs[i]); err != nil {
			return err
		}
	}
	return nil
}

// SendOffsets implements engine.Producer.
func (p *producer) SendOffsets(
	ctx context.Context, name string, offsets map[engine.TopicPartition]int64, from engine.Consumer,
) error {
	return p.e.call(ctx, func() error {
		t, err := p.transaction()
		if err != nil {
			return err
		}
		if err := engine.ValidateName("group", name); err != nil {
			return err
		}
		for tp, offset := range offsets {
			part, err := p.e.partition(tp)
			if err != nil {
				return err
			}
			if offset < 0 || offset > part.log.End() {
				return errOutOfRange(part, offset)
			}
		}
		if from == nil {
			return t.AddOffsets(name, offsets, nil)
		}
		member, err := p.memberOf(from, name, offsets)
		if err != nil {
			return err
		}
		claim, err := member.Claim(offsets)
		if err != nil {
			return err // rather now than when all the work is done
		}
		return t.AddOffsets(name, offsets, claim)
	})
}

// End implements engine.Producer. A context that has ended aborts.
func (p *producer) End(ctx context.Context, commit bool) error {
	if err := p.e.enter(ctx); err != nil {
		return err
	}
	defer p.e.leave()
	t, err := p.transaction()
	if err != nil {
		return err
	}
	defer p.current.Store(nil)
	if err := ctx.Err(); err != nil && commit {
		t.Abort()
		return ctxError(err)
	}
	if !commit {
		t.Abort()
		return nil
	}
	return t.Commit()
}

// closeTransactional aborts what is open and frees the name.
func (p *producer) closeTransactional() {
	p.opening.Lock()
	defer p.opening.Unlock()
	if p.tx == nil {
		return
	}
	p.tx.Close()
	p.e.mu.Lock()
	delete(p.e.transactional, p)
	p.e.mu.Unlock()
}

func errNameAndTransaction() error {
	return engine.Errorf(engine.ErrInvalidArgument, "a producer with an ID begins no transactions: their records have numbers of their own")
}

func errProducerClosed() error {
	return engine.Errorf(engine.ErrClosed, "the producer is closed; open a new one")
}

// memberOf is the membership on behalf of which a consumer's offsets are committed.
func (p *producer) memberOf(from engine.Consumer, name string, offsets map[engine.TopicPartition]int64) (*group.Member, error) {
	k, ok := from.(*consumer)
	if !ok || k.e.core != p.e.core {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "the consumer is of another client; a transaction commits offsets in its own")
	}
	if k.config.Group != name {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "the consumer is of group %q, not %q", k.config.Group, name)
	}
	return k.membership(offsets)
}

// membership is the consumer's place in its group now, for committing offsets.
func (c *consumer) membership(offsets map[engine.TopicPartition]int64) (*group.Member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.member != nil:
		return c.member, c.deletedOf(offsets)
	case c.closed:
		return nil, errConsumerClosed()
	}
	return nil, engine.Errorf(engine.ErrRebalanceInProgress, "the consumer is not a member of its group now; its records come again")
}

// committed is the group's offset of a partition, once no transaction is about to change it.
func (c *core) committed(name string, tp engine.TopicPartition) (offset int64, ok bool, err error) {
	c.publishing.Lock() // transactions that have checked their member come first
	defer c.publishing.Unlock()
	if c.unsure.of(name, tp) {
		return 0, false, errUnsure(name, tp)
	}
	offset, ok = c.groups.Committed(name, tp)
	return offset, ok, nil
}

// abandon aborts the transactions that were begun by way of this engine.
func (e *Engine) abandon() {
	e.mu.RLock()
	all := slices.Collect(maps.Keys(e.transactional))
	e.mu.RUnlock()
	for _, p := range all {
		if p.e == e {
			p.closeTransactional()
		}
	}
}
