package mock_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/mock"
)

func TestGetMessages(t *testing.T) {
	c := mock.NewClient(kafka.WithDefaultPartitions(3))
	require.Empty(t, c.GetMessages("orders"), "no such topic")
	var seeded []kafka.Message
	for i := range 30 {
		seeded = append(seeded, kafka.Message{Key: fmt.Sprint("k", i%7), Value: i, Headers: map[string]string{"n": fmt.Sprint(i)}})
	}
	c.Seed("orders", seeded)
	c.Seed("orders", []kafka.Message{{Key: "k1"}})

	got := c.GetMessages("orders")
	require.Len(t, got, 31)
	tombstones := 0
	for i, m := range got {
		if i > 0 && m.Partition == got[i-1].Partition {
			require.Equal(t, got[i-1].Offset+1, m.Offset)
		} else {
			require.Zero(t, m.Offset)
		}
		if m.Value == nil {
			tombstones++
			continue
		}
		require.Equal(t, fmt.Sprint(m.Value), m.Headers["n"])
	}
	require.Equal(t, 1, tombstones)
	require.Len(t, c.GetMessages("orders"), 31, "reading changes nothing")
}

func TestClientsShareNothing(t *testing.T) {
	a, b := mock.NewClient(), mock.NewClient()
	a.Seed("t", []kafka.Message{{Value: "a"}})
	require.Empty(t, b.GetMessages("t"))
}

func TestSeedPanicsOnWhatCannotBeWritten(t *testing.T) {
	c := mock.NewClient()
	require.PanicsWithValue(t, `mock: seeding topic a/b: kafka: invalid argument: topic name "a/b" has a character at byte 1 `+
		`that is not allowed: use letters a-z and A-Z, digits, '.', '_' and '-' only`,
		func() { c.Seed("a/b", []kafka.Message{{Value: 1}}) })
	require.Panics(t, func() { c.Seed("t", []kafka.Message{{Value: func() {}}}) })
}

func TestFailNext(t *testing.T) {
	ctx := t.Context()
	broken := errors.New("broken")
	offsets := func(c *mock.Client) error { return c.Admin().ResetOffsets(ctx, "g", "t", kafka.OffsetEarliest) }
	loop := func(c *mock.Client) error {
		k := c.Consumer("t", "g", kafka.WithUntilEnd())
		defer k.Close()
		for m, err := range k.All(ctx) {
			if err != nil {
				return err
			}
			if err := m.Commit(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	send := func(c *mock.Client) error { return c.Producer("t").Send(ctx, kafka.Message{Value: 1}) }
	for verb, call := range map[mock.Verb]func(c *mock.Client) error{
		mock.OpenProducer:     send,
		mock.Produce:          send,
		mock.OpenConsumer:     loop,
		mock.Poll:             loop,
		mock.Commit:           loop,
		mock.CreateTopic:      func(c *mock.Client) error { return c.Admin().CreateTopic(ctx, "new", kafka.TopicConfig{}) },
		mock.ListTopics:       func(c *mock.Client) error { _, err := c.Admin().ListTopics(ctx); return err },
		mock.DescribeTopic:    send,
		mock.AlterTopic:       func(c *mock.Client) error { return c.Admin().AlterTopic(ctx, "t", kafka.TopicConfig{RetentionMs: 9}) },
		mock.DeleteTopic:      func(c *mock.Client) error { return c.Admin().DeleteTopic(ctx, "t") },
		mock.CreatePartitions: func(c *mock.Client) error { return c.Admin().CreatePartitions(ctx, "t", 2) },
		mock.DeleteRecords:    func(c *mock.Client) error { return c.Admin().DeleteRecords(ctx, "t", 0, 1) },
		mock.OffsetAt:         func(c *mock.Client) error { return c.Admin().ResetOffsetsToTime(ctx, "g", "t", time.Now()) },
		mock.ListGroups:       func(c *mock.Client) error { _, err := c.Admin().ListGroups(ctx); return err },
		mock.DescribeGroup:    func(c *mock.Client) error { _, err := c.Admin().DescribeGroup(ctx, "g"); return err },
		mock.DeleteGroup:      func(c *mock.Client) error { return c.Admin().DeleteGroup(ctx, "g") },
		mock.SetOffsets:       offsets,
	} {
		t.Run(string(verb), func(t *testing.T) {
			c := mock.NewClient()
			c.Seed("t", []kafka.Message{{Value: 0}})
			require.NoError(t, offsets(c))
			c.FailNext(verb, broken)
			require.ErrorIs(t, call(c), broken)
			require.NoError(t, call(c), "it fails once")
		})
	}
}

func TestFailNextBeforeAnythingIsDone(t *testing.T) {
	c := mock.NewClient()
	p := c.Producer("t")
	c.FailNext(mock.Produce, kafka.ErrDiskFull)
	c.FailNext("produce", kafka.ErrTimeout)

	err := p.Send(t.Context(), kafka.Message{Value: 1})
	var e *kafka.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kafka.ErrDiskFull, e.Code)
	require.True(t, e.Retriable)
	c.Seed("t", []kafka.Message{{Value: "past the faults"}})
	require.ErrorIs(t, p.Send(t.Context(), kafka.Message{Value: 2}), context.DeadlineExceeded)
	require.NoError(t, p.Send(t.Context(), kafka.Message{Value: 3}))
	require.Len(t, c.GetMessages("t"), 2)
}

func TestFailNextRefusesMistakes(t *testing.T) {
	c := mock.NewClient()
	require.Panics(t, func() { c.FailNext("prodcue", kafka.ErrTimeout) })
	require.Panics(t, func() { c.FailNext(mock.Produce, nil) })
}

// A retry waits for its backoff on the client's clock.
func TestRetriesWaitForTheClock(t *testing.T) {
	c := mock.NewClient(kafka.WithRetries(3))
	c.FailNext(mock.Produce, kafka.ErrNotLeader)
	pending := c.Clock().Timers()
	sent := make(chan error)
	go func() { sent <- c.Producer("t").Send(t.Context(), kafka.Message{Value: 1}) }()
	c.Clock().WaitForTimers(pending + 1)
	c.Clock().Advance(time.Second)
	require.NoError(t, <-sent)
	require.Len(t, c.GetMessages("t"), 1)
}

func TestRetentionHappensWithinAdvance(t *testing.T) {
	c := mock.NewClient()
	require.NoError(t, c.Admin().CreateTopic(t.Context(), "t", kafka.TopicConfig{RetentionMs: 60_000, SegmentMs: 1000}))
	c.Seed("t", []kafka.Message{{Value: 1}})
	require.WithinDuration(t, c.Clock().Now(), c.GetMessages("t")[0].Timestamp, 0)
	c.Clock().Advance(50 * time.Second)
	require.Len(t, c.GetMessages("t"), 1)
	c.Clock().Advance(time.Hour)
	require.Empty(t, c.GetMessages("t"))
}

func TestCloseIsIdempotent(t *testing.T) {
	c := mock.NewClient()
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Producer("t").Send(t.Context(), kafka.Message{Value: 1}), kafka.ErrClosed)
	c.Clock().Advance(time.Hour)
}
