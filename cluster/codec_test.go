package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// labelled is a batch of records that name codecs; an empty one is a record without a header, "-" a tombstone.
func labelled(t testing.TB, c record.Compression, codecs ...string) []byte {
	t.Helper()
	var b record.Builder
	b.Reset(record.Plain(c))
	for _, name := range codecs {
		value, headers := []byte("value"), []record.Header{{Key: engine.CodecHeader, Value: []byte(name)}}
		switch name {
		case "":
			headers = nil
		case "-":
			value, headers = nil, nil
		}
		require.NoError(t, b.Append(1, nil, value, headers))
	}
	batch, err := b.Finish()
	require.NoError(t, err)
	return batch
}

func join(batches ...[]byte) (all []byte) {
	for _, b := range batches {
		all = append(all, b...)
	}
	return all
}

func TestFirstCodec(t *testing.T) {
	marker := []byte(record.EndTxnMarker(true, 1, 0, 0, 1))
	json := labelled(t, record.None, "json", "raw")
	for _, tc := range []struct {
		name    string
		batches []byte
		want    string
	}{
		{"nothing", nil, ""},
		{"json", json, "json"},
		{"compressed", labelled(t, record.Zstd, "msgpack"), "msgpack"},
		{"without a header", labelled(t, record.None, "", "json"), ""},
		{"a codec that there is not", labelled(t, record.None, "avro"), ""},
		{"tombstones first", labelled(t, record.None, "-", "-", "raw"), "raw"},
		{"tombstones only, then another batch", join(labelled(t, record.None, "-"), json), "json"},
		{"a marker first", join(marker, json), "json"},
		{"cut off behind the first batch", join(json, json[:20]), "json"},
		{"cut off within it", json[:len(json)-1], ""},
		{"an older format", []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0e\x00\x00\x00\x00\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, firstCodec(tc.batches)) })
	}
}

func FuzzFirstCodec(f *testing.F) {
	f.Add(labelled(f, record.None, "-", "json"))
	f.Add(labelled(f, record.Snappy, "raw"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, batches []byte) {
		require.Contains(t, []string{"", "msgpack", "json", "raw"}, firstCodec(batches))
	})
}
