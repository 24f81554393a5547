package group

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

func TestEagerRebalance(t *testing.T) {
	h := start(t, map[string]int{"t": 4})
	a := h.join(t, request(Range, "t"))
	require.Equal(t, StateCompletingRebalance, h.state(t))
	require.Equal(t, "t-0 t-1 t-2 t-3", reads(a))
	require.Equal(t, StateStable, h.state(t))
	first := a.Poll().Generation

	b := h.join(t, request(Range, "t"))
	require.Equal(t, StatePreparingRebalance, h.state(t))
	require.True(t, signalled(a))
	require.Equal(t, "", reads(b), "nothing before the other gave it up")
	told := a.Poll()
	require.Empty(t, told.Partitions)
	require.Equal(t, "t-0 t-1 t-2 t-3", format(told.Revoked))
	require.NoError(t, a.Commit(t.Context(), offsets{tp("t", 3): 7}), "what is finished can be committed first")

	a.Ack(told.Generation)
	require.Equal(t, StateCompletingRebalance, h.state(t))
	require.True(t, signalled(a))
	require.True(t, signalled(b))
	require.Equal(t, "t-0 t-1", reads(a))
	require.Equal(t, "t-2 t-3", reads(b))
	require.Equal(t, StateStable, h.state(t))
	require.Greater(t, a.Poll().Generation, first)
	require.ErrorIs(t, a.Commit(t.Context(), offsets{tp("t", 3): 8}), engine.ErrFenced)

	require.NoError(t, a.Leave())
	require.Equal(t, "t-2 t-3", release(b))
	require.Equal(t, "t-0 t-1 t-2 t-3", reads(b))
	require.NoError(t, b.Leave())
	require.NoError(t, b.Leave(), "twice")
	require.True(t, b.Poll().Lost)
	require.Equal(t, StateEmpty, h.state(t), "with its offsets")
}

func TestCooperativeRebalance(t *testing.T) {
	h := start(t, map[string]int{"t": 4})
	a := h.join(t, request(CooperativeSticky, "t"))
	require.Equal(t, "t-0 t-1 t-2 t-3", reads(a))
	b := h.join(t, request(CooperativeSticky, "t"))

	require.Equal(t, "", reads(b))
	told := a.Poll()
	require.Equal(t, "t-0 t-1", format(told.Partitions), "what stays is read without a pause")
	require.Equal(t, "t-2 t-3", format(told.Revoked))
	require.Equal(t, StatePreparingRebalance, h.state(t))
	require.NoError(t, a.Commit(t.Context(), offsets{tp("t", 0): 5, tp("t", 3): 9}), "kept and revoked ones")
	require.ErrorIs(t, b.Commit(t.Context(), offsets{tp("t", 3): 9}), engine.ErrFenced)

	a.Ack(told.Generation)
	require.True(t, signalled(b))
	require.ErrorIs(t, b.Commit(t.Context(), offsets{tp("t", 3): 10}), engine.ErrRebalanceInProgress, "not polled yet")
	given := b.Poll()
	require.Equal(t, "t-2 t-3", format(given.Partitions))
	require.Greater(t, given.Generation, told.Generation)
	require.Equal(t, StateStable, h.state(t))
	require.Equal(t, "t-0 t-1", reads(a))
	require.NoError(t, b.Commit(t.Context(), offsets{tp("t", 3): 10}))
	require.ErrorIs(t, a.Commit(t.Context(), offsets{tp("t", 3): 11}), engine.ErrFenced)

	require.NoError(t, b.Leave())
	require.Equal(t, "t-0 t-1 t-2 t-3", reads(a), "at once: nobody has to give up anything")
}

