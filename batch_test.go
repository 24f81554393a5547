package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

func offsets(ms []*Message) (offsets []int64) {
	for _, m := range ms {
		offsets = append(offsets, m.Offset)
	}
	return offsets
}

func TestBatches(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 10)
	k := c.Consumer("t", "g", WithBatchSize(4), WithUntilEnd())
	var got [][]int64
	for b := range k.Batches(t.Context()) {
		got = append(got, offsets(b.Messages))
		require.NoError(t, b.Commit(t.Context()))
		require.Equal(t, map[int]int64{0: b.Messages[len(b.Messages)-1].Offset + 1}, committed(t, c, "g", "t"))
	}
	require.NoError(t, k.Err())
	require.Equal(t, [][]int64{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}}, got)
	require.NoError(t, (&Batch{}).Commit(t.Context()))
}

func TestBatchTimeout(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 2)
	k := c.Consumer("t", "", WithBatchSize(10), WithBatchTimeout(5*time.Second))
	ctx, cancel := context.WithCancel(t.Context())
	batches, done := make(chan *Batch), make(chan error)
	go func() {
		for b := range k.Batches(ctx) {
			batches <- b
		}
		done <- k.Err()
	}()
	m.WaitForTimers(2) // the engine's and the batch's
	m.Advance(4999 * time.Millisecond)
	select {
	case <-batches:
		t.Fatal("before its time")
	default:
	}
	m.Advance(time.Millisecond)
	require.Equal(t, []int64{0, 1}, offsets((<-batches).Messages))

	seedFrom(t, c, "t", 2, 12)
	require.Len(t, (<-batches).Messages, 10, "full, at once")

	seedFrom(t, c, "t", 12, 13)
	m.WaitForTimers(2)
	cancel()
	require.NoError(t, <-done)
	for m := range k.Messages(t.Context()) {
		require.Equal(t, int64(12), m.Offset, "one that nobody saw comes again")
		break
	}
}

// Partitions that are sought, paused or given up leave an incomplete batch.
func TestBatchesHeedNotes(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(2))
	seed(t, c, "t", 20)
	k := c.Consumer("t", "g", WithBatchSize(20), WithUntilEnd())
	n := 0
	f := k.Filter(func(m *Message) bool {
		if n++; n == 15 { // ten of partition 0 and four of partition 1 are gathered
			k.Pause("t", 0)
			require.NoError(t, k.Seek(t.Context(), "t", 1, 8))
		}
		if n == 17 {
			k.Resume("t", 0)
		}
		return true
	})
	var got []*Message
	for b := range f.Batches(t.Context()) {
		got = append(got, b.Messages...)
	}
	byPartition := map[int][]int64{}
	for _, m := range got {
		byPartition[m.Partition] = append(byPartition[m.Partition], m.Offset)
	}
	require.Equal(t, map[int][]int64{0: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 1: {8, 9}}, byPartition)
}

func TestBatchOfGonePartitions(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 4)
	k := c.Consumer("t", "g", WithBatchSize(2))
	for b := range k.Batches(t.Context()) {
		require.NoError(t, k.Close())
		require.ErrorIs(t, b.Commit(t.Context()), ErrClosed)
	}
	require.NoError(t, k.Err())
}
