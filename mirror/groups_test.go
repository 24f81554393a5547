package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/mirror"
)

// commit commits a random offset of each partition of orders, and of one of states.
func commit(t testing.TB, c *kafka.Client, group string, rng *rand.Rand) {
	offsets := map[engine.TopicPartition]int64{}
	for _, topic := range []string{"orders", "states"} {
		info, err := c.Engine().DescribeTopic(t.Context(), topic)
		require.NoError(t, err)
		for _, p := range info.Partitions {
			offsets[engine.TopicPartition{Topic: topic, Partition: p.Partition}] = p.Start + rng.Int64N(p.End-p.Start+1)
		}
	}
	require.NoError(t, c.Engine().SetOffsets(t.Context(), group, offsets))
}

// requireGroups fails the test unless consumers of each group get the same records in both logs.
func requireGroups(t testing.TB, from, to *kafka.Client) {
	t.Helper()
	require.Empty(t, strayGroups(t, from, to))
}

// strayGroups are the groups whose consumers would not get the same records in both logs.
func strayGroups(t testing.TB, from, to *kafka.Client) (stray []string) {
	groups, err := from.Engine().ListGroups(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, groups)
	here, there := rest{t, from, nil}, rest{t, to, nil}
	for _, g := range groups {
		moved, _ := to.Engine().DescribeGroup(t.Context(), g.ID) // no offsets when it is not there
		same := slices.EqualFunc(g.Offsets, moved.Offsets, func(a, b kafka.GroupOffset) bool {
			return a.TopicPartition == b.TopicPartition && slices.Equal(here.after(a), there.after(b))
		})
		if !same {
			stray = append(stray, fmt.Sprintf("%s: %v became %v", g.ID, g.Offsets, moved.Offsets))
		}
	}
	return stray
}

// rest tells what groups have still to read.
type rest struct {
	t     testing.TB
	c     *kafka.Client
	known map[string]contents
}

type contents struct {
	texts   map[int32][]string
	offsets map[int32][]int64
}

func (r *rest) after(o kafka.GroupOffset) []string {
	has, known := r.known[o.Topic]
	if !known {
		has.texts, has.offsets = carrytest.Read(r.t, r.c.Engine(), o.Topic)
		if r.known == nil {
			r.known = map[string]contents{}
		}
		r.known[o.Topic] = has
	}
	first, _ := slices.BinarySearch(has.offsets[o.Partition], o.Committed)
	return has.texts[o.Partition][first:]
}

// TestGroupsInUse: consumers of the target are not moved, and neither is a group that has gone further there.
func TestGroupsInUse(t *testing.T) {
	from, to := memory(t), memory(t)
	for i := range 10 {
		require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: i}))
	}
	tp := engine.TopicPartition{Topic: "t"}
	for _, g := range []string{"free", "used"} {
		require.NoError(t, from.Engine().SetOffsets(t.Context(), g, map[engine.TopicPartition]int64{tp: 4}))
	}
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	committed := func(g string) int64 {
		info, err := to.Engine().DescribeGroup(t.Context(), g)
		require.NoError(t, err)
		return info.Offsets[0].Committed
	}
	require.Equal(t, int64(4), committed("free"))

	require.NoError(t, to.Engine().SetOffsets(t.Context(), "free", map[engine.TopicPartition]int64{tp: 9}))
	k := to.Consumer("t", "used")
	for range k.Messages(t.Context()) {
		break // a member now
	}
	for _, g := range []string{"free", "used"} {
		require.NoError(t, from.Engine().SetOffsets(t.Context(), g, map[engine.TopicPartition]int64{tp: 8}))
	}
	s, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	require.Equal(t, []string{"used"}, s.GroupsInUse)
	require.Equal(t, 1, s.Groups)
	require.Equal(t, int64(9), committed("free"))
	require.Equal(t, int64(4), committed("used"))
	require.NoError(t, k.Close())
	_, err = mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	require.Equal(t, int64(8), committed("used"))
}

// TestForeignRecords: records that others write to the target do not make a group lose any.
func TestForeignRecords(t *testing.T) {
	from, to := memory(t), memory(t)
	rng := rand.New(rand.NewPCG(5, 5))
	create(t, from, "t", kafka.TopicConfig{Partitions: 1, Codec: "json"})
	for range 6 {
		carrytest.Fill(t, from.Engine(), "t", 50, rng)
		_, err := mirror.Run(t.Context(), from, to)
		require.NoError(t, err)
		carrytest.Fill(t, to.Engine(), "t", 20, rng)
	}
	texts, offsets := carrytest.Read(t, from.Engine(), "t")
	there, thereOffsets := carrytest.Read(t, to.Engine(), "t")
	for i, offset := range offsets[0] {
		group := fmt.Sprint("g", i)
		require.NoError(t, from.Engine().SetOffsets(t.Context(), group, map[engine.TopicPartition]int64{{Topic: "t"}: offset}))
	}
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	for i := range offsets[0] {
		info, err := to.Engine().DescribeGroup(t.Context(), fmt.Sprint("g", i))
		require.NoError(t, err)
		rest := map[string]int{}
		for j, o := range thereOffsets[0] {
			if o >= info.Offsets[0].Committed {
				rest[there[0][j]]++
			}
		}
		for _, text := range texts[0][i:] {
			require.Positive(t, rest[text], "record lost to group %d", i)
			rest[text]--
		}
	}
}
