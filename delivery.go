package kafka

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// Delivery is the promise of an asynchronous send. All methods may be called concurrently.
type Delivery struct {
	outcome   *outcome
	offset    int64 // of the record; this and what follows is set before the outcome is resolved
	timestamp int64
	partition int32
	index     int32 // in the batch
}

// outcome is what the deliveries of one batch share.
type outcome struct {
	topic      string
	durability Durability // this and err are set before resolved
	err        error      // of the records without an offset; of all without a durability
	resolved   atomic.Bool

	mu   sync.Mutex
	done chan struct{} // made when somebody asks for it
	then []continuation
}

type continuation struct {
	delivery *Delivery
	fn       func(RecordMetadata, error)
}

// newDelivery is a delivery of its own, to be resolved once.
func newDelivery() *Delivery { return &Delivery{outcome: new(outcome), offset: -1} }

// resolve makes the outcome of a delivery of its own known: where its message is, or why not.
func (d *Delivery) resolve(m RecordMetadata, err error) {
	d.outcome.topic, d.outcome.durability, d.outcome.err = m.Topic, m.Durability, err
	if err == nil {
		d.partition, d.offset, d.timestamp = int32(m.Partition), m.Offset, m.Timestamp.UnixMilli()
	}
	d.outcome.resolve()
}

// resolve makes the outcome known and calls what waits for it: in the order of the records, and of the calls of Then.
func (o *outcome) resolve() {
	o.mu.Lock()
	o.resolved.Store(true)
	if o.done != nil {
		close(o.done)
	}
	then := o.then
	o.then = nil
	o.mu.Unlock()
	slices.SortStableFunc(then, func(a, b continuation) int { return cmp.Compare(a.delivery.index, b.delivery.index) })
	for _, c := range then {
		c.fn(c.delivery.result())
	}
}

// result is what is known once the outcome is resolved.
func (d *Delivery) result() (RecordMetadata, error) {
	o := d.outcome
	if d.offset < 0 {
		return RecordMetadata{Topic: o.topic, Partition: -1, Offset: -1}, o.err
	}
	md := RecordMetadata{
		Topic: o.topic, Partition: int(d.partition), Offset: d.offset, Timestamp: time.UnixMilli(d.timestamp), Durability: o.durability,
	}
	if o.durability == DurabilityNone && !seeded.On(seeded.UnheededFsync) {
		return md, o.err // it was written, but the fsync failed
	}
	return md, nil
}

// Done is closed when the outcome is known.
func (d *Delivery) Done() <-chan struct{} {
	o := d.outcome
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done == nil {
		o.done = make(chan struct{})
		if o.resolved.Load() {
			close(o.done)
		}
	}
	return o.done
}

// Wait waits for the outcome, or until ctx ends, which changes nothing about the send.
func (d *Delivery) Wait(ctx context.Context) (RecordMetadata, error) {
	if d.outcome.resolved.Load() {
		return d.result()
	}
	select {
	case <-d.Done():
		return d.result()
	case <-ctx.Done():
		return RecordMetadata{}, sendError(ctx.Err())
	}
}

// Then calls fn with the outcome: at once when it is known, else on the goroutine that delivers, in the order of the
// messages. There fn must not block, nor wait for other deliveries of the producer or close it.
func (d *Delivery) Then(fn func(RecordMetadata, error)) {
	o := d.outcome
	o.mu.Lock()
	if !o.resolved.Load() {
		o.then = append(o.then, continuation{d, fn})
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	fn(d.result())
}

// sendError dresses the error of a context that ended a send.
func sendError(err error) error {
	if err == context.DeadlineExceeded {
		return engine.Errorf(ErrTimeout, "the send: %w", err)
	}
	return err
}
