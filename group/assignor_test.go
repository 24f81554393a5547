package group

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// parse reads "t1-0 t1-1".
func parse(t require.TestingT, s string) []engine.TopicPartition {
	var tps []engine.TopicPartition
	for _, f := range strings.Fields(s) {
		name, n, ok := strings.Cut(f, "-")
		require.True(t, ok, f)
		p, err := strconv.Atoi(n)
		require.NoError(t, err)
		tps = append(tps, engine.TopicPartition{Topic: name, Partition: int32(p)})
	}
	return tps
}

func format(tps []engine.TopicPartition) string {
	var b []string
	for _, tp := range tps {
		b = append(b, fmt.Sprintf("%s-%d", tp.Topic, tp.Partition))
	}
	return strings.Join(b, " ")
}

// counts lists the topics subscribed to.
func counts(topics map[string]int32, subscriptions [][]string) (cs []count) {
	names := slices.Concat(subscriptions...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		cs = append(cs, count{name, topics[name]})
	}
	return cs
}

// assign runs an assignor over subscriptions and owned partitions written as text.
func assign(t require.TestingT, name string, topics map[string]int32, subs, owned []string) []string {
	subscriptions, had := make([][]string, len(subs)), make([][]engine.TopicPartition, len(subs))
	for i, s := range subs {
		subscriptions[i] = strings.Fields(s)
		slices.Sort(subscriptions[i])
		if i < len(owned) {
			had[i] = parse(t, owned[i])
		}
	}
	var out []string
	for _, tps := range assignors[name](newInput(counts(topics, subscriptions), subscriptions, had)) {
		require.True(t, slices.IsSortedFunc(tps, compare))
		out = append(out, format(tps))
	}
	return out
}

// The expectations of the following tables are those of Kafka's RangeAssignorTest, RoundRobinAssignorTest and
// AbstractStickyAssignorTest, and of the assignors' documentation.

func TestRange(t *testing.T) {
	for _, tc := range []struct {
		name   string
		topics map[string]int32
		subs   []string
		want   []string
	}{
		{"no topic", nil, []string{""}, []string{""}},
		{"a topic that does not exist", nil, []string{"t1"}, []string{""}},
		{"one member", map[string]int32{"t1": 3}, []string{"t1"}, []string{"t1-0 t1-1 t1-2"}},
		{"only what is subscribed to", map[string]int32{"t1": 3, "other": 3}, []string{"t1"},
			[]string{"t1-0 t1-1 t1-2"}},
		{"several topics", map[string]int32{"t1": 1, "t2": 2}, []string{"t1 t2"}, []string{"t1-0 t2-0 t2-1"}},
		{"more members than partitions", map[string]int32{"t1": 1}, []string{"t1", "t1"}, []string{"t1-0", ""}},
		{"as many members", map[string]int32{"t1": 2}, []string{"t1", "t1"}, []string{"t1-0", "t1-1"}},
		{"mixed subscriptions", map[string]int32{"t1": 3, "t2": 2}, []string{"t1", "t1 t2", "t1"},
			[]string{"t1-0", "t1-1 t2-0 t2-1", "t1-2"}},
		{"six partitions", map[string]int32{"t1": 3, "t2": 3}, []string{"t1 t2", "t1 t2"},
			[]string{"t1-0 t1-1 t2-0 t2-1", "t1-2 t2-2"}},
		{"five and four", map[string]int32{"t1": 5, "t2": 4}, []string{"t1 t2", "t1 t2", "t1 t2", "t1 t2"},
			[]string{"t1-0 t1-1 t2-0", "t1-2 t2-1", "t1-3 t2-2", "t1-4 t2-3"}},
		{"equal subscriptions", map[string]int32{"t1": 6, "t2": 7, "t3": 2},
			[]string{"t1 t2 t3", "t1 t2 t3", "t1 t2 t3"},
			[]string{"t1-0 t1-1 t2-0 t2-1 t2-2 t3-0", "t1-2 t1-3 t2-3 t2-4 t3-1", "t1-4 t1-5 t2-5 t2-6"}},
		{"unequal subscriptions", map[string]int32{"t1": 6, "t2": 7, "t3": 2}, []string{"t1 t2 t3", "t1 t2 t3", "t1 t3"},
			[]string{"t1-0 t1-1 t2-0 t2-1 t2-2 t2-3 t3-0", "t1-2 t1-3 t2-4 t2-5 t2-6 t3-1", "t1-4 t1-5"}},
		{"co-partitioned", map[string]int32{"t1": 6, "t2": 6, "t3": 2, "t4": 2, "t5": 4, "t6": 4},
			[]string{"t1 t2 t3 t4 t5 t6 t7", "t1 t2 t3 t4 t5 t6 t7", "t1 t2 t3 t4 t5 t6 t7"},
			[]string{"t1-0 t1-1 t2-0 t2-1 t3-0 t4-0 t5-0 t5-1 t6-0 t6-1", "t1-2 t1-3 t2-2 t2-3 t3-1 t4-1 t5-2 t6-2",
				"t1-4 t1-5 t2-4 t2-5 t5-3 t6-3"}},
		{"two groups of topics", map[string]int32{"t1": 6, "t2": 6, "t3": 2, "t4": 2},
			[]string{"t1 t2", "t1 t2", "t3 t4", "t3 t4"},
			[]string{"t1-0 t1-1 t1-2 t2-0 t2-1 t2-2", "t1-3 t1-4 t1-5 t2-3 t2-4 t2-5", "t3-0 t4-0", "t3-1 t4-1"}},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, assign(t, Range, tc.topics, tc.subs, nil)) })
	}
}

