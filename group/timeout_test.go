package group

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestTimeouts(t *testing.T) {
	for _, tc := range []struct {
		name   string
		act    func(m *Member, second int)
		lives  time.Duration // how long at least
		within time.Duration // how long at most
		reason string
	}{
		{"no sign of life", func(*Member, int) {}, 9 * time.Second, 10 * time.Second, "no heartbeat"},
		{"heartbeats only", func(m *Member, _ int) { m.Heartbeat() }, 59 * time.Second, 60 * time.Second, "no poll"},
		{"polls", func(m *Member, s int) {
			if s%9 == 0 {
				m.Poll()
			}
		}, 200 * time.Second, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := start(t, map[string]int{"t": 1})
			m := h.join(t, request(Range, "t"))
			m.Poll()
			lost := func() bool { m.group.mu.Lock(); defer m.group.mu.Unlock(); return m.lost != nil }
			for s := 1; s <= 200; s++ {
				h.clock.Advance(time.Second)
				if time.Duration(s)*time.Second <= tc.lives {
					require.False(t, lost(), "after %d s", s)
				} else if tc.within > 0 && time.Duration(s)*time.Second >= tc.within {
					break
				}
				tc.act(m, s)
			}
			if tc.within == 0 {
				return
			}
			a := m.Poll()
			require.True(t, a.Lost)
			require.ErrorIs(t, a.Err, engine.ErrFenced)
			require.ErrorContains(t, a.Err, tc.reason)
			require.True(t, m.Heartbeat().Lost)
			require.ErrorIs(t, m.Commit(t.Context(), offsets{tp("t", 0): 1}), engine.ErrFenced)
			require.ErrorIs(t, m.Leave(), engine.ErrFenced)
			require.Zero(t, h.clock.Timers(), "a group without members has no timer")
		})
	}
}

// A commit is a sign of life, as in Kafka, but no poll.
func TestCommitIsASignOfLife(t *testing.T) {
	h := start(t, map[string]int{"t": 1})
	m := h.join(t, request(Range, "t"))
	m.Poll()
	for second := range int64(60) {
		require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): second}))
		h.clock.Advance(time.Second)
	}
	require.ErrorContains(t, m.Poll().Err, "no poll")
}

// A member that polls and does not give up what it is asked for is removed when its rebalance timeout ends.
func TestRebalanceEndsWithoutAck(t *testing.T) {
	for _, assignor := range []string{Range, CooperativeSticky} {
		t.Run(assignor, func(t *testing.T) {
			h := start(t, map[string]int{"t": 2})
			a := h.join(t, request(assignor, "t"))
			reads(a)
			b := h.join(t, request(assignor, "t"))
			for range 59 {
				h.clock.Advance(time.Second)
				require.False(t, a.Poll().Lost)
				require.Equal(t, "", reads(b))
			}
			h.clock.Advance(time.Second)
			lost := a.Poll()
			require.True(t, lost.Lost)
			require.ErrorContains(t, lost.Err, "given up")
			require.Equal(t, "t-0 t-1", reads(b))
		})
	}
}

// New revocations do not give more time for those there are.
func TestAckDeadlineIsThatOfTheFirstRevocation(t *testing.T) {
	h := start(t, map[string]int{"t": 6})
	a := h.join(t, request(CooperativeSticky, "t"))
	reads(a)
	others := []*Member{h.join(t, request(CooperativeSticky, "t"))}
	for second := range 60 {
		require.False(t, a.Poll().Lost, "after %d s", second)
		if second == 30 {
			others = append(others, h.join(t, request(CooperativeSticky, "t")))
			require.Len(t, a.Poll().Revoked, 4)
		}
		for _, m := range others {
			m.Poll()
		}
		h.clock.Advance(time.Second)
	}
	require.True(t, a.Poll().Lost)
}
