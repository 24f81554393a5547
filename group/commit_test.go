package group

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func committed(h *harness, tp engine.TopicPartition) int64 {
	offset, ok := h.Committed("g", tp)
	if !ok {
		return -1
	}
	return offset
}

func TestCommitIsMonotonic(t *testing.T) {
	h := start(t, map[string]int{"t": 2})
	m := h.join(t, request(Range, "t"))
	reads(m)
	require.EqualValues(t, -1, committed(h, tp("t", 0)))
	require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 10}))
	require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 4, tp("t", 1): 0}), "the lower one is ignored")
	require.Equal(t, offsets{tp("t", 0): 10, tp("t", 1): 0}, h.store.groups["g"])
	require.EqualValues(t, 10, committed(h, tp("t", 0)))
	calls := h.store.calls
	require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 10}))
	require.NoError(t, m.Commit(t.Context(), nil))
	require.Equal(t, calls, h.store.calls, "nothing new, nothing stored")
}

func TestCommitRejects(t *testing.T) {
	h := start(t, map[string]int{"t": 1, "u": 1})
	m := h.join(t, request(Range, "t"))
	reads(m)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		ctx  context.Context
		o    offsets
		want error
	}{
		{"a negative offset", t.Context(), offsets{tp("t", 0): -1}, engine.ErrInvalidArgument},
		{"beyond the topic", t.Context(), offsets{tp("t", 1): 1}, engine.ErrFenced},
		{"a negative partition", t.Context(), offsets{tp("t", -1): 1}, engine.ErrFenced},
		{"a topic not subscribed to", t.Context(), offsets{tp("u", 0): 1}, engine.ErrFenced},
		{"one of two", t.Context(), offsets{tp("t", 0): 1, tp("u", 0): 1}, engine.ErrFenced},
		{"an ended context", ended, offsets{tp("t", 0): 1}, context.Canceled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.ErrorIs(t, m.Commit(tc.ctx, tc.o), tc.want)
			if tc.ctx == t.Context() {
				_, err := m.Claim(tc.o)
				require.ErrorIs(t, err, tc.want)
			}
		})
	}
	require.Zero(t, h.store.calls)
}

func TestCommitReturnsTheStoresError(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	m := h.join(t, request(Range, "t"))
	reads(m)
	require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 1}))
	broken := errors.New("broken")
	h.store.err = broken
	require.ErrorIs(t, m.Commit(t.Context(), offsets{tp("t", 0): 2}), broken)
	require.EqualValues(t, 1, committed(h, tp("t", 0)))
	h.store.err = nil
	require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 2}))
	require.EqualValues(t, 2, committed(h, tp("t", 0)))
}

// Commits that come in while the store works share its next call, and the highest offset of each partition wins.
// Heartbeats and polls go on meanwhile.
func TestCommitsShareACall(t *testing.T) {
	h := start(t, map[string]int{"t": 2})
	h.store.gate, h.store.enter = make(chan struct{}), make(chan struct{})
	m := h.join(t, request(Range, "t"))
	reads(m)
	results := make(chan error)
	commit := func(ctx context.Context, o offsets) { results <- m.Commit(ctx, o) }

	go commit(t.Context(), offsets{tp("t", 0): 1})
	<-h.store.enter
	go commit(t.Context(), offsets{tp("t", 0): 5})
	go commit(t.Context(), offsets{tp("t", 0): 4, tp("t", 1): 2})
	batched := func(want offsets) func() bool {
		return func() bool { return m.group.batch != nil && maps.Equal(want, m.group.batch.offsets) }
	}
	m.group.until(batched(offsets{tp("t", 0): 5, tp("t", 1): 2}))
	short, cancel := context.WithCancel(t.Context())
	go commit(short, offsets{tp("t", 1): 3})
	m.group.until(batched(offsets{tp("t", 0): 5, tp("t", 1): 3}))
	cancel()
	require.ErrorIs(t, <-results, context.Canceled)
	require.Equal(t, "t-0 t-1", reads(m))
	require.Equal(t, "t-0 t-1", format(m.Heartbeat().Partitions))

	h.store.gate <- struct{}{}
	require.NoError(t, <-results)
	<-h.store.enter
	h.store.gate <- struct{}{}
	require.NoError(t, <-results)
	require.NoError(t, <-results)
	require.Equal(t, 2, h.store.calls)
	require.Equal(t, offsets{tp("t", 0): 5, tp("t", 1): 3}, h.store.groups["g"])
	require.EqualValues(t, 5, committed(h, tp("t", 0)))
}

// until waits for what goroutines of the test are about to do.
func (g *group) until(condition func() bool) {
	for done := false; !done; runtime.Gosched() {
		g.mu.Lock()
		done = condition()
		g.mu.Unlock()
	}
}

