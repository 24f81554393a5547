package record_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

// javaRecords are those that testdata/java/Golden.java writes.
func javaRecords() (rs []rec) {
	for i := range 400 {
		r := rec{Offset: int64(1000 + i), Timestamp: 1_700_000_000_000 + int64(i)}
		if i%3 != 0 {
			r.Key = fmt.Appendf(nil, "key-%d", i)
		}
		if i%5 != 0 {
			r.Value = []byte(strings.Repeat(fmt.Sprintf("value %d ", i), 20))
		}
		if i%7 == 0 {
			r.Headers = []record.Header{{Key: "h", Value: []byte(strconv.Itoa(i))}, {Key: "null"}}
		}
		rs = append(rs, r)
	}
	return rs
}

func javaBatch(t *testing.T, codec record.Compression) record.Batch {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "java", codec.String()+".batch"))
	require.NoError(t, err)
	return b
}

// Batches that Kafka's own Java code has written.
func TestWeReadJava(t *testing.T) {
	for _, codec := range codecs {
		t.Run(codec.String(), func(t *testing.T) {
			b := javaBatch(t, codec)
			require.NoError(t, b.Verify())
			require.Equal(t, codec, b.Compression())
			require.Equal(t, int64(1000), b.BaseOffset())
			require.Equal(t, int64(1399), b.LastOffset())
			require.Equal(t, int32(406), b.LastSequence())
			rs, err := read(b)
			require.NoError(t, err)
			require.Equal(t, javaRecords(), rs)
		})
	}
}

// Uncompressed there is one way only to write a batch, so that ours is Java's byte for byte.
func TestWeWriteWhatJavaWrites(t *testing.T) {
	java := javaBatch(t, record.None)
	var b record.Builder
	b.Reset(record.Options{ProducerID: 42, ProducerEpoch: 3, BaseSequence: 7, PartitionLeaderEpoch: 9, Transactional: true})
	b.SetBaseOffset(1000)
	for _, r := range javaRecords() {
		require.NoError(t, b.Append(r.Timestamp, r.Key, r.Value, r.Headers))
	}
	ours, err := b.Finish()
	require.NoError(t, err)
	require.True(t, bytes.Equal(java, ours))
}
