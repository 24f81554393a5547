package txn

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
)

// DefaultBatchBytes bounds the records of one batch.
const DefaultBatchBytes = 1 << 20

// mostBuffered bounds the batches that a transaction builds at once; beyond it all are written.
const mostBuffered = 4 << 20

// mostKept is the size of a builder whose memory is kept for others.
const mostKept = 2 << 20

// Txn is a transaction. Its methods may be called concurrently; End is the last that does anything.
type Txn struct {
	c        *Coordinator
	producer *Producer
	timer    clock.Timer

	mu       sync.Mutex
	id       ID      // noID until there is something to write
	parts    []*part // in the order of their first records
	offsets  []Offsets
	buffered int           // bytes in the builders
	written  bool          // an append was tried
	failed   error         // why it can only be aborted
	ended    *engine.Error // why calls are refused, once it has ended

	// What its round made of it.
	outcome Outcome
	err     error
	decided *Decision
}

// part is what a transaction writes to one partition.
type part struct {
	Partition
	builder  *record.Builder
	options  record.Options
	sequence int32 // of the next record
	next     int64 // offset after what was appended; 0 when nothing was
}

// Batching says how the records of a partition become batches.
type Batching struct {
	Compression record.Compression
	Bytes       int // of records in one batch, at most; 0 means DefaultBatchBytes
}

// Add puts a record into the transaction, and copies it. It is written when its batch is full, or by End.
//
// An error of the batch before, which could not be written, or of the producer id makes the transaction one that can only
// be aborted: further calls return the same error. That of a record that cannot be encoded leaves it as it was.
func (t *Txn) Add(to Partition, b Batching, r *engine.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	if t.id == noID {
		id, err := t.c.take()
		if err != nil {
			t.failed = err // whoever commits nevertheless would miss the record
			return err
		}
		t.id = id
	}
	if b.Bytes <= 0 {
		b.Bytes = DefaultBatchBytes
	}
	p := t.part(to)
	size := record.SizeOf(r.Key, r.Value, r.Headers)
	if p.builder != nil && (p.builder.Size()+size > b.Bytes || p.options.Compression != b.Compression) {
		if err := t.flush(p); err != nil {
			return err
		}
	}
	return t.put(p, b, r)
}

// put copies a record into the batch that is being built for its partition.
func (t *Txn) put(p *part, b Batching, r *engine.Record) error {
	t.start(p, b.Compression)
	before := p.builder.Size()
	if err := p.builder.Append(r.Timestamp, r.Key, r.Value, r.Headers); err != nil {
		code := engine.ErrInvalidArgument
		if errors.Is(err, record.ErrTooLarge) {
			code = engine.ErrMessageTooLarge
		}
		return engine.Errorf(code, "%w", err)
	}
	if t.buffered += p.builder.Size() - before; t.buffered > mostBuffered {
		return t.flushAll()
	}
	return nil
}

// usable is why nothing can be added, or nil. The caller holds mu.
func (t *Txn) usable() error {
	if t.ended != nil {
		return t.ended
	}
	return t.failed
}

func (t *Txn) part(to Partition) *part {
	for _, p := range t.parts {
		if p.Partition == to {
			return p
		}
	}
	p := &part{Partition: to}
	t.parts = append(t.parts, p)
	return p
}

var builders = sync.Pool{New: func() any { return new(record.Builder) }}

// start begins a batch, if none is being built.
func (t *Txn) start(p *part, c record.Compression) {
	if p.builder != nil {
		return
	}
	p.options = record.Options{
		Compression: c, ProducerID: t.id.Producer, ProducerEpoch: t.id.Epoch, BaseSequence: p.sequence, Transactional: true,
	}
	p.builder = builders.Get().(*record.Builder)
	p.builder.Reset(p.options)
}

// flush appends the batch that is being built.
func (t *Txn) flush(p *part) error {
	if p.builder == nil {
		return nil
	}
	n := p.builder.Count()
	defer t.drop(p)
	if n == 0 {
		return nil // its only record could not be encoded
	}
	b, err := p.builder.Finish()
	if err != nil {
		t.failed = engine.Errorf(engine.ErrInvalidArgument, "building a batch: %w", err)
		return t.failed
	}
	t.written = true
	a, err := p.Append(b, t.c.clock.Now().UnixMilli())
	if err != nil {
		t.failed = err
		return err
	}
	p.next = a.Next
	p.sequence = int32((int64(p.sequence) + int64(n)) & (1<<31 - 1))
	return nil
}

// drop forgets the batch that is being built.
func (t *Txn) drop(p *part) {
	if p.builder == nil {
		return
	}
	t.buffered -= p.builder.Size() - record.HeaderSize
	if p.builder.Size() <= mostKept {
		builders.Put(p.builder)
	}
	p.builder = nil
}

func (t *Txn) flushAll() error {
	for _, p := range t.parts {
		if err := t.flush(p); err != nil {
			return err
		}
	}
	return nil
}

// Flush writes the batches that are being built, and makes all that was written durable.
func (t *Txn) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	if err := t.flushAll(); err != nil {
		return err
	}
	return t.failure(syncAll([]*Txn{t}))
}

// AddOffsets makes the commit of the transaction commit offsets of a group, the next ones to read. Of several for one
// partition the highest counts. The map is not kept. From is for the Store to check.
func (t *Txn) AddOffsets(group string, offsets map[engine.TopicPartition]int64, from any) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil || len(offsets) == 0 {
		return err
	}
	i := slices.IndexFunc(t.offsets, func(o Offsets) bool { return o.Group == group && o.From == from })
	if i < 0 {
		t.offsets = append(t.offsets, Offsets{Group: group, From: from, Offsets: maps.Clone(offsets)})
		return nil
	}
	for tp, offset := range offsets {
		if have, ok := t.offsets[i].Offsets[tp]; !ok || offset > have {
			t.offsets[i].Offsets[tp] = offset
		}
	}
	return nil
}
