package group

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// What a transaction is about to commit is void once others may have read the same records, also if the member holds the
// partition again.
func TestClaim(t *testing.T) {
	for _, assignor := range []string{Range, CooperativeSticky} {
		for _, tc := range []struct {
			name   string
			events func(t *testing.T, h *harness, m *Member)
			want   error
		}{
			{"nothing happens", func(*testing.T, *harness, *Member) {}, nil},
			{"it polls and commits", func(t *testing.T, _ *harness, m *Member) {
				reads(m)
				require.NoError(t, m.Commit(t.Context(), offsets{tp("t", 0): 1}))
			}, nil},
			{"it is asked to give up", func(t *testing.T, h *harness, m *Member) {
				h.join(t, request(assignor, "t"))
				m.Poll()
			}, nil},
			{"it has left", func(t *testing.T, _ *harness, m *Member) { require.NoError(t, m.Leave()) }, engine.ErrFenced},
			{"it gave up, and reads again", func(t *testing.T, h *harness, m *Member) {
				other := h.join(t, request(assignor, "t"))
				release(m)
				reads(other)
				require.NoError(t, other.Leave())
				require.Equal(t, "t-0 t-1", reads(m))
			}, engine.ErrRebalanceInProgress},
			{"the topic is made anew", func(t *testing.T, h *harness, m *Member) {
				h.topics.set("t", 0)
				h.DeleteTopic("t")
				h.topics.set("t", 2)
				h.TopicsChanged()
				require.Equal(t, "t-0 t-1", reads(m))
			}, engine.ErrRebalanceInProgress},
		} {
			t.Run(assignor+", "+tc.name, func(t *testing.T) {
				h := start(t, map[string]int{"t": 2})
				m := h.join(t, request(assignor, "t"))
				require.Equal(t, "t-0 t-1", reads(m))
				o := offsets{tp("t", 0): 5, tp("t", 1): 5}
				claim, err := m.Claim(o)
				require.NoError(t, err)
				tc.events(t, h, m)
				require.ErrorIs(t, claim.Check(o), tc.want)
			})
		}
	}
}
