package cluster

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

func (o *opened) consumer(c engine.ConsumerConfig) engine.Consumer {
	o.Helper()
	if c.Topics == nil {
		c.Topics = []string{o.topic}
	}
	c.HeartbeatInterval = 50 * time.Millisecond
	k, err := o.OpenConsumer(o.Context(), c)
	require.NoError(o, err)
	o.Cleanup(func() { require.NoError(o, k.Close(context.Background())) })
	return k
}

// poll polls until there are n records.
func (o *opened) poll(k engine.Consumer, n int) (values []string) {
	o.Helper()
	for len(values) < n {
		fetches, err := k.Poll(o.Context(), n-len(values))
		require.NoError(o, err)
		for _, f := range fetches {
			for _, r := range f.Records {
				values = append(values, string(r.Value))
			}
		}
	}
	return values
}

// pollToError polls until there is an error other than that a poll was short.
func (o *opened) pollToError(k engine.Consumer) error {
	for {
		ctx, cancel := context.WithTimeout(o.Context(), 20*time.Millisecond)
		_, err := k.Poll(ctx, 10)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// A reader of several topics is told once that one is gone, and goes on with the others; one that is made anew is read from
// its start.
func TestReaderOfTopicsThatGoAndCome(t *testing.T) {
	o := openTopic(t, 1)
	others := "other-" + o.topic
	require.NoError(t, o.CreateTopic(t.Context(), others, engine.TopicConfig{}))
	o.send(0, "a")
	k := o.consumer(engine.ConsumerConfig{Topics: []string{o.topic, others}})
	require.Equal(t, []string{"a"}, o.poll(k, 1))
	require.NoError(t, o.DeleteTopic(t.Context(), others))
	o.Engine.(*cluster).lookAgain()
	require.ErrorIs(t, o.pollToError(k), engine.ErrTopicNotFound)
	require.Equal(t, []engine.TopicPartition{o.tp(0)}, k.Assignment())
	o.send(0, "b")
	require.Equal(t, []string{"b"}, o.poll(k, 1))

	require.NoError(t, o.DeleteTopic(t.Context(), o.topic))
	require.NoError(t, o.CreateTopic(t.Context(), o.topic, engine.TopicConfig{}))
	o.send(0, "c")
	o.Engine.(*cluster).lookAgain()
	require.Equal(t, []string{"c"}, o.poll(k, 1))
}

// Records behind the end as it was are held back, for the next time.
func TestUntilEndHoldsBack(t *testing.T) {
	o := openTopic(t, 2)
	o.send(0, "a", "b")
	o.send(1, "c")
	k := o.consumer(engine.ConsumerConfig{UntilEnd: true})
	first := o.poll(k, 1)
	o.send(0, "d", "e")
	o.send(1, "f")
	require.ElementsMatch(t, []string{"a", "b", "c"}, append(first, o.pollToEnd(k)...))
	require.ElementsMatch(t, []string{"d", "e", "f"}, o.poll(k, 3))
	require.ErrorIs(t, o.pollToError(k), io.EOF)

	o.send(0, "g")
	require.NoError(t, k.Seek(t.Context(), o.tp(0), 3)) // e and g are fetched together
	require.Equal(t, []string{"e", "g"}, o.pollToEnd(k))
	require.NoError(t, k.Seek(t.Context(), o.tp(0), 3))
	require.Equal(t, []string{"e"}, o.poll(k, 1))
	o.send(0, "h")
	require.NoError(t, k.Seek(t.Context(), o.tp(0), 3)) // e, g and h are
	require.Equal(t, []string{"e", "g"}, o.pollToEnd(k))
	require.Equal(t, []string{"h"}, o.pollToEnd(k), "what was held back")
	require.Empty(t, o.pollToEnd(k))
}

// pollToEnd polls until io.EOF.
func (o *opened) pollToEnd(k engine.Consumer) (values []string) {
	o.Helper()
	for {
		fetches, err := k.Poll(o.Context(), 100)
		if err == io.EOF {
			return values
		}
		require.NoError(o, err)
		for _, f := range fetches {
			for _, r := range f.Records {
				values = append(values, string(r.Value))
			}
		}
	}
}

// A start that is not in the log any more: the configuration says where to go on.
func TestCommittedOffsetIsGone(t *testing.T) {
	o := openTopic(t, 1)
	o.send(0, "a", "b", "c")
	require.NoError(t, o.SetOffsets(t.Context(), o.group, map[engine.TopicPartition]int64{o.tp(0): 1}))
	require.NoError(t, o.DeleteRecords(t.Context(), o.tp(0), 2))
	require.Equal(t, []string{"c"}, o.read(engine.ConsumerConfig{Group: o.group}))
	require.Empty(t, o.read(engine.ConsumerConfig{Group: o.group, Start: engine.StartLatest}))
}

func TestCommitBeyondTheEnd(t *testing.T) {
	o := openTopic(t, 1)
	o.send(0, "a", "b")
	k := o.consumer(engine.ConsumerConfig{Group: o.group})
	o.poll(k, 1)
	require.ErrorIs(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{o.tp(0): 3}), engine.ErrOffsetOutOfRange)
	require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{o.tp(0): 2}))
	err := k.Commit(t.Context(), map[engine.TopicPartition]int64{o.tp(1): 1})
	require.ErrorIs(t, err, engine.ErrRebalanceInProgress, "a partition that is not its own")
}

