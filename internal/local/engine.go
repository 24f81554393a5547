package local

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// maxOpenFiles bounds the descriptors that partitions use.
const maxOpenFiles = 512

// maintenance is how often retention and rolling by age are looked after.
const maintenance = 10 * time.Second

// Options opens an engine.
type Options struct {
	FS                vfs.FS // the data directory; closed with the engine
	Clock             clock.Clock
	Logger            *slog.Logger
	DefaultPartitions int
	Codec             string
	Quota             int64
	FlushInterval     time.Duration
	Reserve           int64 // bytes kept back for a full disk
	Unattended        bool  // no goroutine looks after the logs: the caller calls Maintain
}

// Engine is the embedded engine. All methods may be called concurrently.
type Engine struct {
	opts    Options
	fs      vfs.FS
	pool    *vfs.Pool
	lock    interface{ Close() error }
	id      [16]byte
	epoch   int32
	journal *journal.Journal
	groups  *group.Coordinator
	reserve reserve

	// admin serialises changes of the catalogue. mu guards the map, which readers copy nothing of.
	admin     sync.Mutex
	mu        sync.RWMutex
	topics    map[string]*topic
	consumers map[*consumer]bool
	changes   atomic.Int64 // of topics and partitions

	notes  []string
	bytes  atomic.Int64 // of all logs, as of the last maintenance plus what was appended since
	fsyncs atomic.Int64
	counters

	calls   calls
	close   sync.Once
	closing chan struct{} // closed when the engine is about to close
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// counters count records and bytes since the engine was opened.
type counters struct {
	recordsIn, bytesIn, recordsOut, bytesOut, compactions atomic.Int64
}

// Open locks a directory, recovers what a crash left in it, and starts to look after it.
func Open(o Options) (*Engine, error) {
	e := &Engine{
		opts: o, fs: o.FS, pool: vfs.NewPool(o.FS, maxOpenFiles), topics: map[string]*topic{}, closing: make(chan struct{}),
		calls: calls{idle: make(chan struct{})},
	}
	if err := e.open(); err != nil {
		return nil, errors.Join(err, e.release())
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	if !o.Unattended {
		e.done.Go(func() { e.maintain(ctx) })
	}
	return e, nil
}

func (e *Engine) open() (err error) {
	if e.lock, err = takeLock(e.fs); err != nil {
		return err
	}
	if e.id, err = e.readVersion(); err != nil {
		return err
	}
	e.reserve = reserve{fs: e.fs, size: e.opts.Reserve}
	if err := e.reserve.restore(); err != nil && !vfs.IsNoSpace(err) {
		return ioError(err, "making the reserve")
	}
	if err := e.openJournal(); err != nil {
		return err
	}
	if e.epoch, err = e.raiseEpoch(); err != nil {
		return err
	}
	e.groups = group.New(group.Config{
		Clock: e.opts.Clock, Topics: topicCounts{e}, Store: offsetStore{e.journal}, Logger: e.opts.Logger,
	})
	if err := e.openTopics(); err != nil {
		return err
	}
	return e.restoreOffsets()
}

// enter keeps the engine open until leave.
func (e *Engine) enter() error {
	if !e.calls.enter() {
		return engine.Errorf(engine.ErrClosed, "the client is closed; open a new one")
	}
	return nil
}

func (e *Engine) leave() { e.calls.leave() }

// Close waits for calls under way, makes everything durable and releases the directory. It is idempotent.
func (e *Engine) Close() error {
	var err error
	e.close.Do(func() {
		close(e.closing)
		e.calls.close()
		e.stop()
		e.done.Wait()
		e.groups.Close()
		err = e.release()
	})
	return err
}

func (e *Engine) release() error {
	var errs []error
	for _, t := range e.topics {
		errs = append(errs, t.close())
	}
	if e.journal != nil {
		errs = append(errs, e.journal.Close())
	}
	errs = append(errs, e.pool.Close())
	if e.lock != nil {
		errs = append(errs, e.lock.Close())
	}
	return errors.Join(append(errs, e.fs.Close())...)
}

// maintain looks after the logs until ctx ends.
func (e *Engine) maintain(ctx context.Context) {
	every := maintenance
	if e.opts.FlushInterval > 0 {
		every = min(every, e.opts.FlushInterval)
	}
	next := e.opts.Clock.Now().Add(maintenance)
	for clock.Sleep(ctx, e.opts.Clock, every) == nil {
		if e.opts.FlushInterval > 0 {
			e.eachPartition(func(p *partition) error { return p.log.Sync(p.log.End()) })
		}
		if now := e.opts.Clock.Now(); !now.Before(next) {
			next = now.Add(maintenance)
			e.Maintain(ctx)
		}
	}
}

// Maintain applies retention, rolls old segments and compacts, once. Errors are logged: the next round tries again.
func (e *Engine) Maintain(ctx context.Context) {
	var bytes int64
	e.eachPartition(func(p *partition) error {
		err := p.log.Maintain()
		n, _ := p.log.Bytes()
		bytes += n
		return err
	})
	e.bytes.Store(bytes)
	if err := e.reserve.restore(); err != nil {
		e.opts.Logger.Warn("the reserve for a full disk could not be made", "err", err)
	}
}

// eachPartition calls fn for every partition that can be used.
func (e *Engine) eachPartition(fn func(*partition) error) {
	for _, t := range e.list() {
		for _, p := range t.list() {
			if p.log == nil {
				continue
			}
			if err := fn(p); err != nil && !errors.Is(err, engine.ErrClosed) && !errors.Is(err, engine.ErrReadOnly) {
				e.opts.Logger.Error("maintenance", "topic", t.name, "partition", p.number, "err", err)
			}
		}
	}
}
