package enginetest

import (
	"context"
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

var memberTests = []test{
	{"every assignor shares out all partitions", func(w *world) {
		w.create(4)
		for _, assignor := range []string{"range", "roundrobin", "sticky", "cooperative-sticky"} {
			c := engine.ConsumerConfig{Group: w.name("group"), Assignors: []string{assignor}}
			a, b := w.consumer(c), w.consumer(c)
			w.settle(a, b)
			require.Len(w, a.Assignment(), 2, assignor)
			g, err := w.DescribeGroup(w.ctx, c.Group)
			require.NoError(w, err)
			require.Equal(w, assignor, g.Protocol)
		}
	}},
	{"a static member that comes back in time has what it had", func(w *world) {
		w.create(2)
		member := func(id string) engine.Consumer {
			return w.consumer(engine.ConsumerConfig{Group: w.group, InstanceID: id})
		}
		a, b := member("a"), member("b")
		w.settle(a, b)
		had := a.Assignment()
		require.NoError(w, a.Close(w.ctx))
		again := member("a")
		w.settle(again, b)
		require.Equal(w, had, again.Assignment())
		g, err := w.DescribeGroup(w.ctx, w.group)
		require.NoError(w, err)
		require.Len(w, g.Members, 2)
		require.ElementsMatch(w, []string{"a", "b"}, []string{g.Members[0].InstanceID, g.Members[1].InstanceID})
	}},
	{"a static member whose place another one takes is fenced, and stays away", func(w *world) {
		w.create(1)
		w.send(0, "a")
		c := engine.ConsumerConfig{Group: w.group, InstanceID: "one"}
		old := w.consumer(c)
		w.poll(old, 1)
		place := w.consumer(c)
		w.poll(place, 1)
		require.ErrorIs(w, w.pollToError(old), engine.ErrFenced)
		require.ErrorIs(w, w.pollToError(old), engine.ErrFenced)
		require.Error(w, old.Commit(w.ctx, map[engine.TopicPartition]int64{w.tp(0): 1}))
		w.commit(place, 0, 1)
	}},
	{"who does not poll for too long loses what it has, and may come back", func(w *world) {
		w.create(1)
		w.send(0, "a", "b")
		lost := make(chan []engine.TopicPartition, 10)
		stuck := w.consumer(engine.ConsumerConfig{
			Group: w.group, MaxPollInterval: 200 * time.Millisecond,
			OnLost: func(tps []engine.TopicPartition) { lost <- tps },
		})
		w.poll(stuck, 1)
		other := w.member()
		require.Len(w, w.poll(other, 2), 2)
		err := stuck.Commit(w.ctx, map[engine.TopicPartition]int64{w.tp(0): 1})
		require.True(w, errors.Is(err, engine.ErrFenced) || errors.Is(err, engine.ErrRebalanceInProgress), "%v", err)
		w.commit(other, 0, 2)
		require.NoError(w, other.Close(w.ctx))
		w.send(0, "c")
		require.Equal(w, []string{"c"}, values(w.poll(stuck, 1)))
		require.Equal(w, []engine.TopicPartition{w.tp(0)}, <-lost)
	}},
	{"a group reads partitions that are added", func(w *world) {
		w.create(1)
		w.send(0, "a")
		k := w.member()
		require.Equal(w, []string{"a"}, values(w.poll(k, 1)))
		w.commit(k, 0, 1)
		require.NoError(w, w.CreatePartitions(w.ctx, w.topic, 2))
		w.send(1, "b")
		require.Equal(w, []string{"b"}, values(w.poll(k, 1)))
	}},
	{"a transaction does not commit for a member that was left behind", func(w *world) {
		if !w.features.Transactions {
			w.Skip("the engine has no transactions")
		}
		w.create(2)
		p := w.producer(engine.ProducerConfig{TransactionalID: w.name("transactional")})
		w.send(0, numbers(0, 5)...)
		w.send(1, numbers(0, 5)...)
		k := w.member()
		w.poll(k, 10)
		w.settle(k, w.member())
		kept := k.Assignment()[0]
		given := w.tp(1 - kept.Partition)
		require.NoError(w, p.Begin(w.ctx))
		w.sendIn(p, 0, "out")
		err := p.SendOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{given: 5}, k)
		require.True(w, errors.Is(err, engine.ErrFenced) || errors.Is(err, engine.ErrRebalanceInProgress), "%v", err)
		require.NoError(w, p.End(w.ctx, false))
		require.NoError(w, p.Begin(w.ctx))
		require.NoError(w, p.SendOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{kept: 5}, k))
		require.NoError(w, p.End(w.ctx, true))
		at, err := k.Committed(w.ctx, kept)
		require.NoError(w, err)
		require.EqualValues(w, 5, at)
		require.NoError(w, k.Commit(w.ctx, map[engine.TopicPartition]int64{kept: 3}))
		at, err = k.Committed(w.ctx, kept)
		require.NoError(w, err)
		require.EqualValues(w, 5, at, "a commit never moves back, nor behind a transaction's")
	}},
}

// pollToError polls until there is an error other than that a poll was short.
func (w *world) pollToError(k engine.Consumer) error {
	w.Helper()
	for {
		require.NoError(w, w.ctx.Err())
		ctx, cancel := context.WithTimeout(w.ctx, brief)
		_, err := k.Poll(ctx, 1)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}
