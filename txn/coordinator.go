package txn

import (
	"log/slog"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
)

// DefaultTimeout is how long a transaction may stay open, as in Apache Kafka.
const DefaultTimeout = time.Minute

// DefaultMaxOpen is how many transactions may be open at once.
const DefaultMaxOpen = 10_000

// Partition is a log that transactions write to. Values must be comparable; those that are equal are one partition.
type Partition interface {
	ID() PartitionID
	// Append gives the batch its offsets; see [log.Log.Append].
	Append(b record.Batch, nowMs int64) (log.Appended, error)
	// Sync returns once everything below upTo is durable. It fails if the partition was deleted.
	Sync(upTo int64) error
	End() int64
	Durable() int64
	// Deleted reports whether the partition is no more, so that markers need not be written.
	Deleted() bool
}

// PartitionID tells a partition from all others, also from one of a deleted topic of the same name.
type PartitionID struct {
	Topic  [16]byte
	Number int32
}

// ID tells a transaction from all others.
type ID struct {
	Producer int64
	Epoch    int16
}

// End is how far a transaction's records go in a partition.
type End struct {
	PartitionID
	Next int64 // offset after the last of them
}

// Offsets are what a transaction commits for a consumer group.
type Offsets struct {
	Group   string
	From    any // who read up to there, for [Store] to check; nil is not checked
	Offsets map[engine.TopicPartition]int64
}

// Decision is a commit as it is stored.
type Decision struct {
	ID
	Ends    []End
	Offsets []Offsets
}

// Outcome is what became of a decision.
type Outcome int8

// The outcomes.
const (
	Refused Outcome = iota // it is certain that it was not stored
	Stored                 // it is durable
	Unknown                // the next opening may find it, or not
)

// Verdict is the outcome of a decision, and why it is not Stored.
type Verdict struct {
	Outcome Outcome
	Err     error
}

// Store keeps decisions. Its methods may be called concurrently, and must not call the Coordinator back, but for forget.
type Store interface {
	// Commit stores decisions durably, in one unit, and publishes their offsets once they are. One that it refuses, because
	// of its offsets, does not keep it from storing the others. In the same unit it drops the decisions that forget returns,
	// which it calls when it knows that the unit will be written. There is a verdict for each.
	Commit(ds []*Decision, forget func() []ID) []Verdict
	// Find reports, once everything that can be read is durable, whether a decision whose outcome was Unknown is stored,
	// and then publishes its offsets. An error says that it is still not known.
	Find(d *Decision) (bool, error)
	// Forget drops decisions, not necessarily durably.
	Forget(ids []ID) error
	// Reserve returns n producer ids that were never used, after it has stored durably that pool and these are the pool.
	Reserve(pool []int64, n int) ([]int64, error)
}

// Config is what a Coordinator works with. Store is required.
type Config struct {
	Clock   clock.Clock  // nil means the real one
	Store   Store        //
	Logger  *slog.Logger // nil means silence
	MaxOpen int          // 0 means DefaultMaxOpen
}

// Coordinator knows the transactions that are open. All methods may be called concurrently.
type Coordinator struct {
	clock   clock.Clock
	store   Store
	logger  *slog.Logger
	maxOpen int

	rounds    rounds
	reserving sync.Mutex // one at a time makes the pool larger

	mu       sync.Mutex
	names    map[string]*Producer
	open     map[*Txn]struct{}
	pool     []int64 // all ids that are not used up
	free     []ID    // those that no transaction has, with the next epoch
	endings  []*ending
	decided  []decided
	settling sync.Mutex
	closed   bool
}

// New returns a Coordinator without transactions. Recover comes before the first Begin.
func New(c Config) *Coordinator {
	if c.Clock == nil {
		c.Clock = clock.Real
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxOpen <= 0 {
		c.MaxOpen = DefaultMaxOpen
	}
	return &Coordinator{
		clock: c.Clock, store: c.Store, logger: c.Logger, maxOpen: c.MaxOpen,
		names: map[string]*Producer{}, open: map[*Txn]struct{}{},
	}
}

// Count is the number of transactions that are open.
func (c *Coordinator) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// Close aborts what is open, refuses anything further and writes the markers that are missing, if it can. The logs are
// closed after it, and then comes Forget.
func (c *Coordinator) Close() {
	c.mu.Lock()
	c.closed = true
	open := make([]*Txn, 0, len(c.open))
	for t := range c.open {
		open = append(open, t)
	}
	c.mu.Unlock()
	for _, t := range open {
		t.kill(errClosed("the client is closed; the transaction was aborted"))
	}
	c.Settle()
}

func errClosed(what string) *engine.Error { return engine.Errorf(engine.ErrClosed, "%s", what) }
