package group

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTopicsAppearGrowAndVanish(t *testing.T) {
	for _, assignor := range []string{Range, CooperativeSticky} {
		t.Run(assignor, func(t *testing.T) {
			h := start(t, nil)
			a := h.join(t, request(assignor, "t", "u", "t"))
			require.Equal(t, "", reads(a))
			h.topics.set("t", 1)
			h.TopicsChanged()
			require.Equal(t, "t-0", reads(a))
			h.topics.set("t", 2)
			h.topics.set("other", 2)
			h.TopicsChanged()
			release(a)
			require.Equal(t, "t-0 t-1", reads(a))
			generation := a.Poll().Generation
			h.TopicsChanged()
			require.Equal(t, generation, a.Poll().Generation, "nothing changed")

			require.NoError(t, a.Commit(t.Context(), offsets{tp("t", 0): 1, tp("t", 1): 2}))
			h.topics.set("u", 1)
			h.TopicsChanged()
			release(a)
			h.topics.set("t", 0)
			h.DeleteTopic("t")
			release(a)
			require.Equal(t, "u-0", reads(a))
			_, ok := h.Committed("g", tp("t", 0))
			require.False(t, ok)
			require.Error(t, a.Commit(t.Context(), offsets{tp("t", 0): 3}))
		})
	}
}

// Without DeleteTopic, too, there is nothing to give up of a topic that is no more.
func TestVanishedTopic(t *testing.T) {
	h := start(t, map[string]int{"t": 2, "u": 1})
	a := h.join(t, request(CooperativeSticky, "t", "u"))
	reads(a)
	h.topics.set("t", 0)
	h.TopicsChanged()
	told := a.Poll()
	require.Empty(t, told.Revoked)
	require.Equal(t, "u-0", format(told.Partitions))
}

// Partitions of a topic that was deleted and made anew are not those that a member holds.
func TestDeletedTopicIsNotGivenUp(t *testing.T) {
	for _, assignor := range []string{Range, CooperativeSticky} {
		t.Run(assignor, func(t *testing.T) {
			h := start(t, map[string]int{"t": 2})
			a := h.join(t, request(assignor, "t"))
			reads(a)
			b := h.join(t, request(assignor, "t"))
			require.NotEmpty(t, a.Poll().Revoked)
			h.topics.set("t", 0)
			h.DeleteTopic("t")
			require.Empty(t, a.Poll().Revoked)
			require.Equal(t, StateStable, h.state(t))
			h.topics.set("t", 2)
			h.TopicsChanged()
			require.Equal(t, "t-0", reads(a))
			require.Equal(t, "t-1", reads(b))
		})
	}
}
