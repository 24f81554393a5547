package local

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// FuzzParseVersion: bytes are refused, or hold the identity of a directory.
func FuzzParseVersion(f *testing.F) {
	f.Add(versionText([16]byte{1, 2, 3}))
	f.Add([]byte("kafka-embedded 99999999999999999999\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, err := parseVersion(b); err == nil {
			again, err := parseVersion(versionText(id))
			require.NoError(t, err)
			require.Equal(t, id, again)
		}
	})
}

// FuzzParseMetadata: what is taken for a partition.metadata file is one, byte for byte.
func FuzzParseMetadata(f *testing.F) {
	f.Add(metadata([16]byte{1, 2, 3}, "json"))
	f.Add([]byte("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\ncodec: \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, codec, ok := parseMetadata(b); ok {
			require.Equal(t, string(metadata(id, codec)), string(b))
		}
	})
}

// FuzzJournalEntry: whatever stands in the journal under the keys that this package gives a meaning, it is refused or makes
// sense, and no name in it leads out of the directory.
func FuzzJournalEntry(f *testing.F) {
	config := withDefaults(engine.TopicConfig{}, 3, "")
	f.Add(topicKey("orders"), stored{ID: [16]byte{1}, Config: config}.encode())
	f.Add(topicKey("../x"), stored{Config: config}.encode())
	f.Add(offsetKey("g", engine.TopicPartition{Topic: "orders", Partition: 7}), encodeOffset(9))
	f.Add(deletedPrefix+"000102030405060708090a0b0c0d0e0f", []byte(`{"name":"x"}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		if tp, err := loadTopic(strings.TrimPrefix(key, topicKey("")), value); err == nil {
			require.NotEmpty(t, tp.list())
			require.LessOrEqual(t, len(tp.list()), maxPartitions)
			require.True(t, filepath.IsLocal(partitionDir(tp.name, 0)))
			require.Equal(t, topicsName, path.Dir(partitionDir(tp.name, 0)))
		}
		if group, tp, ok := parseOffsetKey(key); ok {
			require.GreaterOrEqual(t, tp.Partition, int32(0))
			require.NotContains(t, group+tp.Topic, "/")
		}
		_ = decodeOffset(value)
		_, _ = parseDeletedKey(key)
		if name, n, ok := parsePartitionDir(key); ok {
			require.Equal(t, key, path.Base(partitionDir(name, n)))
		}
	})
}

// FuzzDirectoryURL: a URL names an absolute path, or nothing.
func FuzzDirectoryURL(f *testing.F) {
	for _, url := range []string{"file:x", "file:///x/y", "file://host/x", "file:", "file:///%zz", "file:../x", "x"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		if dir, err := Directory(url); err == nil {
			require.True(t, filepath.IsAbs(dir), dir)
		}
	})
}
