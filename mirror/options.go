package mirror

import (
	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Option changes what [Run] does.
type Option func(*config)

type config struct {
	patterns   []string
	id         string
	follow     bool
	appending  bool
	onProgress func(Progress)
	clock      kafka.Clock
	txBytes    int // of a transaction; 0 means the carrier's default
}

// DefaultID is the id without [ID].
const DefaultID = "default"

func newConfig(opts []Option) (config, error) {
	c := config{id: DefaultID, clock: clock.Real, onProgress: func(Progress) {}}
	for _, o := range opts {
		o(&c)
	}
	if err := engine.ValidateName("mirror", c.id); err != nil {
		return c, err
	}
	return c, engine.ValidateName("topic", c.ledger())
}

// ledger is the target's topic that holds the positions.
func (c *config) ledger() string { return ledgerPrefix + c.id }

// What mirrors and forwarders call their topics, and forwarders their groups.
const (
	ledgerPrefix    = "_mirror."
	forwarderPrefix = "_forward."
)

// Topics carries only these topics: names, or patterns as those of [path.Match]. Without it all are carried but those of
// mirrors and forwarders themselves, and those whose names begin with two underscores, which are a cluster's own.
func Topics(patterns ...string) Option {
	return func(c *config) { c.patterns = append(c.patterns, patterns...) }
}

// ID names the mirror, by the rules for topics; default "default". Mirrors with different sources into one target need
// different ones if they run at the same time: of two with one id the newer ends the older, which is [kafka.ErrFenced].
func ID(id string) Option { return func(c *config) { c.id = id } }

// Follow goes on when all is carried that there was, with new records, new topics and what groups commit, until the
// context ends. What goes wrong for a while, as a cluster that cannot be reached, is tried again for as long as it takes.
func Follow() Option { return func(c *config) { c.follow = true } }

// Append carries also into topics that have records which this mirror has not written. Without it they are
// [kafka.ErrTopicExists]: the usual reason is another id than last time, and everything would be there twice.
func Append() Option { return func(c *config) { c.appending = true } }

// OnProgress is called after each transaction, on the goroutine of [Run], which waits for it.
func OnProgress(fn func(Progress)) Option { return func(c *config) { c.onProgress = fn } }

// WithClock sets the clock, for tests.
func WithClock(clock kafka.Clock) Option { return func(c *config) { c.clock = clock } }
