package enginetest

import (
	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

var transactionTests = []test{
	{"are offered or refused", func(w *world) {
		w.create(1)
		if w.features.Transactions {
			return
		}
		p := w.producer(engine.ProducerConfig{})
		w.unsupported(p.Begin(w.ctx))
		w.unsupported(p.SendOffsets(w.ctx, w.group, nil, nil))
		w.unsupported(p.End(w.ctx, true))
	}},
	{"that commit are seen as a whole", transactional(func(w *world, p engine.Producer) {
		require.NoError(w, p.Begin(w.ctx))
		w.sendIn(p, 0, "a")
		w.sendIn(p, 1, "b")
		require.Empty(w, w.readAll(engine.ConsumerConfig{}), "not yet")
		require.Len(w, w.readAll(engine.ConsumerConfig{Isolation: engine.ReadUncommitted}), 2)
		require.NoError(w, p.End(w.ctx, true))
		require.ElementsMatch(w, []string{"a", "b"}, values(w.readAll(engine.ConsumerConfig{})))
	})},
	{"keep timestamps, also old ones", transactional(func(w *world, p engine.Producer) {
		sent := []engine.Record{rec("", "from 1970"), rec("", "recent")}
		sent[0].Timestamp, sent[1].Timestamp = 0, 1_700_000_000_000
		for i := range sent {
			sent[i].Partition = 0
		}
		require.NoError(w, p.Begin(w.ctx))
		_, err := p.Produce(w.ctx, w.topic, sent)
		require.NoError(w, err)
		require.NoError(w, p.End(w.ctx, true))
		read := w.readAll(engine.ConsumerConfig{})
		require.Len(w, read, 2)
		for i, r := range read {
			require.Equal(w, sent[i].Timestamp, r.Timestamp)
		}
	})},
	{"that abort are never seen", transactional(func(w *world, p engine.Producer) {
		for _, commit := range []bool{false, true, false} {
			require.NoError(w, p.Begin(w.ctx))
			w.sendIn(p, 0, map[bool]string{true: "kept", false: "aborted"}[commit])
			require.NoError(w, p.End(w.ctx, commit))
		}
		w.send(0, "outside")
		require.Equal(w, []string{"kept", "outside"}, values(w.readAll(engine.ConsumerConfig{})))
		require.Equal(w, []string{"aborted", "kept", "aborted", "outside"},
			values(w.readAll(engine.ConsumerConfig{Isolation: engine.ReadUncommitted})))
	})},
	{"hold back what comes after them", transactional(func(w *world, p engine.Producer) {
		w.send(0, "before")
		require.NoError(w, p.Begin(w.ctx))
		w.sendIn(p, 0, "in it")
		w.send(0, "after")
		require.Equal(w, []string{"before"}, values(w.readAll(engine.ConsumerConfig{})))
		require.NoError(w, p.End(w.ctx, false))
		require.Equal(w, []string{"before", "after"}, values(w.readAll(engine.ConsumerConfig{})))
	})},
	{"that abort before one that is open do not keep the end from being reached", transactional(func(w *world, p engine.Producer) {
		other := w.producer(engine.ProducerConfig{TransactionalID: w.name("transactional")})
		require.NoError(w, p.Begin(w.ctx))
		w.sendIn(p, 0, "aborted")
		require.NoError(w, other.Begin(w.ctx))
		w.sendIn(other, 0, "open")
		require.NoError(w, p.End(w.ctx, false))
		require.Empty(w, w.readAll(engine.ConsumerConfig{}))
		require.NoError(w, other.End(w.ctx, true))
		require.Equal(w, []string{"open"}, values(w.readAll(engine.ConsumerConfig{})))
	})},
	{"keep records from being deleted while they are open", transactional(func(w *world, p engine.Producer) {
		w.send(0, "before")
		require.NoError(w, p.Begin(w.ctx))
		w.sendIn(p, 0, "in it")
		require.ErrorIs(w, w.DeleteRecords(w.ctx, w.tp(0), 2), engine.ErrOffsetOutOfRange)
		require.ErrorIs(w, w.DeleteRecords(w.ctx, w.tp(0), -1), engine.ErrOffsetOutOfRange)
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 1))
		require.NoError(w, p.End(w.ctx, true))
		require.Equal(w, []string{"in it"}, values(w.readAll(engine.ConsumerConfig{})))
	})},
	{"take offsets of partitions that there are", transactional(func(w *world, p engine.Producer) {
		w.send(0, numbers(0, 5)...)
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 3))
		require.NoError(w, p.Begin(w.ctx))
		send := func(partition int32, offset int64) error {
			return p.SendOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{w.tp(partition): offset}, nil)
		}
		require.ErrorIs(w, send(7, 0), engine.ErrPartitionNotFound)
		require.ErrorIs(w, send(0, 6), engine.ErrOffsetOutOfRange)
		require.ErrorIs(w, send(0, -1), engine.ErrOffsetOutOfRange)
		require.NoError(w, send(0, 1), "below the start nothing is lost")
		require.NoError(w, p.End(w.ctx, true))
	})},
	{"take offsets with them", transactional(func(w *world, p engine.Producer) {
		w.send(0, numbers(0, 5)...)
		committed := func() int64 {
			at, err := w.consumer(engine.ConsumerConfig{Group: w.group}).Committed(w.ctx, w.tp(0))
			require.NoError(w, err)
			return at
		}
		offsets := map[engine.TopicPartition]int64{w.tp(0): 3}
		require.NoError(w, p.Begin(w.ctx))
		require.NoError(w, p.SendOffsets(w.ctx, w.group, offsets, nil))
		require.EqualValues(w, -1, committed())
		require.NoError(w, p.End(w.ctx, false))
		require.EqualValues(w, -1, committed())
		require.NoError(w, p.Begin(w.ctx))
		require.NoError(w, p.SendOffsets(w.ctx, w.group, offsets, nil))
		require.NoError(w, p.End(w.ctx, true))
		require.EqualValues(w, 3, committed())
	})},
	{"of a name that another has taken over are fenced", transactional(func(w *world, p engine.Producer) {
		id := w.name("transactional")
		first := w.producer(engine.ProducerConfig{TransactionalID: id})
		require.NoError(w, first.Begin(w.ctx))
		w.sendIn(first, 0, "lost")
		second := w.producer(engine.ProducerConfig{TransactionalID: id})
		require.NoError(w, second.Begin(w.ctx))
		w.sendIn(second, 0, "kept")
		require.ErrorIs(w, first.End(w.ctx, true), engine.ErrFenced)
		require.NoError(w, second.End(w.ctx, true))
		require.Equal(w, []string{"kept"}, values(w.readAll(engine.ConsumerConfig{})))
	})},
}

// transactional is a test with two partitions and a transactional producer; on an engine without them it is skipped.
func transactional(fn func(*world, engine.Producer)) func(*world) {
	return func(w *world) {
		if !w.features.Transactions {
			w.Skip("the engine has no transactions")
		}
		w.create(2)
		fn(w, w.producer(engine.ProducerConfig{TransactionalID: w.name("transactional")}))
	}
}

// sendIn appends a value within the transaction of p, and flushes: an engine may gather what a transaction sends.
func (w *world) sendIn(p engine.Producer, partition int32, value string) {
	w.Helper()
	rs := []engine.Record{rec("", value)}
	rs[0].Partition = partition
	_, err := p.Produce(w.ctx, w.topic, rs)
	require.NoError(w, err)
	require.NoError(w, p.Flush(w.ctx))
}
