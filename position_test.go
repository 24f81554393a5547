package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

func TestSeekWithinALoop(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 10)
	k := c.Consumer("t", "g", WithUntilEnd())
	require.NoError(t, k.Seek(t.Context(), "t", 0, 7), "before the first loop")
	position, err := k.Position("t", 0)
	require.NoError(t, err)
	require.Equal(t, int64(7), position)
	var got []int64
	for m := range k.Messages(t.Context()) {
		got = append(got, m.Offset)
		position, err := k.Position("t", 0)
		require.NoError(t, err)
		require.Equal(t, m.Offset+1, position)
		if len(got) == 2 {
			require.NoError(t, k.Seek(t.Context(), "t", 0, 1))
			position, err := k.Position("t", 0)
			require.NoError(t, err)
			require.Equal(t, int64(1), position)
		}
		if m.Offset == 2 {
			lag, err := k.Lag(t.Context())
			require.NoError(t, err)
			require.Equal(t, int64(7), lag)
			require.NoError(t, k.Seek(t.Context(), "t", 0, 9), "forward")
		}
	}
	require.NoError(t, k.Err())
	require.Equal(t, []int64{7, 8, 1, 2, 9}, got)
	require.ErrorIs(t, k.Seek(t.Context(), "t", 0, 11), ErrOffsetOutOfRange)
	require.ErrorIs(t, k.Seek(t.Context(), "t", 0, -1), ErrOffsetOutOfRange)
	require.ErrorIs(t, k.Seek(t.Context(), "t", 1, 0), ErrInvalidArgument)
	_, err = k.Position("t", 1)
	require.ErrorIs(t, err, ErrInvalidArgument)
}

// A seek beside a loop that waits wakes it, and what a poll had taken before is void.
func TestSeekBesideALoop(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 3)
	k := c.Consumer("t", "g")
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan *Message)
	done := collect(ctx, k, got)
	for i := range 3 {
		require.Equal(t, int64(i), (<-got).Offset)
	}
	for i := range 50 {
		require.NoError(t, k.Seek(t.Context(), "t", 0, int64(i%3)))
		for m := range got {
			if m.Offset == int64(i%3) {
				break // one that was on its way may come before
			}
		}
	}
	cancel()
	for {
		select {
		case <-got:
		case err := <-done:
			require.NoError(t, err)
			return
		}
	}
}

// The first question for a position, while a loop runs, is answered as of the last poll.
func TestPositionWithinALoop(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 10)
	k := c.Consumer("t", "g", WithUntilEnd())
	_, err := k.Position("t", 0)
	require.ErrorIs(t, err, ErrInvalidArgument, "it is not open")
	for m := range k.Messages(t.Context()) {
		if m.Offset < 3 {
			continue
		}
		position, err := k.Position("t", 0)
		require.NoError(t, err)
		if m.Offset == 3 {
			require.Zero(t, position)
		} else {
			require.Equal(t, m.Offset+1, position)
		}
	}
}

func TestSeekToTime(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(2))
	require.NoError(t, c.Admin().CreateTopic(t.Context(), "t", TopicConfig{}))
	for i := range 10 {
		_, err := c.Producer("t").SendTo(t.Context(), i%2, Message{Value: i, Timestamp: epoch.Add(time.Duration(i) * time.Hour)})
		require.NoError(t, err)
	}
	k := c.Consumer("t", "g", WithUntilEnd())
	require.NoError(t, k.SeekToTime(t.Context(), epoch.Add(5*time.Hour)))
	require.ElementsMatch(t, []float64{5, 6, 7, 8, 9}, take(t, k, 5))
	for range k.Messages(t.Context()) {
		t.Fatal("a sixth")
	}
	r := c.Consumer("t", "replay", WithUntilEnd(), WithOffsetTime(epoch.Add(8*time.Hour)))
	require.ElementsMatch(t, []float64{8, 9}, take(t, r, 2))
}

func TestPause(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(2))
	seed(t, c, "t", 20)
	k := c.Consumer("t", "g", WithUntilEnd())
	k.Pause("t", 1) // before it is open
	var got []float64
	for m := range k.Messages(t.Context()) {
		got = append(got, m.Value.(float64))
		switch len(got) {
		case 3:
			k.Pause("t", 0) // with seven buffered
			k.Resume("t", 1)
		case 8:
			k.Resume("t", 0)
		}
		if len(got) > 3 && len(got) <= 8 {
			require.Equal(t, 1, m.Partition)
		}
	}
	require.NoError(t, k.Err())
	require.Equal(t, []float64{0, 2, 4}, got[:3])
	all := map[float64]bool{}
	for _, v := range got {
		require.False(t, all[v], "%v came twice", v)
		all[v] = true
	}
	require.Len(t, all, 20)
}

