package enginetest

import (
	"context"
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

var errorTests = []test{
	{"have a code, a place and words", func(w *world) {
		w.create(1)
		p := w.producer(engine.ProducerConfig{})
		rs := []engine.Record{rec("", "a")}
		rs[0].Partition = 5
		_, err := p.Produce(w.ctx, w.topic, rs)
		var e *engine.Error
		require.ErrorAs(w, err, &e)
		require.Equal(w, engine.ErrPartitionNotFound, e.Code)
		require.Equal(w, w.topic, e.Topic)
		require.Equal(w, 5, e.Partition)
		require.NotEmpty(w, e.Message)
		require.False(w, e.Retriable)
	}},
	{"of a context", func(w *world) {
		w.create(1)
		canceled, cancel := context.WithCancel(w.ctx)
		cancel()
		expired, cancel := context.WithDeadline(w.ctx, time.Unix(0, 0))
		defer cancel()
		for verb, call := range w.verbs() {
			require.ErrorIs(w, call(canceled), context.Canceled, verb)
			err := call(expired)
			require.ErrorIs(w, err, context.DeadlineExceeded, verb)
			require.ErrorIs(w, err, engine.ErrTimeout, verb)
		}
	}},
	{"of an engine that is closed", func(w *world) {
		w.create(1)
		p := w.producer(engine.ProducerConfig{})
		k := w.consumer(engine.ConsumerConfig{Group: w.group})
		w.send(0, "a")
		w.poll(k, 1)
		require.NoError(w, w.Close())
		require.NoError(w, w.Close(), "a second time")
		for verb, call := range w.verbs() {
			require.ErrorIs(w, call(w.ctx), engine.ErrClosed, verb)
		}
		_, err := p.Produce(w.ctx, w.topic, []engine.Record{rec("", "a")})
		require.ErrorIs(w, err, engine.ErrClosed)
		_, err = k.Poll(w.ctx, 1)
		require.ErrorIs(w, err, engine.ErrClosed)
		require.ErrorIs(w, k.Commit(w.ctx, map[engine.TopicPartition]int64{w.tp(0): 1}), engine.ErrClosed)
		_, err = w.OpenProducer(w.ctx, engine.ProducerConfig{})
		require.ErrorIs(w, err, engine.ErrClosed)
		_, err = w.OpenConsumer(w.ctx, engine.ConsumerConfig{Topics: []string{w.topic}})
		require.ErrorIs(w, err, engine.ErrClosed)
	}},
	{"of a poll under way while the engine closes", func(w *world) {
		w.create(1)
		k := w.consumer(engine.ConsumerConfig{})
		polled := make(chan error)
		go func() {
			_, err := k.Poll(w.ctx, 1)
			polled <- err
		}()
		require.NoError(w, w.Close())
		require.ErrorIs(w, <-polled, engine.ErrClosed)
	}},
	{"of arguments", func(w *world) {
		w.create(1)
		_, err := w.OpenConsumer(w.ctx, engine.ConsumerConfig{})
		require.ErrorIs(w, err, engine.ErrInvalidArgument, "no topic")
		_, err = w.OpenConsumer(w.ctx, engine.ConsumerConfig{Topics: []string{w.topic}, Group: "a/b"})
		require.ErrorIs(w, err, engine.ErrInvalidArgument, "the group's name")
		_, err = w.consumer(engine.ConsumerConfig{}).Poll(w.ctx, 0)
		require.ErrorIs(w, err, engine.ErrInvalidArgument, "a poll for nothing")
	}},
	{"none, while all is well", func(w *world) {
		w.create(2)
		w.send(0, "a", "b")
		w.readAll(engine.ConsumerConfig{})
		h := w.Health()
		require.True(w, h.OK, "%+v", h)
		require.Empty(w, h.Partitions)
		s := w.Stats()
		require.GreaterOrEqual(w, s.Topics, 1)
		require.GreaterOrEqual(w, s.Partitions, 2)
		require.GreaterOrEqual(w, s.RecordsIn, int64(2))
		require.GreaterOrEqual(w, s.RecordsOut, int64(2))
	}},
}

// verbs are the verbs of administration.
func (w *world) verbs() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"create":     func(ctx context.Context) error { return w.CreateTopic(ctx, w.name("topic"), engine.TopicConfig{}) },
		"list":       func(ctx context.Context) error { _, err := w.ListTopics(ctx); return err },
		"describe":   func(ctx context.Context) error { _, err := w.DescribeTopic(ctx, w.topic); return err },
		"alter":      func(ctx context.Context) error { return w.AlterTopic(ctx, w.topic, engine.TopicConfig{RetentionMs: 1}) },
		"delete":     func(ctx context.Context) error { return w.DeleteTopic(ctx, w.topic) },
		"partitions": func(ctx context.Context) error { return w.CreatePartitions(ctx, w.topic, 3) },
		"records":    func(ctx context.Context) error { return w.DeleteRecords(ctx, w.tp(0), 0) },
		"time":       func(ctx context.Context) error { _, err := w.OffsetAt(ctx, w.tp(0), time.UnixMilli(0)); return err },
		"groups":     func(ctx context.Context) error { _, err := w.ListGroups(ctx); return err },
		"group":      func(ctx context.Context) error { _, err := w.DescribeGroup(ctx, w.group); return err },
		"forget":     func(ctx context.Context) error { return w.DeleteGroup(ctx, w.group) },
		"offsets": func(ctx context.Context) error {
			return w.SetOffsets(ctx, w.group, map[engine.TopicPartition]int64{w.tp(0): 0})
		},
	}
}

// unsupported checks that a verb says that it is not there.
func (w *world) unsupported(err error) {
	w.Helper()
	require.True(w, errors.Is(err, errors.ErrUnsupported), "%v", err)
}
