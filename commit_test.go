package kafka

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// slowCommits is an engine to which commits are long on their way.
type slowCommits struct {
	engine.Engine
	outcomes chan error
}

const onItsWay = time.Minute

func (s slowCommits) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (engine.Consumer, error) {
	k, err := s.Engine.OpenConsumer(ctx, c)
	return slowConsumer{k, s.outcomes}, err
}

func (s slowCommits) OpenProducer(ctx context.Context, c engine.ProducerConfig) (engine.Producer, error) {
	p, err := s.Engine.OpenProducer(ctx, c)
	return slowProducer{p, s.outcomes}, err
}

type slowConsumer struct {
	engine.Consumer
	outcomes chan error
}

func (k slowConsumer) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	_ = clock.Sleep(ctx, clock.Real, onItsWay)
	err := k.Consumer.Commit(ctx, offsets)
	k.outcomes <- err
	return err
}

type slowProducer struct {
	engine.Producer
	outcomes chan error
}

func (p slowProducer) SendOffsets(ctx context.Context, group string, offsets map[engine.TopicPartition]int64, from engine.Consumer) error {
	_ = clock.Sleep(ctx, clock.Real, onItsWay)
	err := p.Producer.SendOffsets(ctx, group, offsets, from.(slowConsumer).Consumer)
	p.outcomes <- err
	return err
}

// TestACommitCountsForWhatWasReadOnly: a commit was on its way when its member was taken out of the group. The member
// joined again, was given the same partition and read the same records again, and then the commit succeeded.
func TestACommitCountsForWhatWasReadOnly(t *testing.T) {
	for _, tc := range []struct {
		name   string
		commit func(context.Context, *Client, *Message) error
	}{
		{"message", func(ctx context.Context, _ *Client, m *Message) error { return m.Commit(ctx) }},
		{"not waited for", func(ctx context.Context, _ *Client, m *Message) error {
			_, err := m.CommitAsync().Wait(ctx)
			return err
		}},
		{"batch", func(ctx context.Context, _ *Client, m *Message) error {
			return (&Batch{Messages: []*Message{m}}).Commit(ctx)
		}},
		{"transaction", func(ctx context.Context, c *Client, m *Message) error {
			return c.Transact(ctx, func(tx *Tx) error { return tx.CommitOffsets(m) }, WithTransactionTimeout(time.Hour))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := open(t, WithInMemory())
				seed(t, c, "t", 2)
				c.engine = slowCommits{c.engine, make(chan error, 10)}
				k := c.Consumer("t", "g", WithMaxPollInterval(time.Second), WithMaxPollRecords(1))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var outcome error
				var came []int64
				for m := range k.Messages(ctx) {
					if came = append(came, m.Offset); len(came) == 1 {
						go func() {
							outcome = tc.commit(context.Background(), c, m)
							_ = clock.Sleep(ctx, clock.Real, time.Second)
							cancel()
						}()
						_ = clock.Sleep(ctx, clock.Real, 2*time.Second) // longer than it may
					}
				}
				require.NoError(t, k.Err())
				require.Equal(t, []int64{0, 0, 1}, came)
				require.ErrorIs(t, outcome, ErrRebalanceInProgress)
				require.Empty(t, committed(t, c, "g", "t"))
			})
		})
	}
}

// The committer of Parallel is another goroutine than its loop.
func TestParallelCommitsWhatWasReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, WithInMemory())
		seed(t, c, "t", 3)
		outcomes := make(chan error, 10)
		c.engine = slowCommits{c.engine, outcomes}
		k := c.Consumer("t", "g", WithMaxPollInterval(time.Second), WithMaxPollRecords(1), WithMaxInFlight(1))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var outcome error
		go func() {
			outcome = <-outcomes
			_ = clock.Sleep(ctx, clock.Real, time.Second)
			cancel()
		}()
		var came []int64
		require.NoError(t, k.Parallel(ctx, 1, func(ctx context.Context, m *Message) error {
			if came = append(came, m.Offset); len(came) == 2 {
				_ = clock.Sleep(ctx, clock.Real, 2*time.Second) // longer than it may
			}
			return nil
		}))
		// The last one may begin before the loop learns that its member was taken out.
		require.Equal(t, []int64{0, 1}, came[:2])
		require.Contains(t, came[2:], int64(0))
		require.ErrorIs(t, outcome, ErrRebalanceInProgress)
	})
}

// A message of a partition that was given up is not given back to what the consumer reads of it now.
func TestGivingBackWhatWasTakenAway(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 3)
	k := c.Consumer("t", "g", WithMaxPollInterval(time.Minute), WithMaxPollRecords(1))
	var came []*Message
	for msg := range Take(k.Messages(t.Context()), 4) {
		came = append(came, msg)
		switch len(came) {
		case 1:
			m.Advance(2 * time.Minute)
		case 3:
			require.NoError(t, k.reader.giveBack(t.Context(), came[0]))
		}
	}
	for i, offset := range []int64{0, 0, 1, 2} {
		require.Equal(t, offset, came[i].Offset)
	}
}

// What was read of a deleted topic says nothing about one of the same name.
func TestCommitToATopicMadeAnew(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 3)
	k := c.Consumer("t", "g", WithMaxPollRecords(1))
	var old *Message
	for m := range k.Messages(t.Context()) {
		if old == nil {
			old = m
			require.NoError(t, c.Admin().DeleteTopic(t.Context(), "t"))
			seed(t, c, "t", 3)
			continue
		}
		require.EqualValues(t, 0, m.Offset)
		require.ErrorIs(t, old.Commit(t.Context()), ErrRebalanceInProgress)
		require.Empty(t, committed(t, c, "g", "t"))
		require.NoError(t, m.Commit(t.Context()))
		break
	}
	require.NoError(t, k.Err())
}
