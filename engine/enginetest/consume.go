package enginetest

import (
	"context"
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

var consumeTests = []test{
	{"all partitions, each in order", func(w *world) {
		w.create(3)
		for p := range int32(3) {
			w.send(p, numbers(0, 100)...)
		}
		next := map[int32]int64{}
		for _, r := range w.poll(w.consumer(engine.ConsumerConfig{}), 300) {
			require.Equal(w, next[r.Partition], r.Offset)
			require.Equal(w, numbers(int(r.Offset), int(r.Offset)+1)[0], r.value())
			next[r.Partition]++
		}
		require.Equal(w, map[int32]int64{0: 100, 1: 100, 2: 100}, next)
	}},
	{"several topics", func(w *world) {
		w.create(1)
		w.send(0, "a")
		first := w.topic
		w.topic = w.name("topic")
		w.create(1)
		w.send(0, "b")
		all := w.poll(w.consumer(engine.ConsumerConfig{Topics: []string{first, w.topic}}), 2)
		require.ElementsMatch(w, []string{"a", "b"}, values(all))
	}},
	{"what comes while it waits", func(w *world) {
		w.create(1)
		k := w.consumer(engine.ConsumerConfig{})
		done := make(chan []got)
		go func() {
			defer close(done)
			if fetches, err := k.Poll(w.ctx, 10); err == nil {
				done <- w.unpack(fetches, 10)
			}
		}()
		w.send(0, "a")
		require.Equal(w, []string{"a"}, values(<-done))
	}},
	{"from the end", func(w *world) {
		w.create(1)
		w.send(0, "before")
		k := w.consumer(engine.ConsumerConfig{Start: engine.StartLatest})
		ctx, cancel := context.WithCancel(w.ctx)
		polled := make(chan error)
		go func() {
			_, err := k.Poll(ctx, 1)
			polled <- err
		}()
		for { // until it has found the end
			if at, err := k.Position(w.tp(0)); err == nil && at == 1 {
				break
			}
		}
		cancel()
		require.ErrorIs(w, <-polled, context.Canceled)
		w.send(0, "after")
		require.Equal(w, []string{"after"}, values(w.poll(k, 1)))
	}},
	{"from a time", func(w *world) {
		w.create(1)
		p := w.producer(engine.ProducerConfig{})
		var rs []engine.Record
		for i, v := range numbers(0, 10) {
			rs = append(rs, rec("", v))
			rs[i].Timestamp = int64(1000 + 10*i)
		}
		_, err := p.Produce(w.ctx, w.topic, rs)
		require.NoError(w, err)
		for _, c := range []struct {
			ms    int64
			first int
		}{{0, 0}, {1000, 0}, {1001, 1}, {1055, 6}, {1090, 9}, {1091, 10}} {
			all := w.readAll(engine.ConsumerConfig{Start: engine.StartTime, StartTime: time.UnixMilli(c.ms)})
			require.Equal(w, numbers(c.first, 10), values(all), "at %d", c.ms)
		}
	}},
	{"up to the end as it was", func(w *world) {
		w.create(2)
		require.Empty(w, w.readAll(engine.ConsumerConfig{}))
		w.send(0, numbers(0, 10)...)
		k := w.consumer(engine.ConsumerConfig{UntilEnd: true})
		all := w.poll(k, 1)
		w.send(0, "later")
		all = append(all, w.pollToEnd(k)...)
		require.Equal(w, numbers(0, 10), values(all))
		require.Equal(w, []string{"later"}, values(w.pollToEnd(k)), "the next time, up to the end as it is then")
		require.Empty(w, w.pollToEnd(k))
	}},
	{"records stay as they are", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 500)...)
		k := w.consumer(engine.ConsumerConfig{})
		first := w.poll(k, 10)
		w.poll(k, 490)
		require.Equal(w, numbers(0, 10), values(first))
	}},
	{"a poll ends with its context", func(w *world) {
		w.create(1)
		k := w.consumer(engine.ConsumerConfig{})
		ctx, cancel := context.WithTimeout(w.ctx, brief)
		defer cancel()
		fetches, err := k.Poll(ctx, 10)
		require.Empty(w, fetches)
		require.ErrorIs(w, err, context.DeadlineExceeded)
		w.send(0, "a")
		require.Equal(w, []string{"a"}, values(w.poll(k, 1)), "and can be used again")
	}},
	{"a poll ends with its consumer", func(w *world) {
		w.create(1)
		k := w.consumer(engine.ConsumerConfig{})
		polled := make(chan error)
		go func() {
			var err error
			for err == nil {
				_, err = k.Poll(w.ctx, 10)
			}
			polled <- err
		}()
		require.NoError(w, k.Close(w.ctx))
		require.ErrorIs(w, <-polled, engine.ErrClosed)
		require.NoError(w, k.Close(w.ctx), "a second time")
		_, err := k.Poll(w.ctx, 1)
		require.ErrorIs(w, err, engine.ErrClosed)
	}},
	{"partitions that are added are read, from their start", func(w *world) {
		w.create(1)
		w.send(0, "a")
		k := w.consumer(engine.ConsumerConfig{})
		require.Equal(w, []string{"a"}, values(w.poll(k, 1)))
		require.NoError(w, w.CreatePartitions(w.ctx, w.topic, 2))
		w.send(1, "b")
		require.Equal(w, []string{"b"}, values(w.poll(k, 1)))
	}},
	{"a topic that is not there", func(w *world) {
		k, err := w.OpenConsumer(w.ctx, engine.ConsumerConfig{Topics: []string{w.topic}})
		if err == nil { // or with the first poll
			_, err = k.Poll(w.ctx, 1)
			err = errors.Join(err, k.Close(w.ctx))
		}
		require.ErrorIs(w, err, engine.ErrTopicNotFound)
	}},
	{"a start that was deleted", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		k := w.consumer(engine.ConsumerConfig{})
		require.Equal(w, numbers(0, 2), values(w.poll(k, 2)))
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 5))
		all := w.readAll(engine.ConsumerConfig{})
		require.Equal(w, numbers(5, 10), values(all))
	}},
}
