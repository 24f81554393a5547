package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// seed sends the numbers from 0 to n-1 to a topic, to its partitions in turn.
func seed(t testing.TB, c *Client, topic string, n int) {
	t.Helper()
	seedFrom(t, c, topic, 0, n)
}

func seedFrom(t testing.TB, c *Client, topic string, from, to int) {
	t.Helper()
	if from == 0 {
		require.NoError(t, c.Admin().CreateTopic(t.Context(), topic, TopicConfig{}))
	}
	info, err := c.Admin().DescribeTopic(t.Context(), topic)
	require.NoError(t, err)
	p := c.Producer(topic, WithAcks(AcksLeader))
	for i := from; i < to; i++ {
		_, err := p.SendTo(t.Context(), i%info.Partitions, Message{Value: i})
		require.NoError(t, err)
	}
}

// committed is what a group has committed of a topic, by partition.
func committed(t testing.TB, c *Client, group, topic string) map[int]int64 {
	t.Helper()
	info, err := c.Admin().DescribeGroup(t.Context(), group)
	if errors.Is(err, ErrGroupNotFound) {
		return nil
	}
	require.NoError(t, err)
	offsets := map[int]int64{}
	for _, o := range info.Offsets {
		if o.Topic == topic && o.Committed >= 0 {
			offsets[int(o.Partition)] = o.Committed
		}
	}
	return offsets
}

// take reads n values.
func take(t testing.TB, k *Consumer, n int) (values []float64) {
	t.Helper()
	for m := range Take(k.Messages(t.Context()), n) {
		values = append(values, m.Value.(float64))
	}
	require.NoError(t, k.Err())
	require.Len(t, values, n)
	return values
}

func TestLoopGoesOnWhereTheLastEnded(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 10)
	k := c.Consumer("t", "g", WithUntilEnd())
	require.Equal(t, []float64{0, 1, 2}, take(t, k, 3))
	require.PanicsWithValue(t, "oops", func() {
		for m := range k.Messages(t.Context()) {
			require.Equal(t, 3.0, m.Value)
			panic("oops")
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for m := range k.Messages(ctx) {
		require.Equal(t, 4.0, m.Value, "nothing comes after the end of the context")
		cancel()
	}
	require.NoError(t, k.Err())
	for m, err := range k.All(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, 5.0, m.Value)
		break
	}
	var rest []float64
	for m := range k.Messages(t.Context()) {
		rest = append(rest, m.Value.(float64))
	}
	require.Equal(t, []float64{6, 7, 8, 9}, rest)
	for range k.Messages(ctx) {
		t.Fatal("a message for a context that has ended")
	}
	require.NoError(t, k.Err())
}

func TestOneLoopAtATime(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 2)
	k := c.Consumer("t", "g", WithUntilEnd())
	for range k.Messages(t.Context()) {
		for range k.Messages(t.Context()) {
			t.Fatal("a loop within a loop")
		}
		require.ErrorIs(t, k.Err(), ErrInvalidArgument)
	}
	require.NoError(t, k.Err())
}

func TestUntilEndOfEachLoop(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 3)
	for _, group := range []string{"", "g"} {
		k := c.Consumer("t", group, WithUntilEnd())
		n := 0
		for range k.Messages(t.Context()) {
			if n++; n == 2 {
				require.NoError(t, c.Producer("t").Send(t.Context(), Message{Value: 3}), "after the loop began")
			}
		}
		before := n
		for range k.Messages(t.Context()) {
			n++
		}
		require.NoError(t, k.Err())
		require.Equal(t, before+1, n)
		require.NoError(t, k.Close())
	}
}

