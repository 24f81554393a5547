package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

func TestLabel(t *testing.T) {
	header := func(name string) record.Header { return record.Header{Key: engine.CodecHeader, Value: []byte(name)} }
	for _, tc := range []struct {
		name    string
		headers []record.Header
		want    Codec
	}{
		{"no header", nil, Raw},
		{"others only", []record.Header{{Key: "codec", Value: []byte("json")}}, Raw},
		{"msgpack", []record.Header{header("msgpack")}, MsgPack},
		{"json, after others", []record.Header{{Key: "trace"}, header("json")}, JSON},
		{"raw", []record.Header{header("raw")}, Raw},
		{"the first of two", []record.Header{header("json"), header("msgpack")}, JSON},
		{"unknown", []record.Header{header("avro")}, nil},
		{"without a value", []record.Header{{Key: engine.CodecHeader}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := record.NewRecord(0, 0, nil, nil, tc.headers)
			c, err := Of(&r).Codec(Raw)
			if tc.want == nil {
				require.ErrorIs(t, err, engine.ErrSerialization)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, c)
		})
	}
}
