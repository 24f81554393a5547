package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// CompactStats says what a compaction did. Records and batches are counted once for each pass that met them.
type CompactStats struct {
	Passes       int   // over the log; more than one when it has more keys than fit into memory
	Replaced     int   // segments that others took the place of
	Written      int   // those others
	BytesBefore  int64 // size of the segments that were replaced
	BytesAfter   int64 // size of those that took their place
	Records      int64 // looked at
	Superseded   int64 // records removed because their key occurs again
	Tombstones   int64 // null values removed at the end of their time
	Aborted      int64 // records removed because their transaction was aborted
	EndedMarkers int64 // transaction markers removed after the last record of their transaction
}

// mostDirty is the share of bytes, in percent, that compaction has not seen yet when it becomes worth its while: Apache
// Kafka's min.cleanable.dirty.ratio.
const mostDirty = 50

// CompactDue reports whether the log is to be compacted and enough of it is new since it last was.
func (l *Log) CompactDue() bool {
	dirty, total := l.Dirty()
	return l.config.Load().Compact && dirty > 0 && dirty*100 >= total*mostDirty
}

// Dirty is how many bytes compaction could look at, and how many of them it has not seen yet.
func (l *Log) Dirty() (dirty, total int64) {
	for _, s := range l.compactable() {
		if total += s.Size(); dirty > 0 || !s.Sealed().Clean {
			dirty += s.Size()
		}
	}
	return dirty, total
}

// compactable lists the sealed segments below the last stable offset.
func (l *Log) compactable() []*segment.Segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := *l.segments.Load()
	sealed := max(len(list)-1-len(l.unsealed), 0)
	n := 0
	for stable := l.stable.Load(); n < sealed && list[n].Next() <= stable; n++ {
	}
	return list[:n:n]
}

// Compact removes from the sealed segments below the last stable offset
//
//   - records whose key occurs again behind them, among those segments;
//   - records with a key and a null value, Config.DeleteRetention after a compaction first met them;
//   - records of aborted transactions;
//   - markers of transactions of which nothing is left, as long again after a compaction first found that.
//
// Records without a key stay: nobody said that they could go. Offsets stay too, and so does the newest batch of each
// producer that is remembered, if need be without its records. Small neighbours are merged.
//
// Appends and reads go on meanwhile. One compaction runs at a time; a second one waits for it. When it ends early what
// was done so far stays done, and nothing else remains of it. The errors are those of ctx; ErrInvalidArgument when the
// log is not configured to be compacted; *engine.CorruptionError at damage, ErrDiskFull, ErrIO, ErrReadOnly, ErrClosed.
func (l *Log) Compact(ctx context.Context) (CompactStats, error) { return l.compact(ctx, mostKeys) }

func (l *Log) compact(ctx context.Context, mostKeys int) (stats CompactStats, err error) {
	config := l.config.Load()
	if !config.Compact {
		return stats, l.errorf(engine.ErrInvalidArgument, "the topic is not configured to be compacted")
	}
	ctx, end, err := l.beginCompaction(ctx)
	if err != nil {
		return stats, err
	}
	defer end()
	now := l.opts.Clock.Now().UnixMilli()
	c := compaction{
		Log: l, ctx: ctx, config: config, mostKeys: mostKeys, stats: &stats,
		now: now, horizon: now + config.DeleteRetention.Milliseconds(),
	}
	for more := true; more && err == nil; {
		more, err = c.pass()
		if errors.Is(err, errDropped) {
			more, err = true, nil // retention was faster; the start only moves on
		}
	}
	if err == nil {
		err = l.shrinkManifest()
	}
	return stats, c.explain(err)
}

// beginCompaction waits until no other compaction is under way, and keeps Close from returning until end is called.
func (l *Log) beginCompaction(ctx context.Context) (inner context.Context, end func(), err error) {
	select {
	case l.compacting <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("compaction: %w", context.Cause(ctx))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		<-l.compacting
		return nil, nil, err
	}
	l.background.Add(1)
	inner, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.closing, cancel)
	return inner, func() {
		stop()
		cancel()
		l.background.Done()
		<-l.compacting
	}, nil
}