// A member whose program is busy keeps its partitions until it polls, and may commit before it gives them up.
func TestRevocationWaitsForThePoll(t *testing.T) {
	o := openTopic(t, 2)
	o.send(0, "a")
	o.send(1, "b")
	revoked := make(chan []engine.TopicPartition, 10)
	var busy engine.Consumer
	busy = o.consumer(engine.ConsumerConfig{Group: o.group, OnRevoked: func(ctx context.Context, tps []engine.TopicPartition) {
		next := map[engine.TopicPartition]int64{}
		for _, tp := range tps {
			next[tp] = 1
		}
		ctx = context.WithoutCancel(ctx) // that of a short poll
		require.NoError(t, busy.Commit(ctx, next))
		revoked <- tps
	}})
	o.poll(busy, 2)
	other := o.consumer(engine.ConsumerConfig{Group: o.group})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := other.Poll(ctx, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, other.Assignment())
	require.Empty(t, revoked)
	require.Len(t, busy.Assignment(), 2)
	for len(other.Assignment()) == 0 {
		for _, k := range []engine.Consumer{busy, other} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			fetches, err := k.Poll(ctx, 1)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Empty(t, fetches, "all of it is committed")
		}
	}
	require.Len(t, <-revoked, 2)
}

// A member that does not poll while its partitions are asked for loses them after the poll interval; it is told.
func TestRevocationDoesNotWaitForEver(t *testing.T) {
	o := openTopic(t, 1)
	o.send(0, "a")
	lost := make(chan []engine.TopicPartition, 10)
	e := o.Engine.(*cluster)
	k := o.consumer(engine.ConsumerConfig{
		Group: o.group, MaxPollInterval: time.Hour, OnLost: func(tps []engine.TopicPartition) { lost <- tps },
	}).(*consumer)
	o.poll(k, 1)
	k.config.MaxPollInterval = 50 * time.Millisecond // of the handover, not of the group
	m := k.member
	m.revoked(t.Context(), m.cl, map[string][]int32{o.topic: {0}})
	require.Empty(t, k.Assignment())
	require.ErrorIs(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{o.tp(0): 1}), engine.ErrRebalanceInProgress)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := k.Poll(ctx, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, []engine.TopicPartition{o.tp(0)}, <-lost)
	require.NotNil(t, e)
}

// A member that waits for another one, which does not poll, to hand over its partitions can be closed all the same, and
// has left then.
func TestCloseWhileJoining(t *testing.T) {
	for _, instance := range []string{"", "static"} {
		t.Run("instance "+instance, func(t *testing.T) {
			o := openTopic(t, 1)
			o.send(0, "a")
			busy := o.consumer(engine.ConsumerConfig{Group: o.group, Assignors: []string{"range"}})
			o.poll(busy, 1)
			require.NoError(t, busy.Commit(t.Context(), map[engine.TopicPartition]int64{o.tp(0): 1}))
			other := openEngineWithin(t, o.url, 3*time.Second)
			k, err := other.OpenConsumer(t.Context(), engine.ConsumerConfig{
				Topics: []string{o.topic}, Group: o.group, Assignors: []string{"range"}, InstanceID: instance,
			})
			require.NoError(t, err)
			for state := ""; state != "PreparingRebalance"; {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				_, err = k.Poll(ctx, 1)
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
				info, err := o.DescribeGroup(t.Context(), o.group)
				require.NoError(t, err)
				state = info.State
			}
			begun := time.Now()
			require.NoError(t, k.Close(t.Context()))
			require.NoError(t, other.Close())
			require.Less(t, time.Since(begun), 10*time.Second)
			o.send(0, "b")
			if instance == "" {
				require.Equal(t, []string{"b"}, o.poll(busy, 1), "it has the partition for itself")
			}
		})
	}
}

// Closing, by whichever way, lets finished work be committed.
func TestCloseCommits(t *testing.T) {
	for _, by := range []string{"consumer", "engine"} {
		t.Run(by, func(t *testing.T) {
			o := openTopic(t, 1)
			o.send(0, "a")
			other := openEngine(t, o.url)
			var k engine.Consumer
			k, err := other.OpenConsumer(t.Context(), engine.ConsumerConfig{
				Topics: []string{o.topic}, Group: o.group,
				OnRevoked: func(ctx context.Context, tps []engine.TopicPartition) {
					require.NoError(t, k.Commit(ctx, map[engine.TopicPartition]int64{tps[0]: 1}))
				},
			})
			require.NoError(t, err)
			o.poll(k, 1)
			if by == "consumer" {
				require.NoError(t, k.Close(t.Context()))
			}
			require.NoError(t, other.Close())
			g, err := o.DescribeGroup(t.Context(), o.group)
			require.NoError(t, err)
			require.Equal(t, "Empty", g.State, "it has left")
			require.EqualValues(t, 1, g.Offsets[0].Committed)
		})
	}
}

func BenchmarkAccept(b *testing.B) {
	b.ReportAllocs()
	fetched := &kgo.FetchPartition{HighWatermark: 1000}
	for i := range int64(1000) {
		fetched.Records = append(fetched.Records, &kgo.Record{
			Offset: i, Key: []byte("customer-0000017"), Value: make([]byte, 100), Headers: []kgo.RecordHeader{
				{Key: engine.CodecHeader, Value: []byte("json")},
			},
		})
	}
	b.SetBytes(1000 * 100)
	c := &consumer{e: &cluster{}}
	for b.Loop() {
		c.accept(engine.TopicPartition{}, &place{until: forever}, fetched)
	}
}
