package engine

import (
	"time"

	"github.com/dot-do/kafka-embedded/record"
)

// CleanupPolicy says how a topic sheds old records.
type CleanupPolicy string

const (
	CleanupDelete        CleanupPolicy = "delete"         // by retention time and size
	CleanupCompact       CleanupPolicy = "compact"        // keep the last record of each key
	CleanupCompactDelete CleanupPolicy = "compact,delete" // both
)

// TopicConfig configures a topic. A zero field means the default when a topic is created and no change when it is
// altered.
type TopicConfig struct {
	Partitions        int           // default 1
	RetentionMs       int64         // since a record was appended; -1, the default, keeps forever
	RetentionBytes    int64         // per partition; -1, the default, is no bound
	SegmentBytes      int64         // a segment file is rolled at this size; default 64 MiB
	SegmentMs         int64         // and at this age; default 7 days
	CleanupPolicy     CleanupPolicy // default delete
	DeleteRetentionMs int64         // how long compaction keeps tombstones; default 24 hours
	// Compression of batches whose producer chose none; default none, which -1 goes back to when a topic is altered.
	Compression     record.Compression
	MaxMessageBytes int    // of one record's key, value and headers; default 1 MiB
	Codec           string // of values: msgpack (default), json or raw; fixed at creation
	FlushMs         int64  // a background fsync this long after a write at AcksLeader; -1, the default, is none
}

// CodecHeader is the header that names the codec of a record's value (msgpack, json or raw), on engines that do not keep
// a topic's codec. Wherever it stands, it is right, and goes before the topic's codec.
const CodecHeader = "kafka-do-codec"

// TopicInfo describes a topic.
type TopicInfo struct {
	Name       string
	ID         [16]byte // tells a recreated topic from an earlier one of the same name
	Config     TopicConfig
	Partitions []PartitionInfo
	// CodecInRecords says that the engine keeps no topic's codec, and records name theirs in [CodecHeader]; the one in Config
	// is then of records that do not.
	CodecInRecords bool
}

// PartitionInfo describes one partition.
type PartitionInfo struct {
	Partition    int32
	Start        int64 // first offset that can be read
	End          int64 // the offset that the next record will get
	LastStable   int64 // the end for read-committed consumers
	DurableEnd   int64 // everything below survives power loss
	Bytes        int64 // on disk, without indexes
	Segments     int
	ReadOnly     bool
	Damage       []Damage
	LastAppended time.Time
}

// GroupInfo describes a consumer group.
type GroupInfo struct {
	ID       string
	State    string // Empty, PreparingRebalance, CompletingRebalance, Stable
	Protocol string // the assignor in use
	Members  []MemberInfo
	Offsets  []GroupOffset // committed, sorted by topic and partition
}

// MemberInfo describes a member of a group.
type MemberInfo struct {
	ID, InstanceID string
	Topics         []string
	Assignment     []TopicPartition
}

// GroupOffset is a committed offset and what lies behind it.
type GroupOffset struct {
	TopicPartition
	Committed int64 // -1 when none
	End       int64
	Lag       int64
}

// Damage is a place whose bytes are not what was written, or cannot be proven to be.
type Damage struct {
	File   string
	Detail string
	First  int64 // first offset concerned; -1 when not known
	Next   int64 // first offset after it; -1 when not known
}

// Health says whether all is well.
type Health struct {
	OK         bool
	Partitions []PartitionHealth // those that are not well
	Notes      []string          // what recovery did or could not verify
}

// PartitionHealth says what is wrong with a partition.
type PartitionHealth struct {
	TopicPartition
	ReadOnly bool
	Err      error // why appends are refused, when they are
	Damage   []Damage
}

// Stats are figures since the engine was opened.
type Stats struct {
	Topics, Partitions   int
	RecordsIn, BytesIn   int64 // appended; bytes of batches
	RecordsOut, BytesOut int64 // handed to consumers; bytes of the batches that were read for them
	Fsyncs               int64
	OpenFiles            int
	BytesOnDisk          int64
	Groups, Members      int
	Compactions          int64
}
