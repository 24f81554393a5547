package record_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/record"
)

func TestEndTxnMarker(t *testing.T) {
	for _, commit := range []bool{true, false} {
		b := record.EndTxnMarker(commit, 77, 3, 9, 1234)
		require.NoError(t, b.Verify())
		require.True(t, b.IsControl())
		require.True(t, b.IsTransactional())
		require.Equal(t, int64(77), b.ProducerID())
		require.Equal(t, int16(3), b.ProducerEpoch())
		require.Equal(t, int32(-1), b.BaseSequence())
		require.Equal(t, int64(1234), b.MaxTimestamp())
		require.Equal(t, 1, b.Count())

		var r record.Reader
		require.NoError(t, r.Reset(b, maxBytes))
		var c record.Record
		require.True(t, r.Next(&c))
		got, err := record.ParseControl(c)
		require.NoError(t, err)
		require.Equal(t, commit, got)

		var key kmsg.ControlRecordKey
		require.NoError(t, key.ReadFrom(c.Key))
		require.Equal(t, commit, key.Type == kmsg.ControlRecordKeyTypeCommit)
		require.Equal(t, !commit, key.Type == kmsg.ControlRecordKeyTypeAbort)
		var value kmsg.EndTxnMarker
		require.NoError(t, value.ReadFrom(c.Value))
		require.Equal(t, kmsg.EndTxnMarker{CoordinatorEpoch: 9}, value)
	}
}

func TestParseControl(t *testing.T) {
	value := make([]byte, 6)
	for _, c := range []struct {
		name       string
		key, value []byte
		ok         bool
	}{
		{"commit", []byte{0, 0, 0, 1}, value, true},
		{"later version with more fields", []byte{0, 1, 0, 1, 9}, append(bytes.Clone(value), 1), true},
		{"null key", nil, value, false},
		{"short key", []byte{0, 0, 0}, value, false},
		{"short value", []byte{0, 0, 0, 1}, value[:5], false},
		{"negative version", []byte{0xff, 0xff, 0, 1}, value, false},
		{"leader change", []byte{0, 0, 0, 2}, value, false},
		{"negative type", []byte{0, 0, 0xff, 0xff}, value, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			commit, err := record.ParseControl(record.Record{Key: c.key, Value: c.value})
			if c.ok {
				require.NoError(t, err)
				require.True(t, commit)
				return
			}
			require.ErrorIs(t, err, record.ErrInvalid)
		})
	}
}

func TestEndTxnMarkerNeedsAProducer(t *testing.T) {
	require.Panics(t, func() { record.EndTxnMarker(true, -1, 0, 0, 0) })
	require.Panics(t, func() { record.EndTxnMarker(true, 1, -1, 0, 0) })
	require.Panics(t, func() { record.EndTxnMarker(true, 1, 0, 0, -2) })
}
