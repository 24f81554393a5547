package enginetest

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

var topicTests = []test{
	{"defaults", func(w *world) {
		w.create(0)
		info, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		require.Equal(w, w.topic, info.Name)
		require.NotZero(w, info.ID)
		require.Equal(w, 1, info.Config.Partitions)
		require.EqualValues(w, -1, info.Config.RetentionMs)
		require.EqualValues(w, -1, info.Config.RetentionBytes)
		require.Equal(w, engine.CleanupDelete, info.Config.CleanupPolicy)
		require.Equal(w, record.None, info.Config.Compression)
		require.Equal(w, "msgpack", info.Config.Codec)
		require.Equal(w, 1<<20, info.Config.MaxMessageBytes)
		require.Len(w, info.Partitions, 1)
	}},
	{"what was configured is described and listed", func(w *world) {
		c := engine.TopicConfig{
			Partitions: 3, RetentionMs: 60_000, RetentionBytes: 1 << 20, SegmentBytes: 1 << 20, SegmentMs: 30_000,
			CleanupPolicy: engine.CleanupCompactDelete, DeleteRetentionMs: 1000, Compression: record.LZ4, MaxMessageBytes: 5000,
			Codec: "json",
		}
		require.NoError(w, w.CreateTopic(w.ctx, w.topic, c))
		info, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		c.FlushMs = info.Config.FlushMs
		require.Equal(w, c, info.Config)
		list, err := w.ListTopics(w.ctx)
		require.NoError(w, err)
		require.Contains(w, list, info)
		require.NoError(w, w.DeleteTopic(w.ctx, w.topic))
	}},
	{"partitions tell where they begin and end", func(w *world) {
		w.create(2)
		w.send(1, numbers(0, 10)...)
		require.NoError(w, w.DeleteRecords(w.ctx, w.tp(1), 4))
		info, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		p := info.Partitions[1]
		require.EqualValues(w, 1, p.Partition)
		require.Equal(w, []int64{4, 10, 10}, []int64{p.Start, p.End, p.LastStable})
		require.False(w, p.ReadOnly)
		require.Empty(w, p.Damage)
		p = info.Partitions[0]
		require.Equal(w, []int64{0, 0, 0}, []int64{p.Start, p.End, p.LastStable})
	}},
	{"altering changes what is not zero", func(w *world) {
		w.create(2)
		before, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		require.NoError(w, w.AlterTopic(w.ctx, w.topic, engine.TopicConfig{RetentionMs: 5000, Compression: record.Gzip}))
		want := before.Config
		want.RetentionMs, want.Compression = 5000, record.Gzip
		info, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		require.Equal(w, want, info.Config)
		require.NoError(w, w.AlterTopic(w.ctx, w.topic, engine.TopicConfig{RetentionMs: -1, Compression: -1}))
		info, err = w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		require.EqualValues(w, -1, info.Config.RetentionMs)
		require.Equal(w, record.None, info.Config.Compression)
		for _, c := range []engine.TopicConfig{
			{Codec: "json"}, {Partitions: 3}, {RetentionMs: -2}, {CleanupPolicy: "burn"}, {Compression: -2},
		} {
			require.ErrorIs(w, w.AlterTopic(w.ctx, w.topic, c), engine.ErrInvalidArgument, "%+v", c)
		}
	}},
	{"partitions can be added", func(w *world) {
		w.create(1)
		w.send(0, "a")
		require.NoError(w, w.CreatePartitions(w.ctx, w.topic, 3))
		w.send(2, "b")
		info, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		require.Equal(w, 3, info.Config.Partitions)
		require.Len(w, info.Partitions, 3)
		require.ElementsMatch(w, []string{"a", "b"}, values(w.readAll(engine.ConsumerConfig{})))
		for _, total := range []int{3, 1, 0, -1} {
			require.ErrorIs(w, w.CreatePartitions(w.ctx, w.topic, total), engine.ErrInvalidArgument, "%d", total)
		}
	}},
	{"a topic that is made anew knows nothing of the old one", func(w *world) {
		w.create(2)
		w.send(0, numbers(0, 5)...)
		k := w.member()
		w.poll(k, 5)
		w.commit(k, 0, 5)
		require.NoError(w, k.Close(w.ctx))
		old, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		require.NoError(w, w.DeleteTopic(w.ctx, w.topic))
		_, err = w.DescribeTopic(w.ctx, w.topic)
		require.ErrorIs(w, err, engine.ErrTopicNotFound)

		require.NoError(w, w.CreateTopic(w.ctx, w.topic, engine.TopicConfig{Partitions: 1}))
		info, err := w.DescribeTopic(w.ctx, w.topic)
		require.NoError(w, err)
		require.NotEqual(w, old.ID, info.ID)
		w.send(0, "new")
		require.Equal(w, []string{"new"}, values(w.readAll(engine.ConsumerConfig{Group: w.group})))
	}},
	{"who uses a topic notices that it is deleted", func(w *world) {
		w.create(1)
		p := w.producer(engine.ProducerConfig{})
		rs := []engine.Record{rec("", "a")}
		_, err := p.Produce(w.ctx, w.topic, rs)
		require.NoError(w, err)
		require.NoError(w, w.DeleteTopic(w.ctx, w.topic))
		_, err = p.Produce(w.ctx, w.topic, rs)
		require.ErrorIs(w, err, engine.ErrTopicNotFound)
	}},
	{"names", func(w *world) {
		for _, name := range []string{"", ".", "..", "a/b", "ä", "a b", strings.Repeat("x", 250), "dot."} {
			require.ErrorIs(w, w.CreateTopic(w.ctx, name, engine.TopicConfig{}), engine.ErrInvalidArgument, "%q", name)
			_, err := w.DescribeTopic(w.ctx, name)
			require.ErrorIs(w, err, engine.ErrInvalidArgument, "%q", name)
			require.ErrorIs(w, w.DeleteTopic(w.ctx, name), engine.ErrInvalidArgument, "%q", name)
		}
		_, err := w.ListTopics(w.ctx)
		require.NoError(w, err, "what was asked for before does not matter")
		w.create(1)
		require.ErrorIs(w, w.CreateTopic(w.ctx, w.topic, engine.TopicConfig{}), engine.ErrTopicExists)
		other := strings.ToUpper(w.topic)
		err = w.CreateTopic(w.ctx, other, engine.TopicConfig{})
		if w.features.OneCase {
			require.ErrorIs(w, err, engine.ErrInvalidArgument, "which differs only by case")
			return
		}
		require.NoError(w, err)
		require.NoError(w, w.DeleteTopic(w.ctx, other))
	}},
	{"topics that are not there", func(w *world) {
		_, err := w.DescribeTopic(w.ctx, w.topic)
		for verb, err := range map[string]error{
			"describe": err, "delete": w.DeleteTopic(w.ctx, w.topic), "partitions": w.CreatePartitions(w.ctx, w.topic, 3),
			"alter":   w.AlterTopic(w.ctx, w.topic, engine.TopicConfig{RetentionMs: 1}),
			"records": w.DeleteRecords(w.ctx, w.tp(0), 0),
			"offsets": w.SetOffsets(w.ctx, w.group, map[engine.TopicPartition]int64{w.tp(0): 0}),
		} {
			require.ErrorIs(w, err, engine.ErrTopicNotFound, verb)
		}
	}},
}
