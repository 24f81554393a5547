package local

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/txn"
)

// defaultBatchBytes bounds the records of one batch.
const defaultBatchBytes = 1 << 20

// producer appends straight to the logs, on the caller's goroutine.
type producer struct {
	e      *Engine
	config engine.ProducerConfig
	closed atomic.Bool
	sticky atomic.Uint32 // partition of the next batch without keys

	name  *name           // shared by those with the same ID; nil without one
	taken map[string]bool // topics taken over under the name; guarded by its mu

	opening sync.Mutex    // guards tx
	tx      *txn.Producer // made when it is first needed
	current atomic.Pointer[txn.Txn]
}

// OpenProducer opens a producer.
func (e *Engine) OpenProducer(ctx context.Context, c engine.ProducerConfig) (engine.Producer, error) {
	if err := ctx.Err(); err != nil {
		return nil, ctxError(err)
	}
	if err := e.enter(ctx); err != nil {
		return nil, err
	}
	defer e.leave()
	switch {
	case c.ID != "" && c.TransactionalID != "":
		return nil, errNameAndTransaction()
	case c.Acks < engine.AcksAll || c.Acks > engine.AcksNone:
		return nil, engine.Errorf(engine.ErrInvalidArgument, "acks %d: there are all, leader and none", c.Acks)
	case c.CompressionSet && (c.Compression < record.None || c.Compression > record.Zstd):
		return nil, engine.Errorf(engine.ErrInvalidArgument, "compression %d: there are none, gzip, snappy, lz4 and zstd", c.Compression)
	}
	if c.BatchBytes <= 0 {
		c.BatchBytes = defaultBatchBytes
	}
	p := &producer{e: e, config: c}
	if c.ID != "" {
		var err error
		if p.name, err = e.names.acquire(c.ID); err != nil {
			return nil, err
		}
	}
	if c.TransactionalID != "" {
		return p, p.openTransactional()
	}
	return p, nil
}

// Produce appends records, one batch per partition, or several where a batch would exceed the configured size.
func (p *producer) Produce(ctx context.Context, topic string, rs []engine.Record) (engine.Durability, error) {
	for i := range rs {
		rs[i].Offset = -1
	}
	if err := ctx.Err(); err != nil {
		return 0, ctxError(err)
	}
	if err := p.e.enter(ctx); err != nil {
		return 0, err
	}
	defer p.e.leave()
	if p.closed.Load() {
		return 0, errProducerClosed()
	}
	t, err := p.e.topicFor(ctx, topic, p.config.AutoCreateTopics)
	if err != nil {
		return 0, err
	}
	if codec := t.config.Load().Codec; p.config.Codec != "" && p.config.Codec != codec {
		return 0, engine.Errorf(engine.ErrSerialization, "%w: %s, not %s", engine.ErrOtherCodec, codec, p.config.Codec).At(topic, -1)
	}
	if err := p.e.checkQuota(); err != nil {
		return 0, err
	}
	if err := p.e.reserve.check(); err != nil {
		p.e.makeRoom(err)
		return 0, err
	}
	now := p.e.opts.Clock.Now().UnixMilli()
	if err := p.place(t, rs, now); err != nil {
		return 0, err
	}
	if current := p.current.Load(); current != nil {
		return engine.DurabilityNone, p.add(current, t, rs)
	}
	if p.config.TransactionalID != "" {
		_, err := p.transaction()
		return 0, err
	}
	var few [4]*run
	used, err := p.appendInTurn(t, rs, now, few[:0])
	unsynced := p.sync(used, err == nil)
	for _, r := range used {
		r.free()
	}
	p.e.makeRoom(err)
	switch {
	case unsynced != nil: // which comes first: it must not be tried again
		return engine.DurabilityNone, unsynced
	case p.config.Acks == engine.AcksAll:
		return engine.DurabilityFsync, err
	}
	return engine.DurabilityOS, err
}

// place stamps records and picks their partitions, and refuses what the topic does not take, before anything is
// appended.
func (p *producer) place(t *topic, rs []engine.Record, now int64) error {
	limit, n := t.config.Load().MaxMessageBytes, int32(len(t.list()))
	sticky := int32(engine.AnyPartition)
	for i := range rs {
		r := &rs[i]
		if size := payload(r); size > limit {
			return engine.Errorf(engine.ErrMessageTooLarge,
				"record %d has %d bytes, the topic takes %d; split it or raise MaxMessageBytes", i, size, limit).At(t.name, -1)
		}
		switch {
		case r.Sequence != 0 && p.name == nil:
			return engine.Errorf(engine.ErrInvalidArgument, "record %d is numbered, but the producer has no ID", i).At(t.name, -1)
		case r.Partition >= n || r.Partition < engine.AnyPartition:
			return engine.Errorf(engine.ErrPartitionNotFound, "there are partitions 0 to %d", n-1).At(t.name, int(r.Partition))
		case r.Partition == engine.AnyPartition && r.Key != nil:
			r.Partition = engine.PartitionForKey(r.Key, n)
		case r.Partition == engine.AnyPartition:
			if sticky < 0 {
				sticky = p.pick(t.list()[:n])
			}
			r.Partition = sticky
		}
		if r.Timestamp == engine.NoTimestamp {
			r.Timestamp = now
		}
	}
	return nil
}

// pick chooses the partition of records without a key: the next one that takes records, or just the next one.
func (p *producer) pick(list []*partition) int32 {
	next := p.sticky.Add(1)
	for i := range uint32(len(list)) {
		if part := list[(next+i)%uint32(len(list))]; part.takes() {
			return part.number
		}
	}
	return list[next%uint32(len(list))].number
}

// payload is what counts towards the size of a record.
func payload(r *engine.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// Flush makes every log durable. What a transaction has gathered is written, too.
func (p *producer) Flush(ctx context.Context) error {
	return p.e.call(ctx, func() error {
		if t := p.current.Load(); t != nil {
			return t.Flush()
		}
		var parts []*partition
		p.e.eachPartition(func(part *partition) {
			if part.log.Durable() < part.log.End() {
				parts = append(parts, part)
			}
		})
		return inParallel(parts, func(part *partition) error {
			err := part.log.Sync(part.log.End())
			if errors.Is(err, engine.ErrClosed) || errors.Is(err, engine.ErrReadOnly) {
				return nil // deleted meanwhile, or nothing was appended here
			}
			return err
		})
	})
}

// Close ends the producer, and aborts the transaction that it has open. What it appended stays as durable as its acks
// made it.
func (p *producer) Close() error {
	if !p.closed.Swap(true) && p.name != nil {
		p.e.names.release(p.config.ID, p.name)
	}
	p.closeTransactional()
	return nil
}

// ctxError dresses the error of a context: a deadline matches ErrTimeout too.
func ctxError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return engine.Errorf(engine.ErrTimeout, "%w", err)
	}
	return err
}