func TestGivenButNotLookedAtIsTakenBackWithoutAsking(t *testing.T) {
	for _, assignor := range []string{Range, RoundRobin, Sticky, CooperativeSticky} {
		t.Run(assignor, func(t *testing.T) {
			h := start(t, map[string]int{"t": 100})
			members := make([]*Member, 100)
			for i := range members {
				members[i] = h.join(t, request(assignor, "t"))
			}
			for _, m := range members {
				require.Len(t, m.Poll().Partitions, 1)
			}
			require.Equal(t, StateStable, h.state(t))
		})
	}
}

// A revocation that the member has not been told of ends when the partitions come back to it.
func TestUntoldRevocationIsUndone(t *testing.T) {
	h := start(t, map[string]int{"t": 2})
	a := h.join(t, request(CooperativeSticky, "t"))
	require.Equal(t, "t-0 t-1", reads(a))
	b := h.join(t, request(CooperativeSticky, "t"))
	require.Equal(t, "t-1", format(a.Heartbeat().Revoked))
	require.NoError(t, b.Leave())
	told := a.Poll()
	require.Empty(t, told.Revoked)
	require.Equal(t, "t-0 t-1", format(told.Partitions))
}

func TestAckCoversOnlyWhatPollTold(t *testing.T) {
	h := start(t, map[string]int{"t": 6})
	a := h.join(t, request(CooperativeSticky, "t"))
	reads(a)
	b := h.join(t, request(CooperativeSticky, "t"))
	told := a.Poll()
	require.Equal(t, "t-3 t-4 t-5", format(told.Revoked))
	c := h.join(t, request(CooperativeSticky, "t"))
	require.Equal(t, "t-2 t-3 t-4 t-5", format(a.Heartbeat().Revoked))
	a.Ack(told.Generation - 1)
	require.Len(t, a.Heartbeat().Revoked, 4, "an Ack of another Poll is ignored")
	a.Ack(told.Generation)
	require.Equal(t, "t-2", format(a.Heartbeat().Revoked), "not told of it yet")
	require.Equal(t, "t-2", release(a))
	require.ElementsMatch(t, []engine.TopicPartition{tp("t", 2), tp("t", 3), tp("t", 4), tp("t", 5)},
		append(b.Poll().Partitions, c.Poll().Partitions...))
}

func TestElection(t *testing.T) {
	for _, tc := range []struct {
		name    string
		members [][]string
		want    string
	}{
		{"the only one in common", [][]string{{RoundRobin, Range}, {Sticky, Range}}, Range},
		{"most votes", [][]string{{Range, Sticky}, {Sticky, Range}, {Sticky, Range}}, Sticky},
		{"a tie goes to the first member", [][]string{{Sticky, Range}, {Range, Sticky}}, Sticky},
		{"a vote for one that not all support goes to the next", [][]string{{RoundRobin, Sticky, Range}, {Range, Sticky},
			{RoundRobin, Sticky, Range}}, Sticky},
		{"the default", [][]string{nil}, Range},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := start(t, map[string]int{"t": 1})
			for _, assignors := range tc.members {
				r := request("", "t")
				r.Assignors = assignors
				h.join(t, r)
			}
			info, err := h.Describe("g")
			require.NoError(t, err)
			require.Equal(t, tc.want, info.Protocol)
		})
	}
}

// A group moves from an eager assignor to the cooperative one by replacing its members.
func TestUpgradeToCooperative(t *testing.T) {
	h := start(t, map[string]int{"t": 4})
	old := h.join(t, request(Range, "t"))
	reads(old)
	both := request("", "t")
	both.Assignors = []string{CooperativeSticky, Range}
	a := h.join(t, both)
	require.Equal(t, "t-0 t-1 t-2 t-3", release(old))
	require.Equal(t, "t-2 t-3", reads(a))
	reads(old)
	require.NoError(t, old.Leave())
	told := a.Poll()
	require.Empty(t, told.Revoked, "the rebalance is a cooperative one")
	require.Len(t, told.Partitions, 4)
}

