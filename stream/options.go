package stream

import (
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// Guarantee says what a crash can do to outputs and state.
type Guarantee int8

const (
	ExactlyOnce Guarantee = iota // nothing is lost or doubled; the default
	AtLeastOnce                  // nothing is lost; what came since the last commit may come again
)

// Policy says what becomes of a record that cannot be decoded, or for which a function panicked.
type Policy int8

const (
	Fail       Policy = iota // the terminal call returns the error; the default
	Skip                     // the record is logged and left out
	DeadLetter               // the record goes to the topic of [DeadLetterTo]
)

// Late is a record that came for closed windows only.
type Late struct {
	Topic     string
	Partition int
	Offset    int64
	Key       string
	Value     any
	Timestamp time.Time
}

// config is the configuration of a source; that of a topology is all its sources' together.
type config struct {
	applicationID  string
	guarantee      Guarantee
	untilEnd       bool
	start          engine.Start
	startTime      time.Time
	idleTimeout    time.Duration
	commitInterval time.Duration
	lateTo         string
	onLate         func(Late)
	policy         Policy
	deadLetters    string
	timestamp      any // func(T) time.Time
}

const (
	defaultIdleTimeout    = 5 * time.Second
	defaultCommitInterval = 100 * time.Millisecond
)

// Option configures a source, and with it the topology that it is part of. Where sources of one topology differ, the
// first one that says something decides, but two application ids are an error.
type Option func(*config)

// WithApplicationID names the application: under this name it finds its offsets and its state again. A topology without
// a sink and without a name stores nothing and begins anew each time; one with a sink has a name derived from what it does.
func WithApplicationID(id string) Option { return func(c *config) { c.applicationID = id } }

// WithGuarantee sets what a crash can do.
func WithGuarantee(g Guarantee) Option { return func(c *config) { c.guarantee = g } }

// WithUntilEnd ends the run when everything was processed that was there when it began. All windows are closed then.
func WithUntilEnd() Option { return func(c *config) { c.untilEnd = true } }

// WithStart sets where to begin without committed offsets; at is for [engine.StartTime] only.
func WithStart(s engine.Start, at time.Time) Option {
	return func(c *config) { c.start, c.startTime = s, at }
}

// WithTimestamp takes the time of an element from the element. T must be the type of the source's elements.
func WithTimestamp[T any](fn func(T) time.Time) Option { return func(c *config) { c.timestamp = fn } }

// WithIdleTimeout sets after what silence a partition at its end stops holding stream time back; default 5 s.
func WithIdleTimeout(d time.Duration) Option { return func(c *config) { c.idleTimeout = d } }

// WithCommitInterval sets how often progress is committed; default 100 ms.
func WithCommitInterval(d time.Duration) Option { return func(c *config) { c.commitInterval = d } }

// LateTo sends late records to a topic.
func LateTo(topic string) Option { return func(c *config) { c.lateTo = topic } }

// OnLate calls fn for late records.
func OnLate(fn func(Late)) Option { return func(c *config) { c.onLate = fn } }

// WithOnError sets what becomes of records that fail. Operators that a failed record had passed keep what they made of
// it; those after the failure do not see it. Errors of the log, and the error of a function given to Each, always end
// the run.
func WithOnError(p Policy) Option { return func(c *config) { c.policy = p } }

// DeadLetterTo sends records that fail, as they are, to a topic, and sets [DeadLetter].
func DeadLetterTo(topic string) Option {
	return func(c *config) { c.policy, c.deadLetters = DeadLetter, topic }
}

// merged is the configuration of a topology.
func merged(all []*node) (c config, err error) {
	for _, n := range all {
		o := n.config
		if o == nil {
			continue
		}
		if o.applicationID != "" && c.applicationID != "" && o.applicationID != c.applicationID {
			return c, engine.Errorf(engine.ErrInvalidArgument, "the sources are of two applications, %s and %s", c.applicationID, o.applicationID)
		}
		c.applicationID = first(c.applicationID, o.applicationID)
		c.guarantee = first(c.guarantee, o.guarantee)
		c.untilEnd = c.untilEnd || o.untilEnd
		c.idleTimeout = first(c.idleTimeout, o.idleTimeout)
		c.commitInterval = first(c.commitInterval, o.commitInterval)
		c.lateTo = first(c.lateTo, o.lateTo)
		c.policy = first(c.policy, o.policy)
		c.deadLetters = first(c.deadLetters, o.deadLetters)
		if c.onLate == nil {
			c.onLate = o.onLate
		}
	}
	c.idleTimeout = first(c.idleTimeout, defaultIdleTimeout)
	c.commitInterval = first(c.commitInterval, defaultCommitInterval)
	if c.policy == DeadLetter && c.deadLetters == "" {
		return c, engine.Errorf(engine.ErrInvalidArgument, "the policy DeadLetter needs DeadLetterTo")
	}
	return c, nil
}

// first is a unless it is zero.
func first[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}
