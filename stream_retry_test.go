package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/stream"
)

// A cluster may answer a task's producer that a batch is missing before this one. The task begins anew at its last commit.
func TestStreamGoesOnWithAnotherProducer(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "in", 30)
	refused := 0
	script(c, func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error) {
		if refused < 3 {
			refused++
			return 0, engine.Errorf(ErrOutOfOrderSequence, "injected")
		}
		return do(rs)
	})
	table := c.Stream("in", WithApplicationID("app"), WithUntilEnd(), WithCommitInterval(0)).
		GroupBy(func(*Message) string { return "all" }).Count()
	var last int64
	require.NoError(t, table.Each(t.Context(), func(r stream.Result[string, int64]) error {
		last = r.Value
		return nil
	}))
	require.Equal(t, 3, refused)
	require.EqualValues(t, 30, last)
}
