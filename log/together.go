package log

import (
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/record"
)

// mostTogether bounds the bytes of batches that are written together.
const mostTogether = 256 << 10

// pending is a batch that waits to be written and made durable by the next sync.
type pending struct {
	batch    record.Batch
	nowMs    int64
	appended Appended
	err      error
	done     atomic.Bool // set last, by the sync that took it
}

var pendings = sync.Pool{New: func() any { return new(pending) }}

// queue holds batches in the order in which they came. Only one sync at a time takes them.
type queue struct {
	mu     sync.Mutex
	list   []*pending
	taken  []*pending // the list that was taken last, for its memory
	joined []byte     // memory for batches that are written together
}

func (q *queue) add(p *pending) {
	q.mu.Lock()
	q.list = append(q.list, p)
	q.mu.Unlock()
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

// take empties the queue. What it returns is valid until the next take.
func (q *queue) take() []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.taken)
	q.list, q.taken = q.taken[:0], q.list
	return q.taken
}

// AppendSync is Append and then Sync. Batches of goroutines that do so at the same time are written together, with one
// write and one fsync: that of 64 goroutines costs half of what Append and Sync do. When the fsync fails the offsets that
// the batch was given come with the error.
func (l *Log) AppendSync(b record.Batch, nowMs int64) (Appended, error) {
	p := pendings.Get().(*pending)
	p.batch, p.nowMs, p.appended, p.err = b, nowMs, Appended{}, nil
	p.done.Store(false)
	l.queue.add(p)
	for !p.done.Load() {
		_, _ = l.sync.lead(l.gatherAndSync) // its error is p's, if it took p
	}
	a, err := p.appended, p.err
	p.batch = nil
	pendings.Put(p)
	return a, err
}

// syncQueued writes the batches that wait, makes everything durable, and tells those who wait.
func (l *Log) syncQueued() error {
	list := l.queue.take()
	if len(list) > 0 {
		l.appendQueued(list)
		l.wake()
	}
	err := l.syncNow()
	for _, p := range list {
		if p.err == nil {
			p.err = err
		}
		p.done.Store(true)
	}
	return err
}

func (l *Log) appendQueued(list []*pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(list) > 0 {
		n := l.fitTogether(list)
		if n > 1 {
			l.appendTogether(list[:n])
		} else {
			n = 1
			list[0].appended, list[0].err = l.append(list[0].batch, list[0].nowMs)
		}
		for _, p := range list[:n] {
			if p.err == nil && !p.appended.Duplicate {
				l.appended.Add(int64(len(p.batch)))
			}
		}
		list = list[n:]
	}
}

// fitTogether is how many batches, from the first on, can be written at once: those that need nothing but room at the
// end of the active segment. The caller holds mu.
func (l *Log) fitTogether(list []*pending) (n int) {
	if l.usable() != nil || l.cutBack || l.untouched {
		return 0
	}
	size, count := 0, int64(0)
	limit := l.config.Load().SegmentBytes
	for _, p := range list {
		size += len(p.batch)
		count += int64(p.batch.LastOffsetDelta()) + 1
		if p.batch.ProducerID() >= 0 || size > mostTogether || l.old(p.nowMs) || !l.active.Fits(size, count, limit) {
			break
		}
		n++
	}
	return n
}

// appendTogether appends batches that fit with one write. The caller holds mu.
func (l *Log) appendTogether(list []*pending) {
	next, joined, nowMs := l.end.Load(), l.queue.joined[:0], int64(0)
	for _, p := range list {
		p.appended.First = next
		next += int64(p.batch.LastOffsetDelta()) + 1
		p.appended.Next = next
		p.batch.SetBaseOffset(p.appended.First)
		p.batch.SetPartitionLeaderEpoch(l.opts.Epoch)
		joined, nowMs = append(joined, p.batch...), max(nowMs, p.nowMs)
	}
	l.queue.joined = joined
	if err := l.active.AppendAll(joined, nowMs); err != nil {
		err = l.writeFailed(err)
		for _, p := range list {
			p.appended, p.err = Appended{}, err
		}
		return
	}
	l.grew(next, nowMs)
}
