package mirror_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/mirror"
)

// memory is a client on a log of its own.
func memory(t testing.TB) *kafka.Client { return open(t, kafka.WithInMemory()) }

func open(t testing.TB, opts ...kafka.Option) *kafka.Client {
	t.Helper()
	c, err := kafka.NewClient(t.Context(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func create(t testing.TB, c *kafka.Client, topic string, config kafka.TopicConfig) {
	t.Helper()
	require.NoError(t, c.Admin().CreateTopic(t.Context(), topic, config))
}

// fill makes two topics in a source, with offsets of groups.
func fill(t testing.TB, c *kafka.Client, n int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	create(t, c, "orders", kafka.TopicConfig{
		Partitions: 3, Codec: "json", Compression: kafka.CompressionZstd, SegmentBytes: 8 << 10, RetentionMs: 3_600_000,
	})
	create(t, c, "states", kafka.TopicConfig{Partitions: 2, CleanupPolicy: kafka.CleanupCompact, Codec: "raw"})
	carrytest.Fill(t, c.Engine(), "orders", n, rng)
	carrytest.FillKeyed(t, c.Engine(), "states", n, rng)
	for g := range 5 {
		commit(t, c, fmt.Sprint("group-", g), rng)
	}
}

func requireEqual(t testing.TB, from, to *kafka.Client) {
	t.Helper()
	for _, topic := range []string{"orders", "states"} {
		carrytest.Equal(t, from.Engine(), to.Engine(), topic)
	}
}

func TestRun(t *testing.T) {
	from, to := memory(t), memory(t)
	fill(t, from, 600, 1)
	require.NoError(t, from.Engine().DeleteRecords(t.Context(), engine.TopicPartition{Topic: "orders", Partition: 1}, 100))
	var last mirror.Progress
	s, err := mirror.Run(t.Context(), from, to, mirror.OnProgress(func(p mirror.Progress) { last = p }))
	require.NoError(t, err)
	requireEqual(t, from, to)
	requireGroups(t, from, to)
	for _, topic := range []string{"orders", "states"} {
		a, err := from.Engine().DescribeTopic(t.Context(), topic)
		require.NoError(t, err)
		b, err := to.Engine().DescribeTopic(t.Context(), topic)
		require.NoError(t, err)
		require.Equal(t, a.Config, b.Config)
	}
	require.Equal(t, 2, s.Topics)
	require.Equal(t, 5, s.Partitions)
	require.Equal(t, 5, s.Groups)
	require.True(t, s.ExactlyOnce)
	require.Equal(t, s.Records, last.Records)
	require.Greater(t, last.Offsets, last.Records, "markers and aborted records have offsets")
	require.LessOrEqual(t, last.Offsets, last.Total)

	again, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	require.Zero(t, again.Records, "there is nothing left to do")
	carrytest.Fill(t, from.Engine(), "orders", 500, rand.New(rand.NewPCG(2, 0)))
	commit(t, from, "late", rand.New(rand.NewPCG(3, 0)))
	_, err = mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	requireEqual(t, from, to)
	requireGroups(t, from, to)
}

func TestAppend(t *testing.T) {
	from, to := memory(t), memory(t)
	for _, c := range []*kafka.Client{from, to} {
		require.NoError(t, c.Producer("t").Send(t.Context(), kafka.Message{Value: 1}))
	}
	_, err := mirror.Run(t.Context(), from, to, mirror.Append())
	require.NoError(t, err)
	texts, _ := carrytest.Read(t, to.Engine(), "t")
	require.Len(t, texts[0], 2)
}

// TestMadeAnew: a position is one of a topic in a topic. When either is another one, all is carried.
func TestMadeAnew(t *testing.T) {
	from, to := memory(t), memory(t)
	run := func(opts ...mirror.Option) error {
		_, err := mirror.Run(t.Context(), from, to, opts...)
		return err
	}
	require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: 1}))
	require.NoError(t, run())
	require.NoError(t, to.Admin().DeleteTopic(t.Context(), "t"))
	require.NoError(t, run(), "the target's was deleted")
	carrytest.Equal(t, from.Engine(), to.Engine(), "t")

	require.NoError(t, from.Admin().DeleteTopic(t.Context(), "t"))
	require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: 2}))
	require.ErrorIs(t, run(), kafka.ErrTopicExists, "the source's is another one, with records of its own")
	require.NoError(t, run(mirror.Append()))
	texts, _ := carrytest.Read(t, to.Engine(), "t")
	require.Len(t, texts[0], 2)
}

// TestOlderCopy: a source that has gone back in time is not mistaken for one that has nothing new.
func TestOlderCopy(t *testing.T) {
	from, to := memory(t), memory(t)
	require.NoError(t, from.Producer("t").SendBatch(t.Context(), []kafka.Message{{Value: 1}, {Value: 2}}))
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	older := &olderEngine{from.Engine()}
	_, err = mirror.Run(t.Context(), open(t, kafka.WithURL((&carrytest.Flaky{Engine: older}).URL(t))), to)
	require.ErrorIs(t, err, kafka.ErrOffsetOutOfRange)
	require.ErrorContains(t, err, "the source ends at 1, but has been carried up to 2: it is an older copy")
}

type olderEngine struct{ engine.Engine }

func (o *olderEngine) DescribeTopic(ctx context.Context, name string) (engine.TopicInfo, error) {
	info, err := o.Engine.DescribeTopic(ctx, name)
	for i := range info.Partitions {
		info.Partitions[i].End--
	}
	return info, err
}

// TestDeletedBeforeCarried: what the source no longer has is counted.
func TestDeletedBeforeCarried(t *testing.T) {
	from, to := memory(t), memory(t)
	send := func(n int) {
		for i := range n {
			require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: i}))
		}
	}
	send(3)
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	send(7)
	require.NoError(t, from.Admin().DeleteRecords(t.Context(), "t", 0, 5))
	for range 2 {
		s, err := mirror.Run(t.Context(), from, to)
		require.NoError(t, err)
		require.Equal(t, int64(2), s.Skipped)
	}
	texts, _ := carrytest.Read(t, to.Engine(), "t")
	require.Len(t, texts[0], 8)
}

func TestInterrupted(t *testing.T) {
	from, to := memory(t), memory(t)
	fill(t, from, 1000, 1)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := mirror.Run(ctx, from, to, mirror.OnProgress(func(p mirror.Progress) {
		if p.Records > 0 {
			cancel()
		}
	}))
	require.ErrorIs(t, err, context.Canceled)
	_, err = mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	requireEqual(t, from, to)
	requireGroups(t, from, to)
}

func TestFenced(t *testing.T) {
	from, to := memory(t), memory(t)
	fill(t, from, 600, 1)
	taken := false
	_, err := mirror.Run(t.Context(), from, to, mirror.OnProgress(func(p mirror.Progress) {
		if taken || p.Records == 0 {
			return
		}
		taken = true
		_, err := mirror.Run(t.Context(), from, to)
		require.NoError(t, err)
	}))
	require.True(t, taken)
	require.ErrorIs(t, err, kafka.ErrFenced)
	requireEqual(t, from, to)
}

func TestElapsed(t *testing.T) {
	s, err := mirror.Run(t.Context(), memory(t), memory(t))
	require.NoError(t, err)
	require.Zero(t, s.Topics)
	require.Less(t, s.Elapsed, time.Minute)
}
