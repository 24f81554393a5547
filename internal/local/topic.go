package local

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
)

// Defaults and limits of topics.
const (
	defaultMaxMessage = 1 << 20
	maxMessage        = 1 << 30
	maxTopics         = 100_000
	maxPartitions     = 100_000 // of all topics together
	minSegment        = 1 << 10
	defaultCodec      = "msgpack"
)

// stored is a topic as the journal keeps it.
type stored struct {
	ID     [16]byte           `json:"id"`
	Config engine.TopicConfig `json:"config"`
}

// topic is a topic that exists.
type topic struct {
	name       string
	id         [16]byte
	config     atomic.Pointer[engine.TopicConfig]
	partitions atomic.Pointer[[]*partition]
	deleted    atomic.Bool
}

// partition is one partition of a topic.
type partition struct {
	topic  *topic
	number int32
	log    *log.Log // nil when err is set
	err    error    // why it cannot be used at all

	readOnly bool // because of damage that was found when it was opened

	compacting sync.Mutex
}

func newTopic(name string, s stored) *topic {
	t := &topic{name: name, id: s.ID}
	t.config.Store(&s.Config)
	t.partitions.Store(&[]*partition{})
	return t
}

func (t *topic) list() []*partition { return *t.partitions.Load() }

// takes reports whether records can be appended, as far as that can be told without a lock.
func (p *partition) takes() bool { return p.err == nil && !p.readOnly }

// partition returns a partition that can be used.
func (t *topic) partition(n int32) (*partition, error) {
	list := t.list()
	if n < 0 || int(n) >= len(list) {
		return nil, engine.Errorf(engine.ErrPartitionNotFound, "there are partitions 0 to %d", len(list)-1).At(t.name, int(n))
	}
	return list[n], list[n].err
}

func (t *topic) close() error { return closeAll(t.list()) }

// apply makes a changed configuration take effect.
func (t *topic) apply(c engine.TopicConfig) {
	t.config.Store(&c)
	for _, p := range t.list() {
		if p.log != nil {
			p.log.SetConfig(logConfig(c))
		}
	}
}

func logConfig(c engine.TopicConfig) log.Config {
	return log.Config{
		SegmentBytes:    c.SegmentBytes,
		SegmentAge:      milliseconds(c.SegmentMs),
		Retention:       milliseconds(max(c.RetentionMs, 0)),
		RetentionBytes:  c.RetentionBytes,
		Compact:         c.CleanupPolicy != engine.CleanupDelete,
		Delete:          c.CleanupPolicy != engine.CleanupCompact,
		DeleteRetention: milliseconds(c.DeleteRetentionMs),
	}
}

// milliseconds is ms as a duration; what is beyond the largest duration, 292 years, becomes that.
func milliseconds(ms int64) time.Duration {
	return time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

// withDefaults fills in what was left at zero.
func withDefaults(c engine.TopicConfig, partitions int, codec string) engine.TopicConfig {
	set(&c.Partitions, max(partitions, 1))
	set(&c.RetentionMs, -1)
	set(&c.RetentionBytes, -1)
	set(&c.SegmentBytes, log.DefaultSegmentBytes)
	set(&c.SegmentMs, log.DefaultSegmentAge.Milliseconds())
	set(&c.CleanupPolicy, engine.CleanupDelete)
	set(&c.DeleteRetentionMs, log.DefaultDeleteRetention.Milliseconds())
	set(&c.MaxMessageBytes, defaultMaxMessage)
	set(&c.Codec, codec)
	set(&c.Codec, defaultCodec)
	set(&c.FlushMs, -1)
	return normal(c)
}

// normal is c with the -1 that takes compression away as what it means.
func normal(c engine.TopicConfig) engine.TopicConfig {
	if c.Compression == -1 {
		c.Compression = record.None
	}
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// merge is c with what is not zero in change.
func merge(c, change engine.TopicConfig) engine.TopicConfig {
	change.Codec = c.Codec
	change.Partitions = c.Partitions
	set(&change.RetentionMs, c.RetentionMs)
	set(&change.RetentionBytes, c.RetentionBytes)
	set(&change.SegmentBytes, c.SegmentBytes)
	set(&change.SegmentMs, c.SegmentMs)
	set(&change.CleanupPolicy, c.CleanupPolicy)
	set(&change.DeleteRetentionMs, c.DeleteRetentionMs)
	set(&change.Compression, c.Compression)
	set(&change.MaxMessageBytes, c.MaxMessageBytes)
	set(&change.FlushMs, c.FlushMs)
	return normal(change)
}

// validate checks a configuration without zeros.
func validate(name string, c engine.TopicConfig) error {
	refuse := func(format string, args ...any) error {
		return engine.Errorf(engine.ErrInvalidArgument, format, args...).At(name, -1)
	}
	switch {
	case c.Partitions < 1 || c.Partitions > maxPartitions:
		return refuse("%d partitions: there must be 1 to %d", c.Partitions, maxPartitions)
	case c.RetentionMs < -1 || c.RetentionBytes < -1:
		return refuse("negative retention: -1 keeps forever")
	case c.SegmentBytes < minSegment || c.SegmentBytes > 1<<31-1:
		return refuse("segments of %d bytes: they must have %d to %d", c.SegmentBytes, minSegment, 1<<31-1)
	case c.SegmentMs < 1 || c.DeleteRetentionMs < 1:
		return refuse("negative segment age or tombstone retention")
	case c.FlushMs < -1 || c.FlushMs == 0:
		return refuse("flush interval of %d ms: it must be positive, or -1 for none", c.FlushMs)
	case c.MaxMessageBytes < 1 || c.MaxMessageBytes > maxMessage:
		return refuse("messages of %d bytes: the bound must be 1 to %d", c.MaxMessageBytes, maxMessage)
	case !slices.Contains([]engine.CleanupPolicy{engine.CleanupDelete, engine.CleanupCompact, engine.CleanupCompactDelete}, c.CleanupPolicy):
		return refuse("cleanup policy %q: there are delete, compact and compact,delete", c.CleanupPolicy)
	case !slices.Contains([]string{"msgpack", "json", "raw"}, c.Codec):
		return refuse("codec %q: there are msgpack, json and raw", c.Codec)
	case c.Compression < 0 || c.Compression > 4:
		return refuse("compression %d: there are none, gzip, snappy, lz4 and zstd", c.Compression)
	}
	return nil
}

func topicKey(name string) string { return "topic/" + name }

func (s stored) encode() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("local: a topic that cannot be encoded: %v", err))
	}
	return b
}

// identity is what ties a partition's files to it.
func identity(id [16]byte, partition int32) []byte {
	return binary.BigEndian.AppendUint32(id[:], uint32(partition))
}
