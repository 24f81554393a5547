package group

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestStaticMembership(t *testing.T) {
	static := func(assignor, instance string, topics ...string) JoinRequest {
		r := request(assignor, topics...)
		r.InstanceID = instance
		return r
	}
	for _, assignor := range []string{Range, CooperativeSticky} {
		t.Run(assignor+"/leave and come back", func(t *testing.T) {
			h := start(t, map[string]int{"t": 4})
			a, b := h.join(t, static(assignor, "a", "t")), h.join(t, static(assignor, "b", "t"))
			require.Equal(t, "t-0 t-1", reads(a))
			require.Equal(t, "t-2 t-3", reads(b))
			generation := b.Poll().Generation
			require.NoError(t, a.Leave())
			require.True(t, a.Poll().Lost)
			require.Equal(t, StateStable, h.state(t))
			require.ErrorIs(t, h.SetOffsets("g", offsets{tp("t", 0): 1}), engine.ErrGroupNotEmpty)

			h.clock.Advance(5 * time.Second)
			require.Equal(t, "t-2 t-3", reads(b), "its partitions wait for it")
			a = h.join(t, static(assignor, "a", "t"))
			require.Equal(t, "t-0 t-1", reads(a))
			require.Equal(t, "t-2 t-3", reads(b))
			require.Equal(t, generation, b.Poll().Generation, "no rebalance")
		})
		t.Run(assignor+"/leave for good", func(t *testing.T) {
			h := start(t, map[string]int{"t": 4})
			a, b := h.join(t, static(assignor, "a", "t")), h.join(t, static(assignor, "b", "t"))
			reads(a)
			reads(b)
			require.NoError(t, a.Leave())
			for range 10 {
				h.clock.Advance(time.Second)
				release(b)
			}
			require.Equal(t, "t-0 t-1 t-2 t-3", reads(b))
		})
		t.Run(assignor+"/takeover", func(t *testing.T) {
			h := start(t, map[string]int{"t": 4})
			old, b := h.join(t, static(assignor, "a", "t")), h.join(t, static(assignor, "b", "t"))
			reads(old)
			reads(b)
			next := h.join(t, static(assignor, "a", "t"))
			require.NotEqual(t, old.ID(), next.ID())
			require.True(t, signalled(old))
			require.True(t, old.Poll().Lost)
			require.ErrorIs(t, old.Commit(t.Context(), offsets{tp("t", 0): 1}), engine.ErrFenced)
			require.ErrorContains(t, old.Leave(), "instance id a")
			require.Equal(t, "t-0 t-1", reads(next))
			require.Equal(t, "t-2 t-3", reads(b))
		})
		t.Run(assignor+"/takeover with another subscription", func(t *testing.T) {
			h := start(t, map[string]int{"t": 2, "u": 2})
			a, b := h.join(t, static(assignor, "a", "t")), h.join(t, static(assignor, "b", "t"))
			reads(a)
			reads(b)
			a = h.join(t, static(assignor, "a", "u"))
			release(b)
			require.Equal(t, "u-0 u-1", reads(a))
			require.Equal(t, "t-0 t-1", reads(b))
		})
		t.Run(assignor+"/rebalance while away", func(t *testing.T) {
			h := start(t, map[string]int{"t": 4})
			a, b := h.join(t, static(assignor, "a", "t")), h.join(t, static(assignor, "b", "t"))
			reads(a)
			reads(b)
			require.NoError(t, a.Leave())
			h.topics.set("t", 6)
			h.TopicsChanged()
			release(b)
			require.Len(t, b.Poll().Partitions, 3, "it is not waited for, and keeps its share")
			a = h.join(t, static(assignor, "a", "t"))
			require.Len(t, a.Poll().Partitions, 3)
		})
		t.Run(assignor+"/leaving releases what was to be given up", func(t *testing.T) {
			h := start(t, map[string]int{"t": 2})
			a := h.join(t, static(assignor, "a", "t"))
			reads(a)
			b := h.join(t, static(assignor, "b", "t"))
			require.NotEmpty(t, a.Poll().Revoked)
			require.Equal(t, "", reads(b))
			require.NoError(t, a.Leave())
			require.Equal(t, "t-1", reads(b), "without waiting for a timeout")
			require.Equal(t, StateStable, h.state(t))
		})
		t.Run(assignor+"/takeover of one that has to give up", func(t *testing.T) {
			h := start(t, map[string]int{"t": 2})
			a := h.join(t, static(assignor, "a", "t"))
			reads(a)
			b := h.join(t, static(assignor, "b", "t"))
			require.Equal(t, "", reads(b))
			a = h.join(t, static(assignor, "a", "t"))
			require.Equal(t, "t-0", reads(a))
			require.Equal(t, "t-1", reads(b))
		})
	}
}

// Kafka orders static members by instance id, before dynamic ones.
func TestStaticMembersComeFirst(t *testing.T) {
	h := start(t, map[string]int{"t": 3})
	dynamic := h.join(t, request(Range, "t"))
	r := request(Range, "t")
	r.InstanceID = "z"
	z := h.join(t, r)
	r.InstanceID = "y"
	y := h.join(t, r)
	require.Equal(t, "t-0", reads(y))
	require.Equal(t, "t-1", reads(z))
	require.Equal(t, "t-2", reads(dynamic))
}
