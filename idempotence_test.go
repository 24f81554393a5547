package kafka

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that feeds from an ordered source starts again and again, and does not know how far it had come.
func TestSendFromAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	source := func(partition int, from, to int64) (ms []Message) {
		for i := from; i < to; i++ {
			ms = append(ms, Message{Value: fmt.Sprintf("%d/%d", partition, i)})
		}
		return ms
	}
	for start := range int64(5) {
		c, err := NewClient(t.Context(), WithDir(dir), WithDefaultPartitions(2))
		require.NoError(t, err)
		p := c.Producer("t", WithIdempotence("import"))
		progress, err := p.Progress(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[int]int64{0: 10 * start, 1: 10 * start}, progress)
		for partition := range 2 {
			require.NoError(t, p.SendFrom(t.Context(), partition, 0, source(partition, 0, 10*start)), "all that was sent before")
			require.NoError(t, p.SendFrom(t.Context(), partition, 5*start, source(partition, 5*start, 10*start+10)))
			require.ErrorIs(t, p.SendFrom(t.Context(), partition, 10*start+11, source(0, 0, 1)), ErrOutOfOrderSequence)
		}
		for partition, vs := range values(t, c, "t") {
			for i, v := range vs {
				require.Equal(t, fmt.Sprintf("%d/%d", partition, i), v)
			}
			require.Len(t, vs, int(10*start+10))
		}
		require.NoError(t, c.Close())
	}
}

// Sends without a number count on; so progress tells a program what of its source is there already.
func TestProgressCountsEverySend(t *testing.T) {
	dir := t.TempDir()
	sent := int64(0)
	for range 3 {
		c, err := NewClient(t.Context(), WithDir(dir))
		require.NoError(t, err)
		p := c.AsyncProducer("t", WithIdempotence("import"))
		progress, err := p.Progress(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[int]int64{0: sent}, progress)
		for range 50 {
			p.Send(t.Context(), Message{Value: "v"})
			sent++
		}
		require.NoError(t, p.Flush(t.Context()))
		require.NoError(t, p.Close())
		require.NoError(t, c.Producer("t").Send(t.Context(), Message{Value: "without an ID"}))
		require.NoError(t, c.Producer("t", WithIdempotence("other")).Send(t.Context(), Message{Value: "v"}))
		require.NoError(t, c.Close())
	}
}

func TestNewerProducerFences(t *testing.T) {
	c := open(t, WithInMemory())
	send := func(p *Producer) error { return p.Send(t.Context(), Message{Value: "v"}) }
	older, newer := c.Producer("t", WithIdempotence("id")), c.Producer("t", WithIdempotence("id"))
	require.NoError(t, send(older))
	require.NoError(t, send(newer))
	require.ErrorIs(t, send(older), ErrFenced)
	require.NoError(t, send(newer))
	require.NoError(t, send(c.Producer("other", WithIdempotence("id"))))
	require.NoError(t, send(newer), "another topic is another matter")
	require.NoError(t, newer.Close())
	require.ErrorIs(t, send(newer), ErrClosed)
}

func TestIdempotenceThatCannotBe(t *testing.T) {
	c := open(t, WithInMemory())
	_, err := c.Producer("t").Progress(t.Context())
	require.ErrorIs(t, err, ErrInvalidArgument)
	require.ErrorIs(t, c.Producer("t").SendFrom(t.Context(), 0, 0, []Message{{Value: "v"}}), ErrInvalidArgument)
	p := c.Producer("t", WithIdempotence("id"))
	require.ErrorIs(t, p.SendFrom(t.Context(), 0, -1, nil), ErrInvalidArgument)
	require.ErrorIs(t, p.SendFrom(t.Context(), -1, 0, nil), ErrPartitionNotFound)
	require.ErrorIs(t, c.Producer("t", WithIdempotence("not/a/name")).Send(t.Context(), Message{Value: "v"}), ErrInvalidArgument)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Progress(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
