// Package engine is the seam between the client and what stores its records: an embedded log, or a Kafka cluster.
//
// It is cut at the level of client verbs, not of protocol requests, so that a Kafka client library behind it keeps its
// own batching, group membership and fetching. Everything that crosses it is a plain struct. A verb that an engine
// cannot offer returns an error that matches [errors.ErrUnsupported].
package engine

import (
	"context"
	"time"

	"github.com/dot-do/kafka-embedded/record"
)

// Engine stores topics and serves producers, consumers and administration. All methods may be called concurrently.
type Engine interface {
	OpenProducer(ctx context.Context, c ProducerConfig) (Producer, error)
	OpenConsumer(ctx context.Context, c ConsumerConfig) (Consumer, error)

	CreateTopic(ctx context.Context, name string, c TopicConfig) error
	ListTopics(ctx context.Context) ([]TopicInfo, error)
	DescribeTopic(ctx context.Context, name string) (TopicInfo, error)
	// AlterTopic changes what is not zero in c.
	AlterTopic(ctx context.Context, name string, c TopicConfig) error
	DeleteTopic(ctx context.Context, name string) error
	// CreatePartitions raises the number of partitions to total.
	CreatePartitions(ctx context.Context, name string, total int) error
	// DeleteRecords moves the start of a partition up to before.
	DeleteRecords(ctx context.Context, tp TopicPartition, before int64) error
	// OffsetAt finds the first offset whose record, or a later one's, has a timestamp of at least at. When there is
	// none it is the end offset.
	OffsetAt(ctx context.Context, tp TopicPartition, at time.Time) (int64, error)

	ListGroups(ctx context.Context) ([]GroupInfo, error)
	DescribeGroup(ctx context.Context, group string) (GroupInfo, error)
	DeleteGroup(ctx context.Context, group string) error
	// SetOffsets overwrites committed offsets of a group without live members.
	SetOffsets(ctx context.Context, group string, offsets map[TopicPartition]int64) error

	Health() Health
	Stats() Stats
	// Close waits for calls under way, makes everything acknowledged durable and releases the engine. It is
	// idempotent.
	Close() error
}

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Acks says when a send returns.
type Acks int8

const (
	AcksAll    Acks = iota // fsynced: survives power loss
	AcksLeader             // written to the operating system: survives a killed process
	AcksNone               // not waited for: nothing is promised
)

// Durability is the level that a record had reached when its send returned.
type Durability int8

const (
	DurabilityNone  Durability = iota // in the producer's memory
	DurabilityOS                      // with the operating system
	DurabilityFsync                   // on stable storage
)

func (d Durability) String() string { return [...]string{"none", "os", "fsync"}[d] }

// Isolation says what a consumer sees of transactions.
type Isolation int8

const (
	ReadCommitted   Isolation = iota // committed transactions only, up to the last stable offset
	ReadUncommitted                  // everything, as it is written
)

// ProducerConfig configures a producer.
type ProducerConfig struct {
	Acks        Acks
	Compression record.Compression
	// CompressionSet says that Compression was chosen; otherwise the topic's is used.
	CompressionSet bool
	// Codec is what the values are encoded with; Produce refuses a topic that has another one with an error that matches
	// [ErrOtherCodec]. Empty is not checked.
	Codec string
	// BatchBytes bounds the records of one batch; 0 means the engine's default.
	BatchBytes int
	// ID numbers the records that are sent under this name, so that a retry after a restart can be told from a new
	// record; see Record.Sequence. The producer that used a topic last under a name fences the others: [ErrFenced].
	ID string
	// TransactionalID names a transactional producer; it fences an earlier holder.
	TransactionalID    string
	TransactionTimeout time.Duration
	AutoCreateTopics   bool
}

// NoTimestamp asks the engine to stamp a record with the time of its append.
const NoTimestamp = -1

// AnyPartition asks the engine to pick a partition: by murmur2 of the key, or sticky per batch without a key.
const AnyPartition = -1

