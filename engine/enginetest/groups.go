package enginetest

import (
	"context"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

var groupTests = []test{
	{"a group goes on at its committed offsets", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		k := w.consumer(engine.ConsumerConfig{Group: w.group})
		w.poll(k, 6)
		at, err := k.Committed(w.ctx, w.tp(0))
		require.NoError(w, err)
		require.EqualValues(w, -1, at)
		w.commit(k, 0, 4)
		at, err = k.Committed(w.ctx, w.tp(0))
		require.NoError(w, err)
		require.EqualValues(w, 4, at)
		require.NoError(w, k.Close(w.ctx))

		require.Equal(w, numbers(4, 10), values(w.readAll(engine.ConsumerConfig{Group: w.group})))
		require.Equal(w, numbers(0, 10), values(w.readAll(engine.ConsumerConfig{Group: w.name("group")})), "another group")
		require.Equal(w, numbers(0, 10), values(w.readAll(engine.ConsumerConfig{})), "no group")
	}},
	{"a commit never moves back", func(w *world) {
		w.create(2)
		w.send(0, numbers(0, 10)...)
		k := w.consumer(engine.ConsumerConfig{Group: w.group})
		w.poll(k, 10)
		w.commit(k, 0, 7)
		w.commit(k, 0, 3)
		at, err := k.Committed(w.ctx, w.tp(0))
		require.NoError(w, err)
		require.EqualValues(w, 7, at)
		require.ErrorIs(w, k.Commit(w.ctx, map[engine.TopicPartition]int64{w.tp(0): -1}), engine.ErrInvalidArgument)
	}},
	{"without a group nothing can be committed", func(w *world) {
		w.create(1)
		w.send(0, "a")
		k := w.consumer(engine.ConsumerConfig{})
		w.poll(k, 1)
		require.ErrorIs(w, k.Commit(w.ctx, map[engine.TopicPartition]int64{w.tp(0): 1}), engine.ErrInvalidArgument)
	}},
	{"members share the partitions", func(w *world) {
		w.create(4)
		a, b := w.member(), w.member()
		w.settle(a, b)
		require.Len(w, a.Assignment(), 2)
		require.ElementsMatch(w, []engine.TopicPartition{w.tp(0), w.tp(1), w.tp(2), w.tp(3)}, append(a.Assignment(), b.Assignment()...))

		g, err := w.DescribeGroup(w.ctx, w.group)
		require.NoError(w, err)
		require.Equal(w, "Stable", g.State)
		require.Len(w, g.Members, 2)
		for _, m := range g.Members {
			require.Equal(w, []string{w.topic}, m.Topics)
			require.Len(w, m.Assignment, 2)
		}
	}},
	{"who leaves hands over, with what was committed", func(w *world) {
		w.create(2)
		w.send(0, numbers(0, 5)...)
		w.send(1, numbers(0, 5)...)
		a, b := w.member(), w.member()
		w.settle(a, b)
		first := w.poll(a, 3)
		w.commit(a, first[0].Partition, first[2].Offset+1)
		require.NoError(w, a.Close(w.ctx))
		rest := w.poll(b, 7)
		require.ElementsMatch(w, []engine.TopicPartition{w.tp(0), w.tp(1)}, b.Assignment())
		for _, r := range rest {
			if r.Partition == first[0].Partition {
				require.GreaterOrEqual(w, r.Offset, int64(3))
			}
		}
	}},
	{"before partitions are given up work can be committed", func(w *world) {
		w.create(2)
		w.send(0, numbers(0, 5)...)
		w.send(1, numbers(0, 5)...)
		var mu sync.Mutex
		revoked := map[engine.TopicPartition]bool{}
		next := map[engine.TopicPartition]int64{}
		var a engine.Consumer
		a = w.consumer(engine.ConsumerConfig{Group: w.group, OnRevoked: func(ctx context.Context, tps []engine.TopicPartition) {
			offsets := map[engine.TopicPartition]int64{}
			mu.Lock()
			defer mu.Unlock()
			for _, tp := range tps {
				revoked[tp], offsets[tp] = true, next[tp]
			}
			require.NoError(w, a.Commit(context.WithoutCancel(ctx), offsets)) // settle polls briefly
		}})
		for _, r := range w.poll(a, 10) {
			next[r.TopicPartition] = r.Offset + 1
		}
		b := w.member()
		w.settle(a, b)
		mu.Lock()
		require.NotEmpty(w, revoked)
		mu.Unlock()
		for _, tp := range b.Assignment() {
			at, err := b.Committed(w.ctx, tp)
			require.NoError(w, err)
			require.EqualValues(w, 5, at, "committed by the member that had it before")
		}
	}},
	{"a list of groups knows members and lag", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		k := w.member()
		w.poll(k, 10)
		w.commit(k, 0, 4)
		described, err := w.DescribeGroup(w.ctx, w.group)
		require.NoError(w, err)
		require.Equal(w, []engine.GroupOffset{{TopicPartition: w.tp(0), Committed: 4, End: 10, Lag: 6}}, described.Offsets)
		groups, err := w.ListGroups(w.ctx)
		require.NoError(w, err)
		require.Contains(w, groups, described)
	}},
	{"offsets are set while nobody is a member", func(w *world) {
		w.create(2)
		w.send(0, numbers(0, 10)...)
		set := func(offset int64) error {
			return w.SetOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{w.tp(0): offset})
		}
		require.NoError(w, set(8))
		require.Equal(w, numbers(8, 10), values(w.readAll(engine.ConsumerConfig{Group: w.group})))
		w.drop()
		require.NoError(w, set(2), "back")
		k := w.member()
		require.Equal(w, numbers(2, 10), values(w.poll(k, 8)))
		require.ErrorIs(w, set(0), engine.ErrGroupNotEmpty)
		require.ErrorIs(w, w.DeleteGroup(w.ctx, w.group), engine.ErrGroupNotEmpty)
		require.NoError(w, k.Close(w.ctx))
		require.ErrorIs(w, set(11), engine.ErrOffsetOutOfRange)
	}},
	{"a group that is deleted is forgotten", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 3)...)
		k := w.member()
		w.poll(k, 3)
		w.commit(k, 0, 3)
		require.NoError(w, k.Close(w.ctx))
		require.NoError(w, w.DeleteGroup(w.ctx, w.group))
		_, err := w.DescribeGroup(w.ctx, w.group)
		require.ErrorIs(w, err, engine.ErrGroupNotFound)
		require.ErrorIs(w, w.DeleteGroup(w.ctx, w.group), engine.ErrGroupNotFound)
		require.Equal(w, numbers(0, 3), values(w.readAll(engine.ConsumerConfig{Group: w.group})))
	}},
}