func TestNonMembersOffsets(t *testing.T) {
	h := start(t, map[string]int{"t": 2})
	h.Restore("g", tp("t", 0), 5)
	h.Restore("g", tp("t", 0), 3)
	require.EqualValues(t, 3, committed(h, tp("t", 0)))
	h.ApplyOffsets("g", offsets{tp("t", 0): 2, tp("t", 1): 7})
	require.EqualValues(t, 3, committed(h, tp("t", 0)))
	require.EqualValues(t, 7, committed(h, tp("t", 1)))
	require.Zero(t, h.store.calls, "these are in the journal already")

	info, err := h.Describe("g")
	require.NoError(t, err)
	require.Equal(t, engine.GroupInfo{ID: "g", State: StateEmpty, Offsets: []engine.GroupOffset{
		{TopicPartition: tp("t", 0), Committed: 3}, {TopicPartition: tp("t", 1), Committed: 7}}}, info)
}

func TestSetOffsets(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	require.NoError(t, h.SetOffsets("g", offsets{tp("t", 0): 9}), "makes the group")
	require.NoError(t, h.SetOffsets("g", offsets{tp("t", 0): 2}), "moves back")
	require.EqualValues(t, 2, committed(h, tp("t", 0)))
	require.Equal(t, offsets{tp("t", 0): 2}, h.store.groups["g"])
	require.ErrorIs(t, h.SetOffsets("g", offsets{tp("t", 0): -1}), engine.ErrInvalidArgument)
	require.ErrorIs(t, h.SetOffsets("g", offsets{tp("t", 1): 1}), engine.ErrPartitionNotFound)

	h.store.err = errors.New("broken")
	require.ErrorIs(t, h.SetOffsets("g", offsets{tp("t", 0): 1}), h.store.err)
	require.ErrorIs(t, h.SetOffsets("new", offsets{tp("t", 0): 1}), h.store.err)
	require.EqualValues(t, 2, committed(h, tp("t", 0)))
	h.store.err = nil

	m := h.join(t, request(Range, "t"))
	require.ErrorIs(t, h.SetOffsets("g", offsets{tp("t", 0): 1}), engine.ErrGroupNotEmpty)
	require.NoError(t, m.Leave())
	require.NoError(t, h.SetOffsets("g", offsets{tp("t", 0): 1}))
	groups, _ := h.Count()
	require.Equal(t, 1, groups, "a failed reset leaves no group behind")
}

func TestDelete(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	require.ErrorIs(t, h.Delete("g"), engine.ErrGroupNotFound)
	require.EqualValues(t, -1, committed(h, tp("t", 0)))
	m := h.join(t, request(Range, "t"))
	reads(m)
	require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 1}))
	require.ErrorIs(t, h.Delete("g"), engine.ErrGroupNotEmpty)
	require.NoError(t, m.Leave())
	h.store.err = errors.New("broken")
	require.ErrorIs(t, h.Delete("g"), h.store.err)
	require.EqualValues(t, 1, committed(h, tp("t", 0)))
	h.store.err = nil
	require.NoError(t, h.Delete("g"))
	require.Empty(t, h.List())
	require.Empty(t, h.store.groups)
	_, err := h.Describe("g")
	require.ErrorIs(t, err, engine.ErrGroupNotFound)
}

func TestGroupWithoutOffsetsIsForgotten(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	a := h.join(t, request(Range, "t"))
	require.NoError(t, a.Leave())
	require.Empty(t, h.List())
	h.join(t, request(Range, "t"))
	g, err := h.Describe("g")
	require.NoError(t, err)
	require.Equal(t, StateCompletingRebalance, g.State)
	require.Len(t, g.Members, 1)
	require.Equal(t, []engine.GroupInfo{g}, h.List())
	h.clock.Advance(request(Range).SessionTimeout)
	require.Empty(t, h.List())
}

// Who joins while the group is being reset or deleted waits, and sees what came of it.
func TestJoinWaitsForReset(t *testing.T) {
	for _, tc := range []struct {
		name  string
		admin func(*harness) error
		want  int64
	}{
		{"reset", func(h *harness) error { return h.SetOffsets("g", offsets{tp("t", 0): 3}) }, 3},
		{"delete", func(h *harness) error { return h.Delete("g") }, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := start(t, map[string]int{"t": 1})
			h.Restore("g", tp("t", 0), 9)
			h.store.gate, h.store.enter = make(chan struct{}), make(chan struct{})
			done, joined := make(chan error), make(chan int64)
			go func() { done <- tc.admin(h) }()
			<-h.store.enter
			go func() {
				if _, err := h.Join(t.Context(), request(Range, "t")); err != nil {
					joined <- -2
				}
				joined <- committed(h, tp("t", 0))
			}()
			for range 1000 {
				runtime.Gosched() // a Join that did not wait would be done by now
			}
			_, members := h.Count()
			require.Zero(t, members)
			require.EqualValues(t, 9, committed(h, tp("t", 0)))
			h.store.gate <- struct{}{}
			require.NoError(t, <-done)
			require.Equal(t, tc.want, <-joined)
		})
	}
}

