package forward

import (
	"context"
	"errors"
	"sync"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Forwarder forwards topics. Its methods may be called concurrently; one Run at a time.
type Forwarder struct {
	config
	local  engine.Engine
	target string
	ledger string // in the target, and the local group with the copy of the positions

	running sync.Mutex
	backoff carry.Backoff
	resume  string // claim of the session before, when that was fenced
	bucket  bucket
	tended  time.Time // when tend was last due
	saved   time.Time // when the copy of the positions was written

	mu     sync.Mutex
	stats  Stats
	marks  map[engine.TopicPartition]mark
	copied map[engine.TopicPartition]int64 // what the local group has committed
}

// mark is how far a partition was forwarded, as far as is known.
type mark struct{ next, skipped int64 }

// ledgerPrefix and the name are the target's topic that holds the positions.
const ledgerPrefix = "_forward."

// New makes a Forwarder of topics of an embedded client; nothing happens before Run. The target is a URL as that of
// [kafka.WithURL]; it need not be reachable. The name is that of the device: it must be another one on each device that
// forwards to the target, and the same after a restart. It follows the rules for topics.
func New(local *kafka.Client, target, name string, opts ...Option) (*Forwarder, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	if target == "" {
		return nil, engine.Errorf(kafka.ErrInvalidArgument, "there is no target: give its URL")
	}
	if err := engine.ValidateName("forwarder", name); err != nil {
		return nil, err
	}
	f := &Forwarder{
		config: c, local: local.Engine(), target: target, ledger: ledgerPrefix + name,
		bucket: bucket{rate: c.rate}, marks: map[engine.TopicPartition]mark{}, copied: map[engine.TopicPartition]int64{},
	}
	return f, engine.ValidateName("topic", f.ledger)
}

// Run forwards until ctx ends, which is no error: the transaction under way is finished first. While the target cannot be
// reached, or refuses, it waits and tries again, at first after a quarter of a second, later after up to half a minute;
// [Forwarder.Stats] says why.
//
// What waiting cannot mend is returned: [kafka.ErrTopicNotFound] for a local topic that does not exist;
// [kafka.ErrInvalidArgument] for local topics that delete records by themselves, a MaxDisk that is too small for their
// segments, a target that is the local log, or one with fewer partitions; [kafka.ErrSerialization] for one whose topic has
// another codec; [kafka.ErrFenced] when another Forwarder with this name has begun; [kafka.ErrOffsetOutOfRange] for a local
// log that is an older copy of itself; [kafka.ErrCorrupt] for damage in it; [kafka.ErrClosed] when the local client is
// closed.
func (f *Forwarder) Run(ctx context.Context) error {
	if !f.running.TryLock() {
		return engine.Errorf(kafka.ErrInvalidArgument, "the forwarder runs already")
	}
	defer f.running.Unlock()
	err := f.run(ctx)
	f.save(context.WithoutCancel(ctx))
	f.stopped(err)
	return err
}

func (f *Forwarder) run(ctx context.Context) error {
	infos, err := f.checkLocal(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	if err := f.restore(ctx, infos); err != nil {
		return ended(ctx, err)
	}
	for {
		err := f.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if final(err) {
			return err
		}
		if _, err := f.checkLocal(ctx); err != nil {
			return ended(ctx, err)
		}
		wait := f.backoff.Next()
		f.failed(err)
		if f.rest(ctx, wait) != nil {
			return nil
		}
	}
}

// ended turns an error into nil when it is that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// final reports whether an error stays whatever comes.
func final(err error) bool {
	if kafka.IsRetriable(err) {
		return false
	}
	for _, code := range []kafka.Code{
		kafka.ErrInvalidArgument, kafka.ErrSerialization, kafka.ErrFenced, kafka.ErrOffsetOutOfRange, kafka.ErrCorrupt,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// tick is how often the disk is looked after while there is something else to do.
const tick = time.Second

// rest waits, and looks after the disk.
func (f *Forwarder) rest(ctx context.Context, d time.Duration) error {
	for end := f.clock.Now().Add(d); ; {
		f.tend(ctx)
		left := end.Sub(f.clock.Now())
		if left <= 0 {
			return ctx.Err()
		}
		if err := clock.Sleep(ctx, f.clock, min(left, tick)); err != nil {
			return err
		}
	}
}

// tend does what is due now and then.
func (f *Forwarder) tend(ctx context.Context) {
	now := f.clock.Now()
	if now.Sub(f.tended) < tick {
		return
	}
	f.tended = now
	f.limitDisk(ctx)
	if now.Sub(f.saved) >= saveEvery {
		f.saved = now
		f.save(ctx)
	}
}
