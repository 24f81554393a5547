package enginetest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

var positionTests = []test{
	{"a position follows what was polled", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		k := w.consumer(engine.ConsumerConfig{})
		for _, n := range []int{1, 4, 5} {
			all := w.poll(k, n)
			at, err := k.Position(w.tp(0))
			require.NoError(w, err)
			require.Equal(w, all[n-1].Offset+1, at)
		}
	}},
	{"seek, back and forward", func(w *world) {
		w.create(2)
		w.send(0, numbers(0, 10)...)
		k := w.consumer(engine.ConsumerConfig{})
		w.poll(k, 3)
		for _, to := range []int{0, 7, 9, 2} {
			require.NoError(w, k.Seek(w.ctx, w.tp(0), int64(to)))
			at, err := k.Position(w.tp(0))
			require.NoError(w, err)
			require.EqualValues(w, to, at)
			require.Equal(w, numbers(to, 10), values(w.poll(k, 10-to)))
		}
	}},
	{"seek before the first poll", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		k := w.consumer(engine.ConsumerConfig{UntilEnd: true})
		require.NoError(w, k.Seek(w.ctx, w.tp(0), 8))
		require.Equal(w, numbers(8, 10), values(w.pollToEnd(k)))
	}},
	{"seek to nowhere", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 2))
		k := w.consumer(engine.ConsumerConfig{})
		w.poll(k, 1)
		for _, to := range []int64{-1, 1, 11} {
			require.ErrorIs(w, k.Seek(w.ctx, w.tp(0), to), engine.ErrOffsetOutOfRange, "%d", to)
		}
		require.Error(w, k.Seek(w.ctx, w.tp(1), 0), "no such partition")
		require.Equal(w, numbers(3, 10), values(w.poll(k, 7)), "and nothing has moved")
	}},
	{"pause and resume", func(w *world) {
		w.create(2)
		w.send(0, numbers(0, 3)...)
		w.send(1, numbers(0, 3)...)
		k := w.consumer(engine.ConsumerConfig{})
		k.Pause(w.tp(0))
		for _, r := range w.poll(k, 3) {
			require.EqualValues(w, 1, r.Partition)
		}
		ctx, cancel := context.WithTimeout(w.ctx, brief)
		defer cancel()
		fetches, err := k.Poll(ctx, 1)
		require.ErrorIs(w, err, context.DeadlineExceeded)
		require.Empty(w, fetches)
		k.Resume(w.tp(0))
		for _, r := range w.poll(k, 3) {
			require.EqualValues(w, 0, r.Partition)
		}
	}},
	{"ends and assignment", func(w *world) {
		w.create(2)
		w.send(1, numbers(0, 3)...)
		k := w.consumer(engine.ConsumerConfig{})
		w.poll(k, 1)
		ends, err := k.Ends(w.ctx)
		require.NoError(w, err)
		require.Equal(w, map[engine.TopicPartition]int64{w.tp(0): 0, w.tp(1): 3}, ends)
		require.ElementsMatch(w, []engine.TopicPartition{w.tp(0), w.tp(1)}, k.Assignment())
		_, err = k.Position(w.tp(7))
		require.Error(w, err)
	}},
}
