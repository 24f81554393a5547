package local

import (
	"errors"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/txn"
)

// participant is a partition as transactions see it.
type participant struct {
	core *core
	*partition
}

// ID implements txn.Partition.
func (p participant) ID() txn.PartitionID {
	return txn.PartitionID{Topic: p.topic.id, Number: p.number}
}

// Append implements txn.Partition. A marker may use the room that is reserved for a full disk: readers wait for it.
func (p participant) Append(b record.Batch, nowMs int64) (log.Appended, error) {
	a, err := p.log.Append(b, nowMs)
	if b.IsControl() {
		if err != nil && errors.Is(err, engine.ErrDiskFull) && p.core.reserve.release() {
			a, err = p.log.Append(b, nowMs)
		}
	} else if err == nil {
		p.core.recordsIn.Add(int64(b.Count()))
		p.core.bytesIn.Add(int64(len(b)))
	}
	if err != nil {
		return a, p.gone(err)
	}
	p.core.bytes.Add(int64(len(b)))
	return a, nil
}

// Sync implements txn.Partition.
func (p participant) Sync(upTo int64) error {
	if p.Deleted() {
		return p.gone(errClosed())
	}
	return p.gone(p.log.Sync(upTo))
}

// End implements txn.Partition.
func (p participant) End() int64 { return p.log.End() }

// Durable implements txn.Partition.
func (p participant) Durable() int64 { return p.log.Durable() }

// Deleted implements txn.Partition.
func (p participant) Deleted() bool { return p.topic.deleted.Load() }

// openTransactions ends the transactions that a crash left open.
func (c *core) openTransactions() error {
	c.txns = txn.New(txn.Config{Clock: c.opts.Clock, Store: decisions{c}, Logger: c.opts.Logger})
	found := txn.Recovery{Exists: c.exists}
	for key, value := range c.journal.Scan(commitPrefix) {
		d, err := parseCommit(key, value)
		if err != nil {
			return &engine.CorruptionError{File: journalName, First: -1, Next: -1, Reason: key + ": " + err.Error()}
		}
		found.Decisions = append(found.Decisions, d)
	}
	if value, ok := c.journal.Get(transactionalKey); ok {
		var err error
		if found.Pool, err = parsePool(value); err != nil {
			return &engine.CorruptionError{File: journalName, First: -1, Next: -1, Reason: transactionalKey + ": " + err.Error()}
		}
	}
	c.eachPartition(func(p *partition) {
		l := txn.Log{Partition: participant{c, p}, Producers: p.log.Producers()}
		if len(l.Producers) > 0 || len(found.Decisions) > 0 {
			found.Logs = append(found.Logs, l)
		}
	})
	c.notes = append(c.notes, c.txns.Recover(found)...)
	return nil
}

// exists reports whether a partition that cannot be opened belongs to a topic that exists.
func (c *core) exists(id txn.PartitionID) bool {
	for _, t := range c.list() {
		if t.id == id.Topic {
			return int(id.Number) < len(t.list())
		}
	}
	return false
}

// settleTransactions tries again what could not be finished of transactions.
func (c *core) settleTransactions() {
	c.txns.Settle()
	if err := c.txns.Forget(true); err != nil {
		c.opts.Logger.Warn("transactions", "err", err)
	}
}