func TestStartingPoints(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 5)
	latest := c.Consumer("t", "late", WithOffset(OffsetLatest), WithUntilEnd())
	for range latest.Messages(t.Context()) {
		t.Fatal("nothing is new")
	}
	seedFrom(t, c, "t", 5, 6)
	require.Equal(t, []float64{5}, take(t, latest, 1))
	require.Equal(t, []float64{0}, take(t, c.Consumer("t", "early", WithOffset(OffsetEarliest)), 1))

	// A committed offset that is not in the log any more follows WithOffset.
	k := c.Consumer("t", "gone", WithAutoCommit(true), WithUntilEnd())
	require.Equal(t, []float64{0, 1}, take(t, k, 2))
	require.NoError(t, k.Close())
	require.NoError(t, c.Admin().DeleteRecords(t.Context(), "t", 0, 3))
	require.Equal(t, []float64{3}, take(t, c.Consumer("t", "gone"), 1))
}

func TestSubscriptionOverSeveralTopics(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "a", 3)
	seed(t, c, "b", 3)
	seen := map[string]int{}
	k := c.Consumer("a", "g", WithTopics("b"), WithUntilEnd())
	for m := range k.Messages(t.Context()) {
		seen[m.Topic]++
		require.NoError(t, m.Commit(t.Context()))
	}
	require.Equal(t, map[string]int{"a": 3, "b": 3}, seen)
	require.Equal(t, map[int]int64{0: 3}, committed(t, c, "g", "b"))
}

// A poll waits for the minimum of bytes, but not for longer than the fetch wait.
func TestFetchMinBytes(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m), WithCodec(Raw))
	p := c.Producer("t")
	require.NoError(t, p.Send(t.Context(), Message{Value: "0123456789"}))
	k := c.Consumer("t", "", WithFetchMinBytes(20), WithFetchMaxWaitMs(700))
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan *Message)
	done := collect(ctx, k, got)
	m.WaitForTimers(2) // the engine's and the fetch wait
	select {
	case <-got:
		t.Fatal("ten bytes are not enough")
	default:
	}
	m.Advance(699 * time.Millisecond)
	select {
	case <-got:
		t.Fatal("ten bytes are not enough")
	default:
	}
	m.Advance(time.Millisecond)
	require.Equal(t, int64(0), (<-got).Offset)

	require.NoError(t, p.SendBatch(t.Context(), []Message{{Value: "0123456789"}, {Value: "0123456789"}}))
	require.Equal(t, int64(1), (<-got).Offset, "enough")
	require.Equal(t, int64(2), (<-got).Offset)
	cancel()
	require.NoError(t, <-done)
}

func TestMaxPollRecords(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 50)
	k := c.Consumer("t", "g", WithMaxPollRecords(7))
	n := 0
	for range k.Messages(t.Context()) {
		buffered := 0
		for _, f := range k.reader.buffer {
			buffered += len(f.Records)
		}
		require.Equal(t, min(7, 50-n/7*7), buffered)
		if n++; n == 50 {
			break
		}
	}
}

// A static member that comes back within the session timeout has what it had; after that others do.
func TestGroupInstanceAndSessionTimeout(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 3)
	static := func() *Consumer {
		return c.Consumer("t", "g", WithGroupInstanceID("one"), WithSessionTimeout(30*time.Second))
	}
	k := static()
	take(t, k, 1)
	require.NoError(t, k.Close())

	other := c.Consumer("t", "g")
	require.ErrorIs(t, other.Seek(t.Context(), "t", 0, 0), ErrInvalidArgument, "kept for the static member")
	m.Advance(29 * time.Second)
	k = static()
	take(t, k, 1)
	usurper := static()
	take(t, usurper, 1)
	for m, err := range k.All(t.Context()) {
		if m == nil {
			require.ErrorIs(t, err, ErrFenced)
		}
	}
	require.ErrorIs(t, k.Err(), ErrFenced)

	require.NoError(t, usurper.Close())
	m.Advance(31 * time.Second)
	require.NoError(t, other.Seek(t.Context(), "t", 0, 0), "given to the other")
}
