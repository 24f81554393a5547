package log

import (
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// syncer lets concurrent callers share an fsync: one leads, those that come while it runs wait, and one of them leads
// the next, which covers them all.
type syncer struct {
	mu      sync.Mutex
	done    chan struct{} // closed when the fsync under way ends; nil when there is none
	waiting int           // callers that wait for it
	crowd   int           // how many waited for the one before; read by the one that leads
}

// lead runs fn, unless it had to wait for another one to end: then it reports false.
func (s *syncer) lead(fn func() error) (led bool, err error) {
	s.mu.Lock()
	if done := s.done; done != nil {
		s.waiting++
		s.mu.Unlock()
		<-done
		return false, nil
	}
	done := make(chan struct{})
	s.done = done
	s.mu.Unlock()
	err = fn()
	s.mu.Lock()
	s.done, s.crowd, s.waiting = nil, s.waiting, 0
	s.mu.Unlock()
	close(done)
	return true, err
}

// always runs fn after those under way.
func (s *syncer) always(fn func() error) error {
	for {
		if led, err := s.lead(fn); led {
			return err
		}
	}
}

// Sync returns once everything below upTo is durable. It fails, for all that waited, when an fsync fails: then it is not
// known what is durable, and the log takes no more appends until it is opened again.
func (l *Log) Sync(upTo int64) error {
	upTo = min(upTo, l.End())
	for l.durable.Load() < upTo {
		if err := l.Failed(); err != nil {
			return err
		}
		if _, err := l.sync.lead(l.gatherAndSync); err != nil {
			return err
		}
	}
	return nil
}

// syncAll makes everything durable and seals full segments, also when there is nothing new.
func (l *Log) syncAll() error { return l.sync.always(l.syncNow) }

// syncInBackground starts a sync of everything, unless one is under way.
func (l *Log) syncInBackground() {
	if !l.working.CompareAndSwap(false, true) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return // Close syncs
	}
	l.background.Go(func() {
		defer l.working.Store(false)
		_ = l.syncAll() // a failure is kept in failed, for the next append
	})
}

// syncPoint is what a sync is about to make durable, captured before its fsync begins.
type syncPoint struct {
	active   *segment.Segment
	info     segment.Info
	unsealed []*segment.Segment
	newFile  bool
	bytes    int64
	used     bool
	snapshot []byte // of the producers, when segments are to be sealed
}

func (l *Log) capture() (syncPoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return syncPoint{}, l.failed
	}
	if l.isShut {
		return syncPoint{}, l.errorf(engine.ErrClosed, "the partition is closed")
	}
	if l.active == nil {
		return syncPoint{}, l.errorf(engine.ErrReadOnly, "the partition is damaged and can only be read")
	}
	p := syncPoint{
		active: l.active, info: l.active.Info(), unsealed: slices.Clone(l.unsealed), newFile: l.newFile,
		bytes: l.appended.Load(), used: l.producers.used,
	}
	if len(p.unsealed) > 0 && p.used && l.producers.saved != p.info.Next {
		p.snapshot = l.producers.encode(p.info.Next, l.manifest.seed)
	}
	return p, nil
}

// mostYields bounds how often the leader of a sync lets others go first.
const mostYields = 8

// gatherAndSync lets a crowd that was just woken come with its next batches before the next fsync begins, so that one
// covers them all. Without it the first to come leads an fsync for itself alone, and the others wait for two.
func (l *Log) gatherAndSync() error {
	came := func() int64 { return l.end.Load() + int64(l.queue.len()) }
	for yields := 0; l.sync.crowd > 1 && yields < mostYields; yields++ {
		before := came()
		runtime.Gosched()
		if came() == before {
			break
		}
	}
	return l.syncQueued()
}

// syncNow fsyncs all that was appended before it was called, moves the durable end there, and seals full segments.
func (l *Log) syncNow() error {
	p, err := l.capture()
	if err != nil {
		return err
	}
	if seeded.On(seeded.EarlyWatermark) {
		_ = l.checkpoint.write(watermark{info: p.info, producers: p.used})
	}
	for _, s := range append(p.unsealed, p.active) {
		if err := s.Sync(); err != nil {
			return l.syncFailed(err)
		}
	}
	if p.newFile {
		if err := l.place.FS.SyncDir(l.opts.Dir); err != nil {
			return l.syncFailed(err)
		}
	}
	l.syncedTo.Store(p.bytes)
	l.opts.Fsyncs.Add(1)
	err = l.remember(p)
	l.durable.Store(p.info.Next) // now damage to what is acknowledged is told from a tail, also after a kill
	return err
}

func (l *Log) syncFailed(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail(err, "fsync")
}

// noRoom reports whether err leaves everything as it was, to be tried again when there is room. A failed fsync does not.
func noRoom(err error) bool { return vfs.IsNoSpace(err) && !errors.Is(err, segment.ErrSync) }

// remember records what became durable: full segments in the manifest, the rest in the checkpoint. Without room it is
// left for the next time: what is not recorded is only read again after a crash.
func (l *Log) remember(p syncPoint) error {
	l.meta.Lock()
	defer l.meta.Unlock()
	sealed := 0
	for _, s := range p.unsealed {
		err := l.seal(s)
		if noRoom(err) {
			break
		}
		if err != nil {
			return l.syncFailed(err)
		}
		sealed++
	}
	l.mu.Lock()
	l.unsealed = slices.Clone(l.unsealed[sealed:])
	l.backlog.Store(int32(len(l.unsealed)))
	if l.active == p.active {
		l.newFile = false
	}
	l.mu.Unlock()
	if sealed < len(p.unsealed) {
		return nil // a checkpoint would point behind segments that the manifest does not have
	}
	if p.snapshot != nil {
		if err := l.saveSnapshot(p.info.Next, p.snapshot); err != nil && !noRoom(err) {
			return l.syncFailed(err)
		}
	}
	p.active.FlushIndexes()
	if err := l.checkpoint.write(watermark{info: p.info, producers: p.used}); err != nil && !vfs.IsNoSpace(err) {
		return l.syncFailed(err)
	}
	return nil
}

// seal finishes a full segment whose data is durable and records it. The caller holds meta.
func (l *Log) seal(s *segment.Segment) error {
	if err := s.Seal(); err != nil {
		return err
	}
	return l.commit(sealRecord(s.Info()))
}

// commit writes a manifest record, if need be with the room that is reserved for it.
func (l *Log) commit(record []byte) error {
	err := l.manifest.commit(record)
	if noRoom(err) && l.opts.ReleaseSpace != nil && l.opts.ReleaseSpace() {
		err = l.manifest.commit(record)
	}
	return err
}
