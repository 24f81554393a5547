package local_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestStats: what goes in and comes out is counted.
func TestStats(t *testing.T) {
	e := open(t, options(vfs.NewMem()))
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{AutoCreateTopics: true})
	require.NoError(t, err)
	rs := []engine.Record{{Value: []byte("a")}, {Value: []byte("b")}, {Value: []byte("c")}}
	_, err = p.Produce(t.Context(), "t", rs)
	require.NoError(t, err)
	s := e.Stats()
	require.EqualValues(t, 3, s.RecordsIn)
	require.Positive(t, s.BytesIn)
	require.Positive(t, s.Fsyncs)
	require.Equal(t, [2]int{1, 1}, [2]int{s.Topics, s.Partitions})
	require.Equal(t, s.BytesIn, s.BytesOnDisk)
	require.Zero(t, s.RecordsOut)

	k, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"t"}, UntilEnd: true})
	require.NoError(t, err)
	defer k.Close(t.Context())
	for err == nil {
		_, err = k.Poll(t.Context(), 2)
	}
	require.Equal(t, io.EOF, err)
	s = e.Stats()
	require.EqualValues(t, 3, s.RecordsOut)
	require.Equal(t, s.BytesIn, s.BytesOut)
}