// Record is a record on its way in. The engine reads Key, Value and Headers only until Produce returns, and fills in
// where the record went.
type Record struct {
	Key, Value []byte // nil is null
	Headers    []record.Header
	Timestamp  int64 // milliseconds since 1970, or NoTimestamp
	Partition  int32 // or AnyPartition; replaced by the partition that was picked
	Offset     int64 // set by Produce; -1 when not appended
	// Sequence is the number of the record among those of the producer's ID in its partition, counted from 1, or 0 for
	// the next one. A record whose number was appended before is not appended again: its Offset is that of then, or -1
	// when it is not among the newest. A number that leaves some out is [ErrOutOfOrderSequence].
	Sequence int64
}

// Producer appends records. Its methods may be called concurrently, except that a transaction belongs to one caller.
type Producer interface {
	// Produce appends the records of one topic, one batch per partition in the order given, and returns when they
	// have reached the durability that the acks ask for, which it returns. Records that were appended before an
	// error have their Offset set, and the durability that is returned with it; DurabilityNone says that this is not
	// known, since an fsync failed.
	Produce(ctx context.Context, topic string, rs []Record) (Durability, error)
	// Flush makes everything that this producer has appended durable.
	Flush(ctx context.Context) error
	// Progress is how many records each partition of a topic has been sent under the producer's ID, ever.
	Progress(ctx context.Context, topic string) (map[int32]int64, error)

	Begin(ctx context.Context) error
	// SendOffsets adds consumed offsets (the next ones to read) to the transaction. From is the Consumer that has read up to
	// there: it must hold the partitions now, and when the transaction commits must not have given up any since. Nil skips
	// the check.
	SendOffsets(ctx context.Context, group string, offsets map[TopicPartition]int64, from Consumer) error
	// End commits or aborts.
	End(ctx context.Context, commit bool) error

	Close() error
}

// Start says where a consumer begins when its group has no committed offset.
type Start int8

const (
	StartEarliest Start = iota
	StartLatest
	StartTime
)

// ConsumerConfig configures a consumer.
type ConsumerConfig struct {
	Topics []string
	// Group is the consumer group; empty makes a standalone reader of all partitions that commits nothing.
	Group             string
	InstanceID        string   // static membership
	Assignors         []string // in order of preference: range, roundrobin, sticky, cooperative-sticky
	Start             Start
	StartTime         time.Time
	Isolation         Isolation
	FetchMinBytes     int
	FetchMaxWait      time.Duration
	SessionTimeout    time.Duration
	HeartbeatInterval time.Duration
	MaxPollInterval   time.Duration
	AutoCreateTopics  bool
	// UntilEnd makes Poll return io.EOF once everything was returned that was there when a partition was first read.
	UntilEnd bool
	// OnRevoked is called from Poll and Close before partitions are given up, so that finished work can be committed.
	OnRevoked func(ctx context.Context, tps []TopicPartition)
	// OnLost is called when partitions were taken away without a chance to commit.
	OnLost func(tps []TopicPartition)
}

// Fetch is a run of records of one partition. Records share memory that the garbage collector owns: they stay valid,
// and must not be written to.
type Fetch struct {
	TopicPartition
	Records []record.Record
	Next    int64 // the position after these records; offsets may have gaps
	End     int64 // the end offset for this isolation when the fetch was made
}

// Consumer reads records. Poll belongs to one goroutine at a time; the other methods may be called concurrently.
type Consumer interface {
	// Poll returns up to maxRecords records, waiting until there are some or ctx ends. It also does the work of group
	// membership. Next positions move past what was returned. Where a partition cannot be read the error names it;
	// records of other partitions are returned first.
	Poll(ctx context.Context, maxRecords int) ([]Fetch, error)
	// Commit stores the next offset to read for partitions of the group. It never moves one back.
	Commit(ctx context.Context, offsets map[TopicPartition]int64) error
	// Committed is the group's stored offset, or -1.
	Committed(ctx context.Context, tp TopicPartition) (int64, error)
	Seek(ctx context.Context, tp TopicPartition, offset int64) error
	Pause(tps ...TopicPartition)
	Resume(tps ...TopicPartition)
	// Position is the next offset that Poll would read.
	Position(tp TopicPartition) (int64, error)
	// Assignment lists the partitions that this consumer reads now.
	Assignment() []TopicPartition
	// Ends are the end offsets of all partitions subscribed to, for the consumer's isolation.
	Ends(ctx context.Context) (map[TopicPartition]int64, error)
	Close(ctx context.Context) error
}
