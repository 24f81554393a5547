package cluster

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
	"github.com/dot-do/kafka-embedded/record"
)

// The names of a topic's configuration in Kafka.
const (
	keyRetentionMs       = "retention.ms"
	keyRetentionBytes    = "retention.bytes"
	keySegmentBytes      = "segment.bytes"
	keySegmentMs         = "segment.ms"
	keyCleanupPolicy     = "cleanup.policy"
	keyDeleteRetentionMs = "delete.retention.ms"
	keyCompression       = "compression.type"
	keyMaxMessageBytes   = "max.message.bytes"
	keyFlushMs           = "flush.ms"
)

// producerCompression is what Kafka calls it when batches stay as their producer made them.
const producerCompression = "producer"

// defaultMaxMessageBytes is that of topics that are made here, and of those whose configuration may not be read.
const defaultMaxMessageBytes = 1 << 20

// withDefaults fills in what was left at zero and what a program may rely on wherever its topics are. Sizes and ages of
// segments are left to the cluster.
func withDefaults(c engine.TopicConfig, partitions int) engine.TopicConfig {
	set(&c.Partitions, max(partitions, 1))
	set(&c.RetentionMs, -1)
	set(&c.RetentionBytes, -1)
	set(&c.CleanupPolicy, engine.CleanupDelete)
	set(&c.MaxMessageBytes, defaultMaxMessageBytes)
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate checks what is not zero, as the embedded engine does; the cluster checks the rest.
func validate(topic string, c engine.TopicConfig) error {
	refuse := func(format string, args ...any) error {
		return engine.Errorf(engine.ErrInvalidArgument, format, args...).At(topic, -1)
	}
	policies := []engine.CleanupPolicy{"", engine.CleanupDelete, engine.CleanupCompact, engine.CleanupCompactDelete}
	switch {
	case c.Partitions < 0 || c.Partitions > math.MaxInt32:
		return refuse("%d partitions: there must be at least 1", c.Partitions)
	case c.RetentionMs < -1 || c.RetentionBytes < -1:
		return refuse("negative retention: -1 keeps forever")
	case c.SegmentBytes < 0 || c.SegmentMs < 0 || c.DeleteRetentionMs < 0 || c.MaxMessageBytes < 0:
		return refuse("a negative size or age of segments, messages or tombstones")
	case c.FlushMs < -1:
		return refuse("flush interval of %d ms: it must be positive, or -1 for none", c.FlushMs)
	case !slices.Contains(policies, c.CleanupPolicy):
		return refuse("cleanup policy %q: there are delete, compact and compact,delete", c.CleanupPolicy)
	case c.Compression < -1 || c.Compression > record.Zstd:
		return refuse("compression %d: there are none, gzip, snappy, lz4 and zstd", c.Compression)
	}
	_, err := codec.ByName(c.Codec)
	return err
}

// entries are what is not zero in a topic's configuration, as Kafka writes it.
func entries(c engine.TopicConfig) map[string]string {
	m := map[string]string{}
	number := func(key string, n int64) {
		if n != 0 {
			m[key] = strconv.FormatInt(n, 10)
		}
	}
	number(keyRetentionMs, c.RetentionMs)
	number(keyRetentionBytes, c.RetentionBytes)
	number(keySegmentBytes, c.SegmentBytes)
	number(keySegmentMs, c.SegmentMs)
	number(keyDeleteRetentionMs, c.DeleteRetentionMs)
	number(keyMaxMessageBytes, int64(c.MaxMessageBytes))
	if number(keyFlushMs, c.FlushMs); c.FlushMs < 0 {
		number(keyFlushMs, math.MaxInt64)
	}
	if c.CleanupPolicy != "" {
		m[keyCleanupPolicy] = string(c.CleanupPolicy)
	}
	switch c.Compression {
	case record.None:
	case -1:
		m[keyCompression] = producerCompression
	default:
		m[keyCompression] = c.Compression.String()
	}
	return m
}

// configOf reads a topic's configuration. What it lacks stays at its default.
func configOf(rc kadm.ResourceConfig) engine.TopicConfig {
	c := engine.TopicConfig{
		RetentionMs: -1, RetentionBytes: -1, CleanupPolicy: engine.CleanupDelete, MaxMessageBytes: defaultMaxMessageBytes, FlushMs: -1,
	}
	for i := range rc.Configs {
		readEntry(&c, rc.Configs[i].Key, rc.Configs[i].MaybeValue())
	}
	return c
}

func readEntry(c *engine.TopicConfig, key, value string) {
	number := func(field *int64) {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			*field = n
		}
	}
	switch key {
	case keyRetentionMs:
		number(&c.RetentionMs)
	case keyRetentionBytes:
		number(&c.RetentionBytes)
	case keySegmentBytes:
		number(&c.SegmentBytes)
	case keySegmentMs:
		number(&c.SegmentMs)
	case keyDeleteRetentionMs:
		number(&c.DeleteRetentionMs)
	case keyMaxMessageBytes:
		if n, err := strconv.ParseInt(value, 10, 32); err == nil {
			c.MaxMessageBytes = int(n)
		}
	case keyFlushMs:
		if number(&c.FlushMs); c.FlushMs == math.MaxInt64 {
			c.FlushMs = -1
		}
	case keyCleanupPolicy:
		c.CleanupPolicy = policyOf(value)
	case keyCompression:
		if codec, err := record.ParseCompression(value); err == nil {
			c.Compression = codec // otherwise it is "producer" or "uncompressed"
		}
	}
}

// policyOf reads a list of policies, which Kafka takes in any order.
func policyOf(list string) engine.CleanupPolicy {
	compact, del := strings.Contains(list, "compact"), strings.Contains(list, "delete")
	switch {
	case compact && del:
		return engine.CleanupCompactDelete
	case compact:
		return engine.CleanupCompact
	}
	return engine.CleanupDelete
}
