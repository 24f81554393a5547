package kafka

import (
	"context"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// mostBuffered is the memory in bytes that records may take while they wait; a send that finds it full waits too.
const mostBuffered = 32 << 20

// defaultBatchBytes is the size of a batch that lingers no longer.
const defaultBatchBytes = 1 << 20

// accumulator gathers records and hands them to the engine in the background, one batch after the other: while one is
// written, the next gathers. Records keep the order in which they were added.
type accumulator struct {
	opener  *opener
	reports *reports // of an asynchronous producer; nil when nobody is told of single records
	limit   int      // payload that makes a batch due

	mu       sync.Mutex
	full     []*gathering // to be written, in order
	filling  *gathering   // behind them
	free     []*gathering
	slab     *slab         // for the next messages
	bytes    int           // of memory that records take
	added    int64         // records, ever
	taken    int64         // of them, out of filling
	written  int64         // of them, with their outcome known
	wanted   int64         // of them, not to linger
	progress chan struct{} // closed when a batch was written; made by those that wait
	closed   bool
	failed   error // the first error since the last flush

	wake chan struct{} // run has something to look at
	done sync.WaitGroup
}

// mostFree is how many gatherings are kept for the next batches.
const mostFree = 4

func newAccumulator(o *opener, r *reports) *accumulator {
	a := &accumulator{opener: o, reports: r, limit: o.config.BatchBytes, filling: new(gathering), wake: make(chan struct{}, 1)}
	if a.limit <= 0 {
		a.limit = defaultBatchBytes
	}
	a.done.Go(a.run)
	return a
}

// add copies records into the batch that gathers, all of them together. It waits while memory is full.
func (a *accumulator) add(ctx context.Context, o *opened, rs []engine.Record) error {
	size := 0
	for i := range rs {
		size += memory(&rs[i])
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.admit(ctx, o, size); err != nil {
		return err
	}
	for i := range rs {
		a.filling.add(&rs[i])
	}
	a.note(len(rs), size)
	return nil
}

// send copies a record into the batch that gathers, and returns the promise of its outcome.
func (a *accumulator) send(ctx context.Context, o *opened, r *engine.Record, m *Message) (*Delivery, error) {
	size := memory(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.admit(ctx, o, size); err != nil {
		return nil, err
	}
	g := a.filling
	if g.parcel == nil {
		g.parcel = &parcel{outcome: &outcome{topic: a.opener.topic}}
	}
	if a.slab == nil || a.slab.used == slabSize {
		a.slab = a.reports.slab()
	}
	d := g.parcel.add(a.slab, m)
	g.add(r)
	a.note(1, size)
	return d, nil
}

// admit waits until there is room for size bytes of records with o's codec. The caller holds mu.
func (a *accumulator) admit(ctx context.Context, o *opened, size int) error {
	if err := ctx.Err(); err != nil {
		return sendError(err)
	}
	for !a.closed && a.bytes > 0 && a.bytes+size > mostBuffered {
		a.hurry()
		if err := a.wait(ctx); err != nil {
			return err
		}
	}
	if a.closed {
		return errProducerClosed(a.opener.topic)
	}
	if g := a.filling; g.opened != o && len(g.records) > 0 {
		a.seal() // values in it may have another codec
	}
	a.filling.opened = o
	return nil
}

// note takes account of records that were added, and wakes run when it has something new to look at: a batch that begins,
// or one that is full.
func (a *accumulator) note(n, size int) {
	a.bytes += size
	a.added += int64(n)
	g := a.filling
	g.bytes += size
	switch {
	case g.payload >= a.limit:
		a.seal()
	case len(g.records) == n:
		signal(a.wake)
	}
}

// seal begins a new batch. The caller holds mu.
func (a *accumulator) seal() {
	a.full = append(a.full, a.filling)
	a.taken += int64(len(a.filling.records))
	a.filling = a.unused(a.filling)
	signal(a.wake)
}

// unused is an empty gathering, with room for as much as another one holds.
func (a *accumulator) unused(like *gathering) *gathering {
	n := len(a.free)
	if n == 0 {
		return &gathering{records: make([]engine.Record, 0, len(like.records)), arena: make([]byte, 0, len(like.arena))}
	}
	g := a.free[n-1]
	a.free = a.free[:n-1]
	return g
}

// signal leaves a token in a channel with room for one, unless there is one already.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hurry keeps what was added from lingering.
func (a *accumulator) hurry() {
	a.wanted = a.added
	signal(a.wake)
}

// wait waits until a batch was written. The caller holds mu, which is given up meanwhile.
func (a *accumulator) wait(ctx context.Context) error {
	if a.progress == nil {
		a.progress = make(chan struct{})
	}
	progress := a.progress
	a.mu.Unlock()
	defer a.mu.Lock()
	select {
	case <-progress:
		return nil
	case <-ctx.Done():
		return sendError(ctx.Err())
	}
}

// flush waits until everything added before is written, and returns the first error since the last flush.
func (a *accumulator) flush(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hurry()
	for upTo := a.added; a.written < upTo; {
		if err := a.wait(ctx); err != nil {
			return err
		}
	}
	err := a.failed
	a.failed = nil
	return err
}

// close writes what has gathered, ends the background, and returns the first error since the last flush.
func (a *accumulator) close() error {
	a.mu.Lock()
	a.closed = true
	signal(a.wake)
	a.mu.Unlock()
	a.done.Wait()
	return a.flush(context.Background())
}