// errDropped says that a segment was removed or replaced under the hands of whoever read it.
var errDropped = errors.New("segment is gone")

// compaction is a Compact under way.
type compaction struct {
	*Log
	ctx      context.Context
	config   *Config
	mostKeys int
	now      int64 // in milliseconds
	horizon  int64 // for what is first met now
	stats    *CompactStats
	compared int64 // keys of records below it were compared by earlier passes

	// Of the pass.
	sources []*segment.Segment
	known   int64 // keys holds the records below it
	keys    *keyMap
	aborted abortedTxns
	last    map[int64]lastBatch // by producer id
	ongoing map[int64]bool      // producers with a batch, below where the pass is, of a transaction that has not ended there

	// Of the segment that is being written, and of the batch.
	out     *segment.Writer
	changed bool
	reader  record.Reader
	builder record.Builder
	kept    []bool
	scratch []byte
}

// explain makes of the error that ended a compaction the one for its caller.
func (c *compaction) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case c.closing.Err() != nil && errors.Is(err, context.Canceled):
		return c.errorf(engine.ErrClosed, "the partition was closed during a compaction")
	case c.ctx.Err() != nil && errors.Is(err, c.ctx.Err()):
		return fmt.Errorf("compaction: %w", context.Cause(c.ctx))
	}
	var corrupt *engine.CorruptionError
	if errors.As(err, &corrupt) {
		return c.readError(err)
	}
	return c.ioError(err, "compaction")
}

// pass compares as many keys as fit into memory. It reports whether there are more.
//
// Segments are replaced from the oldest on, each replacement durable before the next begins. Hence where a delete
// horizon is recorded, no older record of its key is left, and none can come back when the tombstone goes.
func (c *compaction) pass() (more bool, err error) {
	c.sources = c.compactable()
	if len(c.sources) == 0 {
		return false, nil
	}
	end := c.sources[len(c.sources)-1].Next()
	c.last = c.lastBatches()
	all, err := c.Aborted(c.sources[0].Base(), end)
	if err != nil {
		return false, err
	}
	c.aborted = newAbortedTxns(all)
	if err := c.learn(end); err != nil {
		return false, err
	}
	c.stats.Passes++
	c.ongoing = map[int64]bool{}
	for rest := c.sources; len(rest) > 0 && rest[0].Base() < c.known; {
		n, err := c.rewrite(rest)
		if err != nil {
			return false, err
		}
		rest = rest[n:]
	}
	c.compared = c.known
	return c.known < end, nil
}

// abortedTxns finds aborted transactions by what belongs to them.
type abortedTxns struct {
	byProducer map[int64][]index.AbortedTxn // in order
	byMarker   map[int64]index.AbortedTxn
}

func newAbortedTxns(all []index.AbortedTxn) abortedTxns {
	a := abortedTxns{map[int64][]index.AbortedTxn{}, map[int64]index.AbortedTxn{}}
	for _, t := range all {
		a.byProducer[t.ProducerID] = append(a.byProducer[t.ProducerID], t)
		a.byMarker[t.Last] = t
	}
	return a
}

// hold reports whether b is part of one.
func (a abortedTxns) hold(b record.Batch) bool {
	if !b.IsTransactional() {
		return false
	}
	for _, t := range a.byProducer[b.ProducerID()] {
		if t.First <= b.BaseOffset() && b.BaseOffset() < t.Last {
			return true
		}
	}
	return false
}

// lastBatch is what must be kept so that a producer is known if the snapshots are lost.
type lastBatch struct {
	epoch int16
	next  int64 // offset after its newest data batch of that epoch; -1 without one
}

func (l *Log) lastBatches() map[int64]lastBatch {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := make(map[int64]lastBatch, len(l.producers.byID))
	for id, p := range l.producers.byID {
		next := int64(-1)
		if len(p.batches) > 0 {
			next = p.newest().next
		}
		last[id] = lastBatch{p.epoch, next}
	}
	return last
}