// Auto-commit commits a message when the loop has asked for the next one.
func TestAutoCommitMarks(t *testing.T) {
	three := func(k *Consumer, ctx context.Context, end func()) {
		n := 0
		for range k.Messages(ctx) {
			if n++; n == 3 {
				end()
			}
		}
	}
	for _, tc := range []struct {
		name string
		loop func(t *testing.T, k *Consumer)
		want int64
	}{
		{"break", func(t *testing.T, k *Consumer) {
			n := 0
			for range k.Messages(t.Context()) {
				if n++; n == 3 {
					break
				}
			}
		}, 2},
		{"Take", func(t *testing.T, k *Consumer) { take(t, k, 3) }, 2},
		{"panic", func(t *testing.T, k *Consumer) {
			require.Panics(t, func() { three(k, t.Context(), func() { panic("oops") }) })
			require.NoError(t, k.Close())
		}, 2},
		{"Close within the loop", func(t *testing.T, k *Consumer) {
			three(k, t.Context(), func() { require.NoError(t, k.Close()) })
		}, 2},
		{"Close beside the loop", func(t *testing.T, k *Consumer) {
			three(k, t.Context(), func() {
				done := make(chan error)
				go func() { done <- k.Close() }()
				require.NoError(t, <-done)
			})
		}, 2},
		{"context", func(t *testing.T, k *Consumer) {
			ctx, cancel := context.WithCancel(t.Context())
			three(k, ctx, cancel)
		}, 3},
		{"Filter", func(t *testing.T, k *Consumer) {
			take(t, k.Filter(func(m *Message) bool { return m.Offset > 5 }), 1)
		}, 6},
		{"Chan", func(t *testing.T, k *Consumer) {
			ctx, cancel := context.WithCancel(t.Context())
			ch := k.Chan(ctx)
			for range 3 {
				<-ch
			}
			cancel()
			for range ch {
				t.Fatal("a message after the end of the context")
			}
		}, 2},
		{"Batches", func(t *testing.T, k *Consumer) {
			for b := range k.Batches(t.Context()) {
				if b.Messages[0].Offset == 4 {
					break
				}
			}
		}, 4},
		{"Subscribe", func(t *testing.T, k *Consumer) {
			s := k.Subscribe(t.Context(), Handler{OnNext: func(ctx context.Context, m *Message) error {
				if m.Offset == 3 {
					return errors.New("oops")
				}
				return nil
			}})
			require.EqualError(t, s.Wait(), "oops")
		}, 3},
		{"end", func(t *testing.T, k *Consumer) {
			for range k.Messages(t.Context()) {
			}
		}, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := open(t, WithInMemory())
			seed(t, c, "t", 10)
			k := c.Consumer("t", "g", WithAutoCommit(true), WithBatchSize(2), WithUntilEnd())
			tc.loop(t, k)
			require.NoError(t, k.Close())
			require.Equal(t, map[int]int64{0: tc.want}, committed(t, c, "g", "t"))
		})
	}
}

func TestAutoCommitInterval(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 10)
	k := c.Consumer("t", "g", WithAutoCommit(true), WithAutoCommitInterval(time.Minute), WithMaxPollRecords(1), WithUntilEnd())
	for msg := range k.Messages(t.Context()) {
		switch msg.Offset {
		case 3:
			require.Empty(t, committed(t, c, "g", "t"))
			m.Advance(time.Minute)
		case 4, 9:
			require.Equal(t, map[int]int64{0: 4}, committed(t, c, "g", "t"))
		}
	}
	require.Equal(t, map[int]int64{0: 10}, committed(t, c, "g", "t"))
}

func TestCommitIsCumulativeAndMonotonic(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 5)
	k := c.Consumer("t", "g", WithUntilEnd())
	var ms []*Message
	for m := range k.Messages(t.Context()) {
		ms = append(ms, m)
	}
	require.NoError(t, ms[3].Commit(t.Context()))
	require.Equal(t, map[int]int64{0: 4}, committed(t, c, "g", "t"))
	require.NoError(t, ms[1].Commit(t.Context()))
	require.Equal(t, map[int]int64{0: 4}, committed(t, c, "g", "t"))

	promises := []*Delivery{ms[2].CommitAsync(), ms[4].CommitAsync()}
	for i, p := range promises {
		md, err := p.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, ms[2+2*i].Offset, md.Offset)
	}
	require.Equal(t, map[int]int64{0: 5}, committed(t, c, "g", "t"))

	require.NoError(t, k.Close())
	require.ErrorIs(t, ms[4].Commit(t.Context()), ErrClosed)
	_, err := ms[4].CommitAsync().Wait(t.Context())
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, (&Message{}).Commit(t.Context()), ErrInvalidArgument)
	_, err = (&Message{}).CommitAsync().Wait(t.Context())
	require.ErrorIs(t, err, ErrInvalidArgument)
}

