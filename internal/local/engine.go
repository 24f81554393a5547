package local

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/txn"
)

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

// core is an open data directory. Several engines may share it.
type core struct {
	opts    Options
	fs      vfs.FS
	pool    *vfs.Pool
	lock    interface{ Close() error }
	id      [16]byte
	epoch   int32
	journal *journal.Journal
	groups  *group.Coordinator
	txns    *txn.Coordinator
	reserve reserve

	// admin serialises changes of the catalogue. mu guards the maps, of which readers look up one entry.
	admin     sync.Mutex
	mu        sync.RWMutex
	topics    map[string]*topic
	folded    map[string]string // names in lower case to those of topics, which may not differ by case alone
	consumers map[*consumer]bool
	changes   atomic.Int64 // of topics and partitions
	names     names

	transactional map[*producer]bool // those that begin transactions; guarded by mu

	// publishing is held for reading by a transaction from the check of its offsets until they are published, and for
	// writing by those who begin to read at a group's offsets, set or delete them.
	publishing sync.RWMutex
	unsure     unsure

	notes  []string
	bytes  atomic.Int64 // of all logs, as of the last maintenance plus what was appended since
	fsyncs atomic.Int64
	counters

	stop       context.CancelFunc
	done       sync.WaitGroup
	compacting atomic.Bool   // in the background
	making     sync.Mutex    // held while retention makes room on a full disk
	retime     chan struct{} // tells the background that flush intervals may have changed
}

// counters count records and bytes since the engine was opened.
type counters struct {
	recordsIn, bytesIn, recordsOut, bytesOut, compactions atomic.Int64
}

// Engine is one client's hold on a data directory that is open in this process. All methods may be called concurrently.
type Engine struct {
	*core
	calls   calls
	closing chan struct{} // closed when Close begins
	close   sync.Once
	closed  error        // what Close returned
	letGo   func() error // of the core
}

// Open locks a directory, recovers what a crash left in it, and starts to look after it.
func Open(o Options) (*Engine, error) {
	c, err := openCore(o)
	if err != nil {
		return nil, err
	}
	return newEngine(c, c.shut), nil
}

func newEngine(c *core, letGo func() error) *Engine {
	return &Engine{core: c, calls: calls{idle: make(chan struct{})}, closing: make(chan struct{}), letGo: letGo}
}

func openCore(o Options) (*core, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.Real
	}
	c := &core{
		opts: o, fs: o.FS, pool: vfs.NewPool(o.FS, openFiles(descriptorLimit())), topics: map[string]*topic{}, folded: map[string]string{},
		consumers: map[*consumer]bool{}, transactional: map[*producer]bool{}, retime: make(chan struct{}, 1),
	}
	if err := c.open(); err != nil {
		return nil, errors.Join(err, c.release())
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	if !o.Unattended {
		c.done.Go(func() { c.maintain(ctx) })
	}
	return c, nil
}

func (c *core) open() (err error) {
	if err := c.inspect(); err != nil {
		return err
	}
	if c.lock, err = takeLock(c.fs); err != nil {
		return err
	}
	if c.id, err = c.readVersion(); err != nil {
		return err
	}
	c.reserve = reserve{fs: c.fs, size: c.opts.Reserve}
	if err := c.reserve.restore(); err != nil && !vfs.IsNoSpace(err) {
		return ioError(err, "making the reserve")
	}
	if err := c.openJournal(); err != nil {
		return err
	}
	if c.epoch, err = c.raiseEpoch(); err != nil {
		return err
	}
	c.groups = group.New(group.Config{
		Clock: c.opts.Clock, Topics: topicCounts{c}, Store: offsetStore{c.journal}, Logger: c.opts.Logger,
	})
	if err := c.openTopics(); err != nil {
		return err
	}
	if err := c.restoreOffsets(); err != nil {
		return err
	}
	if err := c.openTransactions(); err != nil {
		return err
	}
	c.bytes.Store(c.size())
	return nil
}

// shut makes everything durable and releases the directory. No calls may be under way.
func (c *core) shut() error {
	c.stop()
	c.done.Wait()
	c.groups.Close()
	return c.release()
}

func (c *core) release() error {
	if c.txns != nil {
		c.txns.Close()
	}
	var errs []error
	for _, t := range c.topics {
		errs = append(errs, t.close())
	}
	if c.txns != nil {
		errs = append(errs, c.txns.Forget(false)) // the markers are durable now
	}
	if c.journal != nil {
		errs = append(errs, ioError(c.journal.Close(), "closing the journal"))
	}
	errs = append(errs, ioError(c.pool.Close(), "closing files"))
	if c.lock != nil {
		errs = append(errs, ioError(c.lock.Close(), "releasing the lock"))
	}
	return errors.Join(append(errs, c.fs.Close())...)
}

// Close waits for calls under way, makes everything durable and releases the directory, unless another engine of this
// process has it open too. Consumers that were not closed leave their groups. It is idempotent: every call returns what
// the first one did.
func (e *Engine) Close() error {
	e.close.Do(func() {
		close(e.closing)
		e.calls.close()
		for _, k := range e.watchers() {
			if k.e == e {
				k.leave()
			}
		}
		e.abandon()
		e.closed = e.letGo()
	})
	return e.closed
}

// watchers lists the consumers that are open.
func (c *core) watchers() []*consumer {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Keys(c.consumers))
}