// member opens a consumer in the test's group.
func (w *world) member() engine.Consumer {
	w.Helper()
	return w.consumer(engine.ConsumerConfig{Group: w.group})
}

func (w *world) commit(k engine.Consumer, partition int32, next int64) {
	w.Helper()
	require.NoError(w, k.Commit(w.ctx, map[engine.TopicPartition]int64{w.tp(partition): next}))
}

// drop closes the consumers that the test has opened so far.
func (w *world) drop() {
	w.Helper()
	for _, k := range w.opened {
		require.NoError(w, k.Close(w.ctx))
	}
	w.opened = nil
}

// settle polls members in turn, as their goroutines would, until each has partitions and no two have the same.
func (w *world) settle(members ...engine.Consumer) {
	w.Helper()
	info, err := w.DescribeTopic(w.ctx, w.topic)
	require.NoError(w, err)
	for _, k := range members {
		k.Pause(w.all(info)...)
	}
	defer func() {
		for _, k := range members {
			k.Resume(w.all(info)...)
		}
	}()
	for !settled(len(info.Partitions), members) {
		require.NoError(w, w.ctx.Err())
		for _, k := range members {
			ctx, cancel := context.WithTimeout(w.ctx, brief)
			fetches, err := k.Poll(ctx, 1)
			cancel()
			require.Empty(w, fetches)
			require.ErrorIs(w, err, context.DeadlineExceeded)
		}
	}
}

func (w *world) all(info engine.TopicInfo) (tps []engine.TopicPartition) {
	for _, p := range info.Partitions {
		tps = append(tps, w.tp(p.Partition))
	}
	return tps
}

func settled(partitions int, members []engine.Consumer) bool {
	held := map[engine.TopicPartition]bool{}
	total := 0
	for _, k := range members {
		a := k.Assignment()
		if len(a) == 0 {
			return false
		}
		for _, tp := range a {
			held[tp] = true
		}
		total += len(a)
	}
	return total == partitions && len(held) == total
}
