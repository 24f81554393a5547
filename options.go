package kafka

import (
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// Acks says when a send returns.
type Acks = engine.Acks

// The levels of acknowledgement. What each costs is in the README.
const (
	AcksAll    = engine.AcksAll    // fsynced: survives power loss; the default
	AcksLeader = engine.AcksLeader // written to the operating system: survives a killed process
	AcksNone   = engine.AcksNone   // in the producer's batch: nothing is promised
)

// Durability is the level that a record had reached when its send returned.
type Durability = engine.Durability

// The levels of durability.
const (
	DurabilityNone  = engine.DurabilityNone
	DurabilityOS    = engine.DurabilityOS
	DurabilityFsync = engine.DurabilityFsync
)

// Compression is a codec for batches.
type Compression = record.Compression

// The codecs.
const (
	CompressionNone   = record.None
	CompressionGzip   = record.Gzip
	CompressionSnappy = record.Snappy
	CompressionLZ4    = record.LZ4
	CompressionZstd   = record.Zstd
)

// Offset says where a consumer begins when its group has no committed offset.
type Offset int8

// Where to begin.
const (
	OffsetEarliest Offset = iota // at the start of the log; the default
	OffsetLatest                 // at its end
)

// Isolation says what a consumer sees of transactions.
type Isolation = engine.Isolation

// The levels of isolation.
const (
	ReadCommitted   = engine.ReadCommitted   // committed transactions only; the default
	ReadUncommitted = engine.ReadUncommitted // everything, as it is written
)

// The assignors.
const (
	AssignorRange             = "range"
	AssignorRoundRobin        = "roundrobin"
	AssignorSticky            = "sticky"
	AssignorCooperativeSticky = "cooperative-sticky"
)

// ProducerOption changes a producer's configuration.
type ProducerOption interface{ applyProducer(*producerConfig) }

// ConsumerOption changes a consumer's configuration.
type ConsumerOption interface{ applyConsumer(*consumerConfig) }

// ProducerConsumerOption serves both.
type ProducerConsumerOption interface {
	ProducerOption
	ConsumerOption
}

type producerConfig struct {
	engine.ProducerConfig
	linger  time.Duration
	retries int
	backoff time.Duration
}

type consumerConfig struct {
	engine.ConsumerConfig
	maxPoll            int
	autoCommit         bool
	autoCommitInterval time.Duration
	batchSize          int
	batchTimeout       time.Duration
	rawValues          bool
	onError            OnError
	deadLetter         string // topic
	parallel           parallelConfig
}

// validate finds what cannot be right.
func (c *consumerConfig) validate() error {
	for _, o := range []struct {
		name string
		bad  bool
	}{
		{"WithMaxPollRecords", c.maxPoll < 1},
		{"WithBatchSize", c.batchSize < 1},
		{"WithMaxInFlight", c.parallel.maxInFlight < 1},
		{"WithWorkers", c.parallel.workers < 1},
	} {
		if o.bad {
			return engine.Errorf(ErrInvalidArgument, "%s must be at least 1", o.name)
		}
	}
	if c.onError == DeadLetter && c.deadLetter == "" {
		return engine.Errorf(ErrInvalidArgument, "WithOnError(DeadLetter) needs WithDeadLetter")
	}
	if c.deadLetter != "" && slices.Contains(c.Topics, c.deadLetter) {
		return engine.Errorf(ErrInvalidArgument, "topic %q cannot be its own dead letters' topic", c.deadLetter)
	}
	return nil
}

type producerOption func(*producerConfig)

func (o producerOption) applyProducer(c *producerConfig) { o(c) }

type consumerOption func(*consumerConfig)

func (o consumerOption) applyConsumer(c *consumerConfig) { o(c) }

// WithAcks sets when a send returns.
func WithAcks(a Acks) ProducerOption { return producerOption(func(c *producerConfig) { c.Acks = a }) }

// WithCompression sets the codec of batches; without it the topic's is used.
func WithCompression(codec Compression) ProducerOption {
	return producerOption(func(c *producerConfig) { c.Compression, c.CompressionSet = codec, true })
}

// WithLinger makes an asynchronous send wait for others to share a batch with; default 0: while one batch is written
// the next one gathers.
func WithLinger(d time.Duration) ProducerOption {
	return producerOption(func(c *producerConfig) { c.linger = d })
}

// WithLingerMs is WithLinger in milliseconds.
func WithLingerMs(ms int) ProducerOption { return WithLinger(time.Duration(ms) * time.Millisecond) }

// WithProducerRetries sets how often a send that failed with a retriable error is tried again; default the client's.
func WithProducerRetries(n int) ProducerOption {
	return producerOption(func(c *producerConfig) { c.retries = n })
}

// WithRetryBackoff sets the time before the first retry, which doubles with each further one; default 100 ms.
func WithRetryBackoff(d time.Duration) ProducerOption {
	return producerOption(func(c *producerConfig) { c.backoff = d })
}

// batchSize is for producers the bytes of a batch, for consumers the messages of one.
type batchSize int

func (n batchSize) applyProducer(c *producerConfig) { c.BatchBytes = int(n) }
func (n batchSize) applyConsumer(c *consumerConfig) { c.batchSize = int(n) }

// WithBatchSize bounds a batch: in bytes for a producer (default 1 MiB), in messages for a consumer (default 100).
func WithBatchSize(n int) ProducerConsumerOption { return batchSize(n) }

// WithBatchTimeout bounds how long [Consumer.Batches] waits to fill a batch; default 1 s.
func WithBatchTimeout(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.batchTimeout = d })
}

