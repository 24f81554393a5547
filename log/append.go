package log

import (
	"math"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// mostUnsynced is how far the durable end lags behind the end at the most before an fsync is started in the background,
// and with it how much is read again after a crash.
const mostUnsynced = 8 << 20

// mostUnsealed is how many full segments may wait for their fsync before an append waits for them.
const mostUnsealed = 2

// Appended says where a batch went.
type Appended struct {
	First     int64 // offset of the first record
	Next      int64 // offset after the last record
	Duplicate bool  // the batch had been appended before; First and Next are from then
}

// Append gives the batch its offsets and writes it to the operating system; nowMs is the clock. The batch is patched in
// place and not kept. A batch of an idempotent producer that was appended before is answered with its first offsets.
//
// It returns an error with code ErrDiskFull when there is no room, after which the log is as before; ErrFenced or
// ErrOutOfOrderSequence for a producer that is not the current one or that skipped batches; ErrReadOnly, ErrClosed, or
// ErrIO after a failed write or fsync.
func (l *Log) Append(b record.Batch, nowMs int64) (Appended, error) {
	if l.backlog.Load() > mostUnsealed {
		if err := l.syncAll(); err != nil {
			return Appended{}, err
		}
	}
	l.mu.Lock()
	a, err := l.append(b, nowMs)
	l.mu.Unlock()
	if err != nil || a.Duplicate {
		return a, err
	}
	l.wake()
	if unsynced := l.appended.Add(int64(len(b))) - l.syncedTo.Load(); unsynced > mostUnsynced || l.backlog.Load() > 0 {
		l.syncInBackground()
	}
	return a, nil
}

func (l *Log) append(b record.Batch, nowMs int64) (Appended, error) {
	if err := l.usable(); err != nil {
		return Appended{}, err
	}
	if duplicate, err := l.checkProducer(b); err != nil || duplicate.Duplicate {
		return duplicate, err
	}
	if l.untouched {
		if err := l.active.Recognise(); err != nil {
			return Appended{}, l.readError(err)
		}
	}
	first := l.end.Load()
	count := int64(b.LastOffsetDelta()) + 1
	if first > math.MaxInt64-count {
		return Appended{}, l.errorf(engine.ErrInvalidArgument, "offsets are used up")
	}
	if err := l.makeRoom(len(b), count, nowMs); err != nil {
		return Appended{}, err
	}
	b.SetBaseOffset(first)
	b.SetPartitionLeaderEpoch(l.opts.Epoch)
	if err := l.active.Append(b, nowMs); err != nil {
		return Appended{}, l.writeFailed(err)
	}
	if b.ProducerID() >= 0 {
		l.noteProducer(l.active, b, nowMs)
	}
	l.grew(first+count, nowMs)
	return Appended{First: first, Next: first + count}, nil
}

// grew moves the ends, first the one that readers of everything see.
func (l *Log) grew(end, nowMs int64) {
	if l.firstAt == 0 {
		l.firstAt = nowMs
	}
	l.untouched = false
	l.end.Store(end)
	l.stable.Store(l.producers.lastStable(end))
}

// finishCutBack repairs what a failed write left. The caller holds mu.
func (l *Log) finishCutBack() error {
	if !l.cutBack {
		return nil
	}
	if err := l.active.CutBack(); err != nil {
		return l.fail(err, "cutting back a failed write")
	}
	l.cutBack = false
	return nil
}

// makeRoom repairs what a failed write left, and rolls when the batch does not fit or the segment is old.
func (l *Log) makeRoom(n int, count, nowMs int64) error {
	if err := l.finishCutBack(); err != nil {
		return err
	}
	if l.active.Size() > 0 && (l.old(nowMs) || !l.active.Fits(n, count, l.config.Load().SegmentBytes)) {
		return l.roll()
	}
	return nil
}

// old reports whether the active segment has batches for longer than a segment may.
func (l *Log) old(nowMs int64) bool {
	age := l.config.Load().SegmentAge
	return age > 0 && l.active.Size() > 0 && nowMs-l.firstAt >= age.Milliseconds()
}

// writeFailed keeps the log usable after a write that found no room, and closes it for appends after any other.
func (l *Log) writeFailed(err error) error {
	if !vfs.IsNoSpace(err) {
		return l.fail(err, "write")
	}
	if cut := l.active.CutBack(); cut != nil {
		l.cutBack = true
	}
	return l.ioError(err, "append")
}

// roll starts a new segment. The old one is sealed by the next sync, which runs in the background. The caller holds mu.
func (l *Log) roll() error {
	if err := l.finishCutBack(); err != nil {
		return err
	}
	next, err := segment.Create(l.place, l.end.Load())
	if err != nil {
		return l.ioError(err, "starting a new segment")
	}
	l.unsealed = append(l.unsealed, l.active)
	l.backlog.Store(int32(len(l.unsealed)))
	old := *l.segments.Load()
	l.publish(append(old[:len(old):len(old)], next))
	l.active, l.newFile, l.firstAt, l.untouched = next, true, 0, false
	return nil
}
