package log

import (
	"context"
	"errors"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/segment"
)

// Log is an open partition. All methods may be called concurrently.
type Log struct {
	opts   Options
	place  segment.Place
	config atomic.Pointer[Config]

	// What readers use, without a lock. The list is never changed, only replaced.
	segments atomic.Pointer[[]*segment.Segment]
	start    atomic.Int64
	end      atomic.Int64
	stable   atomic.Int64
	durable  atomic.Int64
	waiters  atomic.Pointer[[]*Waiter]

	// What the one writer uses.
	mu        sync.Mutex
	active    *segment.Segment // the last of segments; nil when the log is read-only
	firstAt   int64            // clock at the first append to active, in milliseconds; 0 when it is empty
	unsealed  []*segment.Segment
	newFile   bool // active's directory entry is not durable yet
	cutBack   bool // a failed write may have left bytes behind
	isShut    bool // files are closed
	untouched bool // since a clean open: the files are as the last Close left them
	failed    error
	closed    bool
	producers producers

	sync       syncer
	queue      queue        // of AppendSync
	backlog    atomic.Int32 // len(unsealed)
	syncedTo   atomic.Int64 // bytes, as appended counts them, that an fsync has covered
	appended   atomic.Int64 // bytes since the log was opened
	background sync.WaitGroup
	working    atomic.Bool

	closing    context.Context // ends when Close begins
	close      context.CancelFunc
	compacting chan struct{} // holds one token while a compaction is under way
	swaps      int64         // sequence of the newest compacted segment, committed or not; belongs to the token's owner

	// meta guards the files that say what the log consists of. Taken after rebuilding and before mu.
	meta       sync.Mutex
	manifest   manifest
	checkpoint checkpoint

	health sync.Mutex
	damage []engine.Damage
	notes  []string

	open       sync.WaitGroup // segments whose files are not closed yet
	rebuilding sync.Mutex     // of indexes of aborted transactions
}

// Start is the first offset that can be read.
func (l *Log) Start() int64 { return l.start.Load() }

// End is the offset that the next record will get.
func (l *Log) End() int64 { return l.end.Load() }

// LastStable is the end for readers of committed transactions.
func (l *Log) LastStable() int64 { return l.stable.Load() }

// Durable is the offset below which everything survives power loss.
func (l *Log) Durable() int64 { return l.durable.Load() }

// SetConfig replaces the configuration. It takes effect with the next append and the next Maintain.
func (l *Log) SetConfig(c Config) {
	c = c.withDefaults()
	l.config.Store(&c)
}

// Damage lists the places where bytes are not what was written.
func (l *Log) Damage() []engine.Damage {
	l.health.Lock()
	defer l.health.Unlock()
	return slices.Clone(l.damage)
}

// Notes says what recovery did and what it could not verify.
func (l *Log) Notes() []string {
	l.health.Lock()
	defer l.health.Unlock()
	return slices.Clone(l.notes)
}

// Failed is why appends are refused, or nil.
func (l *Log) Failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Bytes is the size of all segments, without indexes; Segments is how many there are.
func (l *Log) Bytes() (bytes int64, segments int) {
	list := *l.segments.Load()
	for _, s := range list {
		bytes += s.Size()
	}
	return bytes, len(list)
}

// Close makes everything appended durable and lets go of all files, once the reads under way have ended. It returns why
// appends were refused, if they were: then it is not known what is durable. A second Close returns nil.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.close()
	l.background.Wait()
	err := l.sync.always(l.shut)
	l.open.Wait()
	l.wake()
	if err != nil {
		return l.ioError(err, "closing")
	}
	return nil
}

// shut finishes the log and closes its files. No sync is under way, and none begins afterwards.
func (l *Log) shut() error {
	err := l.finish()
	l.meta.Lock()
	defer l.meta.Unlock()
	l.mu.Lock()
	l.isShut = true
	l.mu.Unlock()
	errs := []error{err}
	for _, s := range *l.segments.Load() {
		errs = append(errs, s.Close())
	}
	errs = append(errs, l.manifest.file.Close(), l.checkpoint.file.Close())
	return errors.Join(errs...)
}

// finish leaves a log that opens without reading data: fsync of data, then of the checkpoint. What finds no room is only
// done again by the next Open.
func (l *Log) finish() error {
	l.mu.Lock()
	nothing, err := l.untouched || l.active == nil, l.failed
	l.mu.Unlock()
	if nothing || err != nil {
		return err
	}
	if err := l.syncNow(); err != nil {
		return err
	}
	l.meta.Lock()
	defer l.meta.Unlock()
	for _, step := range []func() error{
		l.active.Seal, l.saveProducers, l.writeLast, l.checkpoint.file.Sync,
		func() error { return l.place.FS.SyncDir(l.opts.Dir) },
	} {
		if err := step(); noRoom(err) {
			return nil
		} else if err != nil {
			return l.ioError(err, "closing")
		}
	}
	return nil
}

// writeLast writes the checkpoint of a log that will not be appended to.
func (l *Log) writeLast() error {
	return l.checkpoint.write(watermark{info: l.active.Info(), producers: l.producers.used})
}

// usable returns why the log cannot be appended to, or nil. The caller holds mu.
func (l *Log) usable() error {
	switch {
	case l.closed:
		return l.errorf(engine.ErrClosed, "the partition is closed")
	case l.failed != nil:
		return l.failed
	case l.active == nil:
		return l.errorf(engine.ErrReadOnly, "the partition is damaged and can only be read; see Health, then repair it")
	}
	return nil
}

// mostDamage bounds the list of damage.
const mostDamage = 1000

// addDamage reports a place once.
func (l *Log) addDamage(d engine.Damage) {
	l.health.Lock()
	defer l.health.Unlock()
	if !slices.Contains(l.damage, d) && len(l.damage) < mostDamage {
		l.damage = append(l.damage, d)
		l.opts.Logger.Error("damage", "file", d.File, "detail", d.Detail, "first", d.First, "next", d.Next)
	}
}

func (l *Log) note(s string) {
	l.health.Lock()
	defer l.health.Unlock()
	l.notes = append(l.notes, s)
	l.opts.Logger.Warn("recovery", "dir", l.opts.Dir, "note", s)
}

func (l *Log) path(name string) string { return path.Join(l.opts.Dir, name) }

// publish replaces the list of segments that readers see.
func (l *Log) publish(list []*segment.Segment) { l.segments.Store(&list) }

// ReadOnly reports whether damage was found when the log was opened, so that it takes no appends.
func (l *Log) ReadOnly() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active == nil
}
