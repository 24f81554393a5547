package local_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestSmoke(t *testing.T) {
	e := memory(t)
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{AutoCreateTopics: true})
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, p.Begin(t.Context()))
		_, err = p.Produce(t.Context(), "a", []engine.Record{rec("x")})
		require.NoError(t, err)
		_, err = p.Produce(t.Context(), "b", []engine.Record{rec("y")})
		require.NoError(t, err)
		require.NoError(t, p.End(t.Context(), i != 1))
	}
	require.Len(t, drain(t, reader(t, e, "a"))[tp("a", 0)], 2)
	require.Len(t, drain(t, reader(t, e, "b"))[tp("b", 0)], 2)
	require.NoError(t, p.Close())
}