func TestStandaloneReaderCommitsNothing(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 5)
	k := c.Consumer("t", "", WithUntilEnd(), WithAutoCommit(true))
	for m := range k.Messages(t.Context()) {
		require.ErrorIs(t, m.Commit(t.Context()), ErrInvalidArgument)
	}
	require.NoError(t, k.Err())
	groups, err := c.Admin().ListGroups(t.Context())
	require.NoError(t, err)
	require.Empty(t, groups)
}

func TestCloseEndsALoopThatWaits(t *testing.T) {
	for _, group := range []string{"", "g"} {
		c := open(t, WithInMemory())
		seed(t, c, "t", 1)
		k := c.Consumer("t", group)
		got := make(chan struct{})
		done := make(chan error)
		go func() {
			for range k.Messages(t.Context()) {
				close(got)
			}
			done <- k.Err()
		}()
		<-got
		require.NoError(t, k.Close())
		require.NoError(t, <-done)
		require.NoError(t, k.Close())
		for range k.Messages(t.Context()) {
		}
		require.ErrorIs(t, k.Err(), ErrClosed)
		require.ErrorIs(t, k.Seek(t.Context(), "t", 0, 0), ErrClosed)
	}
}

// collect reads what a consumer gets on another goroutine, until it is stopped.
func collect(ctx context.Context, k *Consumer, into chan<- *Message) (done chan error) {
	done = make(chan error, 1)
	go func() {
		for m := range k.Messages(ctx) {
			into <- m
		}
		done <- k.Err()
	}()
	return done
}

// A loop whose context ends just when its consumer is closed gives back what it has in hand, which is no error.
func TestGivingBackToAClosedConsumer(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 1)
	k := c.Consumer("t", "g")
	for m := range k.Messages(t.Context()) {
		require.NoError(t, k.Close())
		require.NoError(t, k.reader.giveBack(t.Context(), m))
	}
	require.NoError(t, k.Err())
}

// Before a partition is given up, what is finished is committed; after that nothing of it is delivered or committed.
func TestRevocation(t *testing.T) {
	for _, assignor := range []string{AssignorRange, AssignorCooperativeSticky} {
		t.Run(assignor, func(t *testing.T) {
			c := open(t, WithInMemory(), WithDefaultPartitions(2))
			seed(t, c, "t", 40) // even numbers in one partition, odd ones in the other
			opts := []ConsumerOption{WithAutoCommit(true), WithAssignor(assignor), WithMaxPollRecords(1)}
			a, b := c.Consumer("t", "g", opts...), c.Consumer("t", "g", opts...)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			fromB := make(chan *Message, 40)
			var doneB chan error
			got := map[float64]int{}
			var fromA []*Message
			for m := range a.Messages(ctx) {
				got[m.Value.(float64)]++
				if fromA = append(fromA, m); len(fromA) == 10 {
					err := b.Seek(ctx, "t", 0, 0) // joins
					require.ErrorIs(t, err, ErrInvalidArgument)
					doneB = collect(ctx, b, fromB)
				}
				if len(fromA) == 25 { // ten before, and the other fifteen of the partition that a keeps
					break
				}
			}
			for len(got) < 40 {
				m := <-fromB
				got[m.Value.(float64)]++
			}
			cancel()
			require.NoError(t, <-doneB)
			for v, n := range got {
				require.Equal(t, 1, n, "value %v", v)
			}
			gone := 0
			for _, m := range fromA {
				if err := m.Commit(t.Context()); err != nil {
					require.ErrorIs(t, err, ErrRebalanceInProgress)
					require.False(t, IsRetriable(err))
					gone++
				}
			}
			if assignor == AssignorRange {
				require.Equal(t, 10, gone, "everything was given up once")
			} else {
				require.Equal(t, 5, gone)
			}
		})
	}
}

