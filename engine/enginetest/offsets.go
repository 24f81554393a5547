package enginetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

var offsetTests = []test{
	{"of a time", func(w *world) {
		w.create(2)
		var rs []engine.Record
		for _, ms := range []int64{1000, 3000, 2000, 4000} {
			r := rec("", "v")
			r.Partition, r.Timestamp = 0, ms
			rs = append(rs, r)
		}
		_, err := w.producer(engine.ProducerConfig{}).Produce(w.ctx, w.topic, rs)
		require.NoError(w, err)
		for _, c := range []struct{ ms, offset int64 }{
			{0, 0}, {1000, 0}, {1001, 1}, {2000, 1}, {3000, 1}, {3001, 3}, {4000, 3}, {4001, 4},
		} {
			offset, err := w.OffsetAt(w.ctx, w.tp(0), time.UnixMilli(c.ms))
			require.NoError(w, err)
			require.Equal(w, c.offset, offset, "at %d", c.ms)
		}
		offset, err := w.OffsetAt(w.ctx, w.tp(1), time.UnixMilli(0))
		require.NoError(w, err)
		require.Zero(w, offset, "of an empty partition")
		_, err = w.OffsetAt(w.ctx, w.tp(2), time.UnixMilli(0))
		require.ErrorIs(w, err, engine.ErrPartitionNotFound)
	}},
	{"below which records are deleted", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 4))
		require.Equal(w, numbers(4, 10), values(w.readAll(engine.ConsumerConfig{})))
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 2), "which are gone")
		require.Equal(w, numbers(4, 10), values(w.readAll(engine.ConsumerConfig{})))
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 10), "all of them")
		require.Empty(w, w.readAll(engine.ConsumerConfig{}))
		w.send(0, "10")
		require.EqualValues(w, 10, w.readAll(engine.ConsumerConfig{})[0].Offset, "offsets go on")
		require.ErrorIs(w, w.DeleteRecords(w.ctx, w.tp(0), 12), engine.ErrOffsetOutOfRange)
		require.ErrorIs(w, w.DeleteRecords(w.ctx, w.tp(1), 0), engine.ErrPartitionNotFound)
	}},
	{"of a group whose records are deleted", func(w *world) {
		w.create(1)
		w.send(0, numbers(0, 10)...)
		require.NoError(w, w.SetOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{w.tp(0): 2}))
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(0), 6))
		g, err := w.DescribeGroup(w.ctx, w.group)
		require.NoError(w, err)
		require.EqualValues(w, 4, g.Offsets[0].Lag, "of what there is")
		require.Equal(w, numbers(6, 10), values(w.readAll(engine.ConsumerConfig{Group: w.group})), "where its configuration says")
	}},
	{"of several partitions, set at once", func(w *world) {
		w.create(3)
		w.send(0, numbers(0, 5)...)
		w.send(2, numbers(0, 5)...)
		require.NoError(w, w.SetOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{w.tp(0): 3, w.tp(1): 0, w.tp(2): 5}))
		g, err := w.DescribeGroup(w.ctx, w.group)
		require.NoError(w, err)
		require.Equal(w, "Empty", g.State)
		require.Equal(w, []engine.GroupOffset{
			{TopicPartition: w.tp(0), Committed: 3, End: 5, Lag: 2}, {TopicPartition: w.tp(1)},
			{TopicPartition: w.tp(2), Committed: 5, End: 5},
		}, g.Offsets)
		require.Error(w, w.SetOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{w.tp(0): 1, w.tp(3): 0}))
		after, err := w.DescribeGroup(w.ctx, w.group)
		require.NoError(w, err)
		require.Equal(w, g, after, "all or nothing")
	}},
}