func TestRoundRobin(t *testing.T) {
	for _, tc := range []struct {
		name   string
		topics map[string]int32
		subs   []string
		want   []string
	}{
		{"no topic", nil, []string{""}, []string{""}},
		{"a topic that does not exist", nil, []string{"t1"}, []string{""}},
		{"one member", map[string]int32{"t1": 3}, []string{"t1"}, []string{"t1-0 t1-1 t1-2"}},
		{"more members than partitions", map[string]int32{"t1": 1}, []string{"t1", "t1"}, []string{"t1-0", ""}},
		{"mixed subscriptions", map[string]int32{"t1": 3, "t2": 2}, []string{"t1", "t1 t2", "t1"},
			[]string{"t1-0", "t1-1 t2-0 t2-1", "t1-2"}},
		{"six partitions", map[string]int32{"t1": 3, "t2": 3}, []string{"t1 t2", "t1 t2"},
			[]string{"t1-0 t1-2 t2-1", "t1-1 t2-0 t2-2"}},
		{"four members", map[string]int32{"t1": 3, "t2": 3}, []string{"t1 t2", "t1 t2", "t1 t2", "t1 t2"},
			[]string{"t1-0 t2-1", "t1-1 t2-2", "t1-2", "t2-0"}},
		{"documented skew", map[string]int32{"t0": 1, "t1": 2, "t2": 3}, []string{"t0", "t0 t1", "t0 t1 t2"},
			[]string{"t0-0", "t1-0", "t1-1 t2-0 t2-1 t2-2"}},
		{"handles poorly", map[string]int32{"t1": 2, "t2": 1, "t3": 2, "t4": 1, "t5": 2},
			[]string{"t1 t2 t3 t4 t5", "t1 t3 t5", "t1 t3 t5", "t1 t2 t3 t4 t5"},
			[]string{"t1-0 t3-0 t5-0", "t1-1 t3-1 t5-1", "", "t2-0 t4-0"}},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, assign(t, RoundRobin, tc.topics, tc.subs, nil)) })
	}
}

