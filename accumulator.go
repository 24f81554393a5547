package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// mostBuffered is the memory in bytes that records may take while they wait; a send that finds it full waits too.
const mostBuffered = 32 << 20

// accumulator gathers records and hands them to the engine in the background, one batch after the other: while one is
// written, the next gathers.
type accumulator struct {
	opener *opener
	limit  int // bytes that make a batch full

	mu      sync.Mutex
	filling *gathering
	spare   *gathering
	bytes   int           // gathering and being written
	added   int64         // records, ever
	written int64         // of them, with their outcome known
	room    chan struct{} // closed when a batch was written; made by those that wait
	closed  bool

	work chan struct{} // has something for the background to look at
	full chan struct{} // the batch is full, or is wanted now
	done sync.WaitGroup

	failed error // the first error of a record nobody waits for
}

// gathering is a batch that grows, and the memory of its records.
type gathering struct {
	records    []engine.Record
	headers    []record.Header
	arena      []byte
	deliveries []*Delivery // one each, or nil
	bytes      int
}

// recordOverhead is what a record takes in memory besides its bytes.
const recordOverhead = 128

func newAccumulator(o *opener) *accumulator {
	a := &accumulator{
		opener: o, limit: o.config.BatchBytes, filling: new(gathering),
		work: make(chan struct{}, 1), full: make(chan struct{}, 1),
	}
	if a.limit <= 0 {
		a.limit = 1 << 20
	}
	a.done.Go(a.run)
	return a
}

// add copies a record into the batch that gathers. It waits while memory is full.
func (a *accumulator) add(ctx context.Context, r *engine.Record, d *Delivery) error {
	if err := ctx.Err(); err != nil {
		return sendError(err)
	}
	size := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closed && a.bytes > 0 && a.bytes+size > mostBuffered {
		if err := a.wait(ctx); err != nil {
			return err
		}
	}
	if a.closed {
		return engine.Errorf(ErrClosed, "the producer is closed; open a new one").At(a.opener.topic, -1)
	}
	if len(a.filling.records) == 0 {
		signal(a.work)
	}
	a.filling.add(r, d, size)
	a.bytes += size
	a.added++
	if a.filling.bytes >= a.limit {
		signal(a.full)
	}
	return nil
}

// wait waits until a batch was written. The caller holds mu, which is given up meanwhile.
func (a *accumulator) wait(ctx context.Context) error {
	if a.room == nil {
		a.room = make(chan struct{})
	}
	room := a.room
	a.mu.Unlock()
	defer a.mu.Lock()
	signal(a.full)
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return sendError(ctx.Err())
	}
}

// flush waits until everything added before is written, and returns the first error of a record that nobody waits for.
func (a *accumulator) flush(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for upTo := a.added; a.written < upTo; {
		if err := a.wait(ctx); err != nil {
			return err
		}
	}
	err := a.failed
	a.failed = nil
	return err
}

// close writes what has gathered, and ends the background.
func (a *accumulator) close() error {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.work)
		signal(a.full)
	}
	a.mu.Unlock()
	a.done.Wait()
	return a.flush(context.Background())
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (g *gathering) add(r *engine.Record, d *Delivery, size int) {
	c := *r
	c.Key, c.Value = g.copy(r.Key), g.copy(r.Value)
	first := len(g.headers)
	for _, h := range r.Headers {
		g.headers = append(g.headers, record.Header{Key: h.Key, Value: g.copy(h.Value)})
	}
	if len(r.Headers) > 0 {
		c.Headers = g.headers[first:len(g.headers):len(g.headers)]
	}
	g.records = append(g.records, c)
	g.deliveries = append(g.deliveries, d)
	g.bytes += size
}

// copy keeps bytes in the arena. Slices of an arena that was outgrown keep it alive.
func (g *gathering) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	if cap(g.arena)-len(g.arena) < len(b) {
		g.arena = make([]byte, 0, max(2*cap(g.arena), len(b), 4096))
	}
	first := len(g.arena)
	g.arena = append(g.arena, b...)
	return g.arena[first:len(g.arena):len(g.arena)]
}

func (g *gathering) reset() {
	clear(g.records)
	clear(g.headers)
	clear(g.deliveries)
	g.records, g.headers, g.deliveries, g.arena, g.bytes = g.records[:0], g.headers[:0], g.deliveries[:0], g.arena[:0], 0
}

// run writes batches until close and everything is written.
func (a *accumulator) run() {
	for range a.work {
		a.linger()
		for a.writeOne() {
		}
	}
	for a.writeOne() {
	}
}

// linger waits for the batch to fill up, for as long as configured.
func (a *accumulator) linger() {
	if a.opener.config.linger <= 0 {
		return
	}
	timer := a.opener.client.config.Clock.NewTimer(a.opener.config.linger)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-a.full:
	}
}

// writeOne writes what has gathered. It reports whether there was anything and more may be full.
func (a *accumulator) writeOne() bool {
	a.mu.Lock()
	g := a.filling
	if len(g.records) == 0 {
		a.mu.Unlock()
		return false
	}
	if a.filling = a.spare; a.filling == nil {
		a.filling = new(gathering)
	}
	a.spare = nil
	a.mu.Unlock()

	a.write(g)

	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes -= g.bytes
	a.written += int64(len(g.records))
	g.reset()
	a.spare = g
	if a.room != nil {
		close(a.room)
		a.room = nil
	}
	return a.filling.bytes >= a.limit || a.opener.config.linger <= 0 || a.closed
}

// write hands a batch to the engine and tells those that wait.
func (a *accumulator) write(g *gathering) {
	var d Durability
	o, err := a.opener.open(context.Background())
	if err == nil {
		d, err = a.opener.produce(context.Background(), o, g.records)
	}
	for i, delivery := range g.deliveries {
		r := &g.records[i]
		if delivery == nil {
			if err != nil {
				a.fail(err)
			}
			continue
		}
		if r.Offset >= 0 {
			delivery.resolve(RecordMetadata{
				Topic: a.opener.topic, Partition: int(r.Partition), Offset: r.Offset,
				Timestamp: time.UnixMilli(r.Timestamp), Durability: d,
			}, nil)
		} else {
			delivery.resolve(RecordMetadata{Topic: a.opener.topic, Partition: -1, Offset: -1}, err)
		}
	}
}

// fail remembers an error that nobody waits for.
func (a *accumulator) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		a.failed = err
		a.opener.client.config.Logger.Error("records were not written", "topic", a.opener.topic, "err", err)
	}
}
