package forward

import (
	"slices"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Option configures a [Forwarder].
type Option func(*config)

type config struct {
	topics        []string
	rate          int64 // bytes per second; 0 is no bound
	maxAge        time.Duration
	maxDisk       int64 // bytes; 0 is no bound
	whenFull      WhenFull
	targetOptions []kafka.Option
	clock         kafka.Clock
}

// WhenFull says what happens when [MaxDisk] is reached and everything that was forwarded is deleted.
type WhenFull int8

const (
	// DropOldest deletes the oldest records, which are never forwarded then, and counted.
	DropOldest WhenFull = iota
	// KeepAll deletes nothing, and [Stats.Full] says so. With [kafka.WithQuota] on the local client sends fail from there
	// on, with [kafka.ErrQuotaExceeded], until the target has taken records.
	KeepAll
)

// Topics names the topics to forward. At least one is needed.
func Topics(names ...string) Option {
	return func(c *config) { c.topics = append(c.topics, names...) }
}

// MaxBytesPerSecond bounds what is sent, on average: keys, values and headers, before compression. Records that are sent
// again after an error count again. A second's worth may go at once.
func MaxBytesPerSecond(n int64) Option { return func(c *config) { c.rate = n } }

// MaxAge leaves out records that are older than d by their timestamps when it is their turn. They stay in the local log.
func MaxAge(d time.Duration) Option { return func(c *config) { c.maxAge = d } }

// MaxDisk bounds the bytes of the local topics together: what is beyond it is deleted, the oldest first, at first only
// what was forwarded. Whole segments are deleted, so a topic's SegmentBytes for each partition must be at most half of it
// together. Without it the Forwarder deletes nothing.
func MaxDisk(bytes int64, whenFull WhenFull) Option {
	return func(c *config) { c.maxDisk, c.whenFull = bytes, whenFull }
}

// TargetOptions are those of the client that the Forwarder opens on the target, as [kafka.WithAPIKey] and
// [kafka.WithTimeout].
func TargetOptions(opts ...kafka.Option) Option {
	return func(c *config) { c.targetOptions = append(c.targetOptions, opts...) }
}

// WithClock sets the clock, for tests.
func WithClock(clock kafka.Clock) Option { return func(c *config) { c.clock = clock } }

func newConfig(opts []Option) (config, error) {
	c := config{clock: clock.Real}
	for _, o := range opts {
		o(&c)
	}
	slices.Sort(c.topics)
	c.topics = slices.Compact(c.topics)
	switch {
	case len(c.topics) == 0:
		return c, engine.Errorf(kafka.ErrInvalidArgument, "nothing to forward: name topics with Topics")
	case c.rate < 0:
		return c, engine.Errorf(kafka.ErrInvalidArgument, "MaxBytesPerSecond of %d: give a positive number, or 0 for no bound", c.rate)
	case c.maxAge < 0:
		return c, engine.Errorf(kafka.ErrInvalidArgument, "MaxAge of %v: give a positive duration, or 0 for no bound", c.maxAge)
	case c.maxDisk < 0:
		return c, engine.Errorf(kafka.ErrInvalidArgument, "MaxDisk of %d: give a positive number, or 0 for no bound", c.maxDisk)
	case c.whenFull != DropOldest && c.whenFull != KeepAll:
		return c, engine.Errorf(kafka.ErrInvalidArgument, "MaxDisk: there are DropOldest and KeepAll")
	}
	for _, name := range c.topics {
		if err := engine.ValidateName("topic", name); err != nil {
			return c, err
		}
	}
	return c, nil
}