func TestRemovedMember(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 10)
	k := c.Consumer("t", "g", WithMaxPollInterval(time.Minute), WithSessionTimeout(10*time.Second))
	var old *Message
	for msg := range k.Messages(t.Context()) {
		m.Advance(59 * time.Second)
		require.NoError(t, msg.Commit(t.Context()), "slow, but neither dead nor stuck")
		old = msg
		m.Advance(2 * time.Second)
		err := msg.Commit(t.Context())
		require.ErrorIs(t, err, ErrRebalanceInProgress, "stuck")
		require.ErrorIs(t, err, ErrFenced)
		break
	}
	for msg := range k.Messages(t.Context()) {
		if msg.Offset == 9 {
			break // buffered before the removal was known
		}
	}
	require.NoError(t, c.Producer("t").Send(t.Context(), Message{Value: 10}))
	for msg := range k.Messages(t.Context()) {
		require.Equal(t, int64(1), msg.Offset, "from what was committed, as a new member")
		require.ErrorIs(t, old.Commit(t.Context()), ErrRebalanceInProgress)
		require.NoError(t, msg.Commit(t.Context()))
		break
	}
	require.Equal(t, map[int]int64{0: 2}, committed(t, c, "g", "t"))
}

func TestIdleMembersStay(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 1)
	k := c.Consumer("t", "g", WithMaxPollInterval(time.Minute), WithSessionTimeout(10*time.Second))
	ctx, cancel := context.WithCancel(t.Context())
	got, done := make(chan *Message, 10), make(chan struct{})
	go func() {
		defer close(done)
		for msg := range k.Messages(ctx) {
			got <- msg
		}
	}()
	first := <-got
	for range 60 {
		m.WaitForTimers(4) // the poll's, the heartbeat's, the group's and that of the maintenance
		m.Advance(10 * time.Second)
	}
	require.NoError(t, first.Commit(t.Context()))
	cancel()
	<-done
}

func TestUndecodable(t *testing.T) {
	setup := func(t *testing.T) *Client {
		c := open(t, WithInMemory(), WithCodec(JSON))
		require.NoError(t, c.Producer("t").SendBatch(t.Context(), []Message{{Value: 0}, {Value: 1}, {Value: 2}}))
		bad := Message{Key: "k", Value: []byte("{secret"), Headers: map[string]string{"h": "v"}}
		raw := open(t, WithInMemory(), WithCodec(Raw))
		require.NoError(t, raw.Producer("r").Send(t.Context(), bad))
		for m := range raw.Consumer("r", "").Messages(t.Context()) {
			require.NoError(t, c.Producer("t").Send(t.Context(), m.Forward()))
			break
		}
		require.NoError(t, c.Producer("t").Send(t.Context(), Message{Value: 4}))
		return c
	}
	values := func(k *Consumer) (vs []any) {
		for m := range k.Messages(t.Context()) {
			vs = append(vs, m.Value)
		}
		return vs
	}
	t.Run("Fail", func(t *testing.T) {
		c := setup(t)
		k := c.Consumer("t", "g", WithUntilEnd(), WithAutoCommit(true))
		require.Equal(t, []any{0.0, 1.0, 2.0}, values(k))
		for range 2 {
			require.ErrorIs(t, k.Err(), ErrSerialization)
			var e *Error
			require.ErrorAs(t, k.Err(), &e)
			require.Equal(t, "t", e.Topic)
			require.ErrorContains(t, e, "offset 3")
			require.NotContains(t, e.Error(), "secret")
			require.Equal(t, map[int]int64{0: 3}, committed(t, c, "g", "t"))
			require.Empty(t, values(k), "the position stays")
		}
		var last error
		for _, err := range k.All(t.Context()) {
			last = err
		}
		require.ErrorIs(t, last, ErrSerialization)
	})
	t.Run("Skip", func(t *testing.T) {
		c := setup(t)
		k := c.Consumer("t", "g", WithUntilEnd(), WithAutoCommit(true), WithOnError(Skip))
		require.Equal(t, []any{0.0, 1.0, 2.0, 4.0}, values(k))
		require.NoError(t, k.Err())
		require.Equal(t, map[int]int64{0: 5}, committed(t, c, "g", "t"))
	})
	t.Run("DeadLetter", func(t *testing.T) {
		c := setup(t)
		k := c.Consumer("t", "g", WithUntilEnd(), WithOnError(DeadLetter), WithDeadLetter("t-dlq", 1))
		require.Equal(t, []any{0.0, 1.0, 2.0, 4.0}, values(k))
		require.NoError(t, k.Err())
		n := 0
		for m := range c.Consumer("t-dlq", "", WithUntilEnd(), WithRawValues()).Messages(t.Context()) {
			require.Equal(t, "{secret", string(m.Bytes()))
			require.Equal(t, "k", m.Key)
			require.Contains(t, m.Headers[HeaderError], "kafka")
			require.NotContains(t, m.Headers[HeaderError], "secret")
			delete(m.Headers, HeaderError)
			require.Equal(t, map[string]string{
				"h": "v", HeaderOriginalTopic: "t", HeaderOriginalPartition: "0", HeaderOriginalOffset: "3",
			}, m.Headers)
			n++
		}
		require.Equal(t, 1, n)
	})
}

