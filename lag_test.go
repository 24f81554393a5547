package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Before the first loop a consumer's lag is what a loop would have to read.
func TestLagBeforeTheFirstLoop(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(2))
	seed(t, c, "t", 10) // even numbers in one partition, odd ones in the other
	seed(t, c, "u", 3)
	require.NoError(t, c.Admin().ResetOffsetsTo(t.Context(), "g", "t", map[int]int64{1: 4}))
	require.NoError(t, c.Admin().ResetOffsetsTo(t.Context(), "behind", "t", map[int]int64{0: 0, 1: 0}))
	require.NoError(t, c.Admin().DeleteRecords(t.Context(), "t", 0, 1))
	for _, tc := range []struct {
		name, group string
		opts        []ConsumerOption
		want        int64
	}{
		{"standalone", "", nil, 4 + 5},
		{"of a new group", "new", nil, 4 + 5},
		{"of a group that has committed", "g", nil, 4 + 1},
		{"of a group that has committed what is deleted", "behind", nil, 4 + 5},
		{"from the end", "", []ConsumerOption{WithOffset(OffsetLatest)}, 0},
		{"of a group, else from the end", "g", []ConsumerOption{WithOffset(OffsetLatest)}, 1},
		{"of a group that has committed what is deleted, else from the end", "behind", []ConsumerOption{WithOffset(OffsetLatest)}, 5},
		{"from a time", "", []ConsumerOption{WithOffsetTime(time.Now().Add(time.Hour))}, 0},
		{"of topics", "", []ConsumerOption{WithTopics("u", "t", "u")}, 4 + 5 + 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := c.Consumer("t", tc.group, tc.opts...)
			lag, err := k.Lag(t.Context())
			require.NoError(t, err)
			require.Equal(t, tc.want, lag)
			require.Empty(t, k.reader.engine.Assignment(), "asking does not join")
			if tc.want > 0 {
				for range Take(k.Messages(t.Context()), 1) {
				}
				lag, err = k.Lag(t.Context())
				require.NoError(t, err)
				require.Equal(t, tc.want-1, lag)
			}
			require.NoError(t, k.Close())
		})
	}
}