// A commit on its way while the topic is deleted leaves no offset behind.
func TestDeleteTopicDuringCommit(t *testing.T) {
	h := start(t, map[string]int{"t": 1, "u": 1})
	h.store.gate, h.store.enter = make(chan struct{}), make(chan struct{})
	m := h.join(t, request(CooperativeSticky, "t", "u"))
	reads(m)
	results := make(chan error)
	go func() { results <- m.Commit(t.Context(), offsets{tp("t", 0): 1}) }()
	<-h.store.enter
	go func() { results <- m.Commit(t.Context(), offsets{tp("t", 0): 2, tp("u", 0): 2}) }()
	m.group.until(func() bool { return m.group.batch != nil })
	deleted := make(chan struct{})
	go func() { h.topics.set("t", 0); h.DeleteTopic("t"); close(deleted) }()
	h.store.gate <- struct{}{}
	require.NoError(t, <-results)
	for range 2 { // the deletion and the second commit, in either order
		select {
		case <-deleted:
			deleted = nil
		case <-h.store.enter:
			h.store.gate <- struct{}{}
			require.NoError(t, <-results)
		}
	}
	require.EqualValues(t, -1, committed(h, tp("t", 0)))
	require.EqualValues(t, 2, committed(h, tp("u", 0)))
}

// A commit that is on its way when the last member leaves keeps the group there to receive it.
func TestLeaveDuringFirstCommit(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	h.store.gate, h.store.enter = make(chan struct{}), make(chan struct{})
	m := h.join(t, request(Range, "t"))
	reads(m)
	result := make(chan error)
	go func() { result <- m.Commit(t.Context(), offsets{tp("t", 0): 1}) }()
	<-h.store.enter
	require.NoError(t, m.Leave())
	h.store.gate <- struct{}{}
	require.NoError(t, <-result)
	require.EqualValues(t, 1, committed(h, tp("t", 0)))
}

// A failed one does not.
func TestLeaveDuringFailedCommit(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	h.store.gate, h.store.enter, h.store.err = make(chan struct{}), make(chan struct{}), engine.ErrIO
	m := h.join(t, request(Range, "t"))
	reads(m)
	result := make(chan error)
	go func() { result <- m.Commit(t.Context(), offsets{tp("t", 0): 1}) }()
	<-h.store.enter
	require.NoError(t, m.Leave())
	h.store.gate <- struct{}{}
	require.ErrorIs(t, <-result, engine.ErrIO)
	require.Empty(t, h.List())
}

// Close waits for the store; what would reach it later fails.
func TestCloseDuringCommit(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	h.store.gate, h.store.enter = make(chan struct{}), make(chan struct{})
	m := h.join(t, request(Range, "t"))
	reads(m)
	first, second, closed := make(chan error), make(chan error), make(chan struct{})
	go func() { first <- m.Commit(t.Context(), offsets{tp("t", 0): 1}) }()
	<-h.store.enter
	go func() { second <- m.Commit(t.Context(), offsets{tp("t", 0): 2}) }()
	m.group.until(func() bool { return m.group.batch != nil })
	go func() { h.Close(); close(closed) }()
	m.group.until(func() bool { return m.group.closed })
	select {
	case <-closed:
		t.Fatal("the store is at work")
	default:
	}
	h.store.gate <- struct{}{}
	require.NoError(t, <-first)
	require.ErrorIs(t, <-second, engine.ErrClosed)
	<-closed
	require.EqualValues(t, 1, committed(h, tp("t", 0)))
}

// TestCommittedWaitsForCommits: a commit that was let in counts for who reads the partition next, although its member
// gave the partition up before the commit was stored.
func TestCommittedWaitsForCommits(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	h.store.gate, h.store.enter = make(chan struct{}), make(chan struct{})
	m := h.join(t, request(Range, "t"))
	reads(m)
	result := make(chan error, 1)
	go func() { result <- m.Commit(t.Context(), offsets{tp("t", 0): 5}) }()
	<-h.store.enter
	require.NoError(t, m.Leave())
	got := make(chan int64, 1)
	go func() { got <- committed(h, tp("t", 0)) }()
	for range 1000 {
		runtime.Gosched()
	}
	require.Empty(t, got, "the commit is not stored yet")
	h.store.gate <- struct{}{}
	require.EqualValues(t, 5, <-got)
	require.NoError(t, <-result)
}