func TestConsumerOptionsThatCannotBeRight(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 1)
	for name, opt := range map[string]ConsumerOption{
		"no records a poll":       WithMaxPollRecords(0),
		"empty batches":           WithBatchSize(0),
		"nothing in flight":       WithMaxInFlight(0),
		"no workers":              WithWorkers(0),
		"no dead letters":         WithOnError(DeadLetter),
		"dead letters in a cycle": WithDeadLetter("t", 3),
		"unknown assignor":        WithAssignor("fair"),
	} {
		t.Run(name, func(t *testing.T) {
			k := c.Consumer("t", "g", opt)
			for range k.Messages(t.Context()) {
				t.Fatal("a message")
			}
			require.ErrorIs(t, k.Err(), ErrInvalidArgument)
		})
	}
}

func TestTypedConsumer(t *testing.T) {
	type order struct {
		N int `json:"n"`
	}
	c := open(t, WithInMemory())
	for i := range 5 {
		require.NoError(t, c.Producer("t").Send(t.Context(), Message{Value: order{i}}))
	}
	k := NewTypedConsumer[order](c, "t", "g", WithUntilEnd())
	var ns []int
	for m := range k.Filter(func(m *TypedMessage[order]) bool { return m.Value.N%2 == 0 }).Messages(t.Context()) {
		ns = append(ns, m.Value.N)
		require.NoError(t, m.Commit(t.Context()))
	}
	require.Equal(t, []int{0, 2, 4}, ns)
	require.NoError(t, k.Seek(t.Context(), "t", 0, 3))
	for m, err := range k.All(t.Context()) {
		require.NoError(t, err)
		ns = append(ns, m.Value.N)
	}
	require.Equal(t, []int{0, 2, 4, 3, 4}, ns)
	require.NoError(t, k.Seek(t.Context(), "t", 0, 4))
	for b := range k.Batches(t.Context()) {
		require.Equal(t, map[string]any{"n": 4.0}, b.Messages[0].Value, "what is not typed has untyped values")
	}
}

func TestTopicsAreMadeByUseIfAllowed(t *testing.T) {
	c := open(t, WithInMemory(), WithAutoCreateTopics(false))
	k := c.Consumer("t", "g", WithUntilEnd())
	for range k.Messages(t.Context()) {
		t.Fatal("a message")
	}
	require.ErrorIs(t, k.Err(), ErrTopicNotFound)
	seed(t, c, "t", 1)
	k = c.Consumer("t", "g", WithUntilEnd(), WithDeadLetter("dead", 1))
	err := k.Parallel(t.Context(), 1, func(context.Context, *Message) error { return errors.New("oops") })
	require.ErrorIs(t, err, ErrTopicNotFound, "there is no topic for the dead letters")
	require.ErrorContains(t, err, "oops")
	require.Empty(t, committed(t, c, "g", "t"))
}

func TestRawValues(t *testing.T) {
	c := open(t, WithInMemory(), WithCodec(JSON))
	seed(t, c, "t", 8)
	for m := range c.Consumer("t", "", WithRawValues(), WithOffsetTime(epoch)).Messages(t.Context()) {
		require.Nil(t, m.Value)
		require.Equal(t, "0", string(m.Bytes()))
		break
	}
}