// WithAutoCommit commits what the loop has left behind, now and then: a record counts as processed when the loop asks
// for the next one.
func WithAutoCommit(on bool) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.autoCommit = on })
}

// WithAutoCommitInterval sets how often; default 5 s.
func WithAutoCommitInterval(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.autoCommitInterval = d })
}

// WithMaxPollRecords bounds how many records are taken from the engine at once; default 500.
func WithMaxPollRecords(n int) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.maxPoll = n })
}

// WithFetchMinBytes makes a poll wait for this many bytes of keys and values, up to the fetch wait; default 1.
func WithFetchMinBytes(n int) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.FetchMinBytes = n })
}

// WithFetchMaxWait bounds how long a poll waits for the minimum once there is something; default 500 ms.
func WithFetchMaxWait(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.FetchMaxWait = d })
}

// WithFetchMaxWaitMs is WithFetchMaxWait in milliseconds.
func WithFetchMaxWaitMs(ms int) ConsumerOption {
	return WithFetchMaxWait(time.Duration(ms) * time.Millisecond)
}

// WithSessionTimeout sets after what silence a member is taken for dead; default 45 s. On the embedded engine a consumer
// that is not closed is never silent, since it lives and dies with the engine. There it bounds how long a static member's
// partitions are kept for it after Close; see [WithGroupInstanceID].
func WithSessionTimeout(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.SessionTimeout = d })
}

// WithHeartbeatInterval sets how often a member gives a sign of life; default, and at most, a third of the session timeout.
// On the embedded engine that has no effect that could be seen: signs of life cannot get lost or be late there, and
// rebalances are told at once.
func WithHeartbeatInterval(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.HeartbeatInterval = d })
}

// WithMaxPollInterval sets after what time without a poll a member is taken for stuck, and its partitions are given to
// others; default 5 min. It must cover the time that a loop takes for WithMaxPollRecords messages.
func WithMaxPollInterval(d time.Duration) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.MaxPollInterval = d })
}

// WithIsolation sets what is seen of transactions.
func WithIsolation(i Isolation) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.Isolation = i })
}

// WithAssignor sets how partitions are shared out among the members of the group, in order of preference.
func WithAssignor(names ...string) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.Assignors = names })
}

// WithGroupInstanceID makes the membership static: it keeps its partitions over a restart within the session timeout.
func WithGroupInstanceID(id string) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.InstanceID = id })
}

// WithTopics subscribes to further topics.
func WithTopics(more ...string) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.Topics = append(c.Topics, more...) })
}

// WithRawValues leaves [Message.Value] nil, for those who use Bytes or Decode.
func WithRawValues() ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.rawValues = true })
}