func TestSticky(t *testing.T) {
	for _, tc := range []struct {
		name        string
		topics      map[string]int32
		subs, owned []string
		want        []string
	}{
		{"no topic", nil, []string{""}, nil, []string{""}},
		{"a topic that does not exist", map[string]int32{"t": 0}, []string{"t"}, nil, []string{""}},
		{"the only topic was deleted", nil, []string{"t"}, []string{"t-0 t-1"}, []string{""}},
		{"owned but not subscribed to", map[string]int32{"t": 2, "u": 2}, []string{"t"}, []string{"t-0 t-1 u-0 u-1"},
			[]string{"t-0 t-1"}},
		{"owned beyond the end", map[string]int32{"t": 2}, []string{"t"}, []string{"t-1 t-7"}, []string{"t-0 t-1"}},
		{"six partitions", map[string]int32{"t1": 3, "t2": 3}, []string{"t1 t2", "t1 t2"}, nil,
			[]string{"t1-0 t1-2 t2-1", "t1-1 t2-0 t2-2"}},
		{"mixed subscriptions", map[string]int32{"t1": 3, "t2": 2}, []string{"t1", "t1 t2", "t1"}, nil,
			[]string{"t1-0 t1-2", "t2-0 t2-1", "t1-1"}},
		{"the lower quota owned, the higher due", map[string]int32{"t1": 2, "t2": 3}, []string{"t1 t2", "t1 t2"},
			[]string{"t1-0 t2-1", "t1-1 t2-2"}, []string{"t1-0 t2-0 t2-1", "t1-1 t2-2"}},
		{"all below the lower quota", map[string]int32{"t1": 2, "t2": 3}, []string{"t1 t2", "t1 t2", "t1 t2"},
			[]string{"t1-0", "t1-1", ""}, []string{"t1-0 t2-1", "t1-1 t2-2", "t2-0"}},
		{"a member joins", map[string]int32{"t": 3}, []string{"t", "t"}, []string{"t-0 t-1 t-2", ""},
			[]string{"t-0 t-1", "t-2"}},
		{"the other leaves", map[string]int32{"t": 3}, []string{"t"}, []string{"t-2"}, []string{"t-0 t-1 t-2"}},
		{"two topics, two members", map[string]int32{"t1": 3, "t2": 4}, []string{"t1 t2", "t1 t2"}, nil,
			[]string{"t1-0 t1-2 t2-1 t2-3", "t1-1 t2-0 t2-2"}},
		{"two more members", map[string]int32{"t1": 3, "t2": 4}, []string{"t1 t2", "t1 t2", "t1 t2", "t1 t2"},
			[]string{"t1-0 t1-2 t2-1 t2-3", "t1-1 t2-0 t2-2", "", ""},
			[]string{"t1-0 t1-2", "t1-1 t2-0", "t2-1 t2-3", "t2-2"}},
		{"the first two leave", map[string]int32{"t1": 3, "t2": 4}, []string{"t1 t2", "t1 t2"},
			[]string{"t2-1 t2-3", "t2-2"}, []string{"t1-0 t2-0 t2-1 t2-3", "t1-1 t1-2 t2-2"}},
		{"all quotas reached", map[string]int32{"t": 4}, []string{"t", "t", "t"}, []string{"t-0 t-1", "t-2", ""},
			[]string{"t-0 t-1", "t-2", "t-3"}},
		{"documented, unequal", map[string]int32{"t0": 1, "t1": 2, "t2": 3}, []string{"t0", "t0 t1", "t0 t1 t2"}, nil,
			[]string{"t0-0", "t1-0 t1-1", "t2-0 t2-1 t2-2"}},
		{"documented, unequal, the first dies", map[string]int32{"t0": 1, "t1": 2, "t2": 3}, []string{"t0 t1", "t0 t1 t2"},
			[]string{"t1-0 t1-1", "t2-0 t2-1 t2-2"}, []string{"t0-0 t1-0 t1-1", "t2-0 t2-1 t2-2"}},
		{"given back", map[string]int32{"a": 2, "b": 3, "c": 2}, []string{"b", "a b c", "a c"},
			[]string{"", "a-1 b-1 b-2 c-1", ""}, []string{"b-0 b-2", "a-1 b-1 c-1", "a-0 c-0"}},
		{"exchanged", map[string]int32{"a": 1, "c": 3, "d": 3}, []string{"c d", "a c", "a c"},
			[]string{"c-2", "a-0", ""}, []string{"d-0 d-1 d-2", "a-0 c-2", "c-0 c-1"}},
		{"moved back on the way", map[string]int32{"a": 3, "b": 4, "c": 1}, []string{"b", "a b c", "c"},
			[]string{"", "b-3 c-0", ""}, []string{"b-0 b-1 b-2", "a-0 a-1 a-2 b-3", "c-0"}},
		{"moved along a chain", map[string]int32{"a": 3, "b": 1}, []string{"a", "a b", "b"},
			[]string{"a-0 a-1 a-2", "b-0", ""}, []string{"a-0 a-1", "a-2", "b-0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := assign(t, Sticky, tc.topics, tc.subs, tc.owned)
			require.Equal(t, tc.want, got)
			require.Equal(t, got, assign(t, CooperativeSticky, tc.topics, tc.subs, tc.owned))
		})
	}
}

// Kafka keeps the lower partition of the member that has to give one up; which member keeps two is ours to choose.
func TestStickyAboveQuota(t *testing.T) {
	got := assign(t, Sticky, map[string]int32{"t1": 2, "t2": 2}, []string{"t1 t2", "t1 t2", "t1 t2"},
		[]string{"t1-0 t2-0", "t1-1 t2-1", ""})
	require.Equal(t, []string{"t1-0 t2-0", "t1-1", "t2-1"}, got)
}

// After one of three members dies, the documented sticky result moves its partitions only.
func TestStickyKeepsWhatSurvivorsHave(t *testing.T) {
	topics := map[string]int32{"t0": 2, "t1": 2, "t2": 2, "t3": 2}
	sub := "t0 t1 t2 t3"
	before := assign(t, Sticky, topics, []string{sub, sub, sub}, nil)
	require.Equal(t, []string{"t0-0 t1-1 t3-0", "t0-1 t2-0 t3-1", "t1-0 t2-1"}, before)
	after := assign(t, Sticky, topics, []string{sub, sub}, []string{before[0], before[2]})
	require.Subset(t, strings.Fields(after[0]), strings.Fields(before[0]))
	require.Subset(t, strings.Fields(after[1]), strings.Fields(before[2]))
	require.Len(t, strings.Fields(after[0]), 4)
	require.Len(t, strings.Fields(after[1]), 4)
}

// Subscriptions that round robin serves poorly: sizes are two each.
func TestStickyBalancesUnequalSubscriptions(t *testing.T) {
	got := assign(t, Sticky, map[string]int32{"t1": 2, "t2": 1, "t3": 2, "t4": 1, "t5": 2},
		[]string{"t1 t2 t3 t4 t5", "t1 t3 t5", "t1 t3 t5", "t1 t2 t3 t4 t5"}, nil)
	for m, s := range got {
		require.Len(t, strings.Fields(s), 2, "member %d", m)
	}
}

func TestNextSubscriber(t *testing.T) {
	for _, tc := range []struct{ turn, want int }{{0, 0}, {1, 0}, {2, 1}, {4, 1}, {5, 0}} {
		require.Equal(t, tc.want, next([]int{1, 4}, tc.turn), "turn %d", tc.turn)
	}
}