func TestJoinRejects(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	h.join(t, request(Range, "t"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name   string
		ctx    context.Context
		change func(*JoinRequest)
		want   error
	}{
		{"unknown assignor", t.Context(), func(r *JoinRequest) { r.Assignors = []string{"fair"} }, engine.ErrInvalidArgument},
		{"nothing in common", t.Context(), func(r *JoinRequest) { r.Assignors = []string{Sticky} }, engine.ErrInvalidArgument},
		{"negative session", t.Context(), func(r *JoinRequest) { r.SessionTimeout = -1 }, engine.ErrInvalidArgument},
		{"negative interval", t.Context(), func(r *JoinRequest) { r.RebalanceTimeout = -1 }, engine.ErrInvalidArgument},
		{"ended context", ended, func(*JoinRequest) {}, context.Canceled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := request(Range, "t")
			tc.change(&r)
			_, err := h.Join(tc.ctx, r)
			require.ErrorIs(t, err, tc.want)
		})
	}
	_, members := h.Count()
	require.Equal(t, 1, members)
}

func TestDifferentSubscriptions(t *testing.T) {
	h := start(t, map[string]int{"t": 2, "u": 2})
	a := h.join(t, request(CooperativeSticky, "t"))
	b := h.join(t, request(CooperativeSticky, "u", "t"))
	require.Equal(t, "t-0 t-1", reads(a))
	require.Equal(t, "u-0 u-1", reads(b))
	require.NoError(t, a.Leave())
	require.Equal(t, "t-0 t-1 u-0 u-1", reads(b))
	info, err := h.Describe("g")
	require.NoError(t, err)
	require.Equal(t, []engine.MemberInfo{{ID: b.ID(), Topics: []string{"t", "u"},
		Assignment: parse(t, "t-0 t-1 u-0 u-1")}}, info.Members)
}

func TestDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Topics: &catalogue{n: map[string]int{"t": 1}}, Store: &memory{}})
		defer c.Close()
		m, err := c.Join(t.Context(), JoinRequest{Group: "g", Topics: []string{"t"}})
		require.NoError(t, err)
		require.Equal(t, "g", m.Group())
		require.Equal(t, "t-0", reads(m))
		almost := func() { // by the bubble's clock
			require.NoError(t, clock.Sleep(t.Context(), clock.Real, DefaultSessionTimeout-time.Second))
		}
		almost()
		m.Heartbeat()
		for range int(DefaultRebalanceTimeout/DefaultSessionTimeout) - 1 {
			almost()
			require.False(t, m.Heartbeat().Lost)
		}
		almost()
		require.ErrorContains(t, m.Heartbeat().Err, "no poll within the poll interval of 5m0s")
	})
}

func TestHugeTimeoutsDoNotOverflow(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	r := request(Range, "t")
	r.SessionTimeout, r.RebalanceTimeout = math.MaxInt64, math.MaxInt64
	m := h.join(t, r)
	h.clock.Advance(1000 * time.Hour)
	require.Equal(t, "t-0", reads(m))
}

func TestClose(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	m := h.join(t, request(Range, "t"))
	reads(m)
	require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 1}))
	h.Close()
	h.Close()
	require.True(t, signalled(m))
	lost := m.Poll()
	require.True(t, lost.Lost)
	require.ErrorIs(t, lost.Err, engine.ErrClosed)
	require.ErrorIs(t, m.Commit(t.Context(), offsets{tp("t", 0): 2}), engine.ErrClosed)
	require.NoError(t, m.Leave())
	_, err := h.Join(t.Context(), request(Range, "t"))
	require.ErrorIs(t, err, engine.ErrClosed)
	require.ErrorIs(t, h.SetOffsets("g", offsets{tp("t", 0): 0}), engine.ErrClosed)
	require.ErrorIs(t, h.Delete("g"), engine.ErrClosed)
	require.Zero(t, h.clock.Timers())
	h.ApplyOffsets("new", offsets{tp("t", 0): 1})
	require.False(t, errors.Is(lost.Err, engine.ErrFenced))
}
