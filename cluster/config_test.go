package cluster

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

func TestEntries(t *testing.T) {
	require.Empty(t, entries(engine.TopicConfig{Partitions: 3, Codec: "json"}))
	require.Equal(t, map[string]string{
		"retention.ms": "-1", "retention.bytes": "5", "segment.bytes": "6", "segment.ms": "7", "cleanup.policy": "compact,delete",
		"delete.retention.ms": "8", "compression.type": "zstd", "max.message.bytes": "9", "flush.ms": "10",
	}, entries(engine.TopicConfig{
		RetentionMs: -1, RetentionBytes: 5, SegmentBytes: 6, SegmentMs: 7, CleanupPolicy: engine.CleanupCompactDelete,
		DeleteRetentionMs: 8, Compression: record.Zstd, MaxMessageBytes: 9, FlushMs: 10,
	}))
	require.Equal(t, map[string]string{"flush.ms": "9223372036854775807"}, entries(engine.TopicConfig{FlushMs: -1}))
}

// Topics that others have made.
func TestConfigOf(t *testing.T) {
	for _, tc := range []struct {
		name, key, value string
		change           func(*engine.TopicConfig)
	}{
		{"nothing", "segment.jitter.ms", "5", func(*engine.TopicConfig) {}},
		{"retention", "retention.ms", "604800000", func(c *engine.TopicConfig) { c.RetentionMs = 604_800_000 }},
		{"policies in the other order", "cleanup.policy", "delete,compact", func(c *engine.TopicConfig) {
			c.CleanupPolicy = engine.CleanupCompactDelete
		}},
		{"compact", "cleanup.policy", "compact", func(c *engine.TopicConfig) { c.CleanupPolicy = engine.CleanupCompact }},
		{"no policy", "cleanup.policy", "", func(*engine.TopicConfig) {}},
		{"as the producer says", "compression.type", "producer", func(*engine.TopicConfig) {}},
		{"uncompressed", "compression.type", "uncompressed", func(*engine.TopicConfig) {}},
		{"lz4", "compression.type", "lz4", func(c *engine.TopicConfig) { c.Compression = record.LZ4 }},
		{"Kafka's message size", "max.message.bytes", "1048588", func(c *engine.TopicConfig) { c.MaxMessageBytes = 1_048_588 }},
		{"never flushed", "flush.ms", "9223372036854775807", func(*engine.TopicConfig) {}},
		{"flushed", "flush.ms", "1000", func(c *engine.TopicConfig) { c.FlushMs = 1000 }},
		{"not a number", "retention.bytes", "many", func(*engine.TopicConfig) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := configOf(kadm.ResourceConfig{})
			tc.change(&want)
			require.Equal(t, want, configOf(kadm.ResourceConfig{Configs: []kadm.Config{{Key: tc.key, Value: &tc.value}}}))
		})
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, validate("t", engine.TopicConfig{}))
	for name, c := range map[string]engine.TopicConfig{
		"partitions": {Partitions: -1}, "retention": {RetentionMs: -2}, "bytes": {RetentionBytes: -2}, "segments": {SegmentBytes: -1},
		"flush": {FlushMs: -2}, "policy": {CleanupPolicy: "burn"}, "compression": {Compression: 9}, "codec": {Codec: "avro"},
		"messages": {MaxMessageBytes: math.MinInt32},
	} {
		require.ErrorIs(t, validate("t", c), engine.ErrInvalidArgument, name)
	}
}
