package stream_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pairsInTime leaves out pairs with an element that was late, or whose window was closed, when they came about. An
// element that is alone without them is a result of its own in left and outer joins; one that was late is none.
func pairsInTime(t *testing.T, c *goldenCase, ls []line) (kept []line) {
	clock, born := c.clock(t), map[string]int{}
	for i := range c.In {
		born[c.input(t, i).value.(string)] = i
	}
	open := func(v string, step int) bool {
		return c.closesAt(c.input(t, born[v]).at) > clock[step]
	}
	paired, lost := map[string]bool{}, map[string]line{}
	for _, l := range ls {
		left, right, ok := strings.Cut(l.value, "+")
		require.True(t, ok, l)
		if !alone(l) && open(left, l.step) && open(right, l.step) {
			kept = append(kept, l)
			paired[left], paired[right] = true, true
			continue
		}
		lost[left], lost[right] = l, l
	}
	for v, l := range lost {
		if v == "-" || paired[v] || !open(v, born[v]) || v[0] == 'r' && c.Topology == "leftJoin" || c.Topology == "join" {
			continue
		}
		alone := map[byte]string{'l': v + "+-", 'r': "-+" + v}[v[0]]
		kept = append(kept, line{step: l.step, key: l.key, value: alone, time: c.input(t, born[v]).at})
	}
	return kept
}

// withoutForgotten leaves out our pairs with an element that Kafka's store of its topic has dropped, since the largest
// time of that topic is so far ahead, and what either says of their elements being alone.
func withoutForgotten(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line) {
	born, newest, now := map[string]int{}, []map[string]int64(nil), map[string]int64{}
	for i := range c.In {
		in := c.input(t, i)
		born[in.value.(string)] = i
		now[in.topic] = max(now[in.topic], in.at)
		newest = append(newest, maps.Clone(now))
	}
	forgotten := map[string]bool{}
	drop := func(l line) bool {
		left, right, _ := strings.Cut(l.value, "+")
		first := c.input(t, min(born[left], born[right]))
		if alone(l) || first.at > newest[l.step][first.topic]-2*c.Size-c.Grace {
			return false
		}
		forgotten[left], forgotten[right] = true, true
		return true
	}
	theirs := func(l line) bool {
		left, right, _ := strings.Cut(l.value, "+")
		return alone(l) && (forgotten[left] || forgotten[right])
	}
	o = slices.DeleteFunc(slices.DeleteFunc(slices.Clone(ours), drop), theirs)
	return slices.DeleteFunc(slices.Clone(kafka), theirs), o
}

// aloneWhenClosed moves Kafka's elements without a match to the step at which their windows are closed; in both, those
// of a step come before its pairs and those of one time in any order.
func aloneWhenClosed(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line) {
	clock := c.clock(t)
	for _, l := range kafka {
		if alone(l) {
			l.step = slices.IndexFunc(clock, func(now int64) bool { return now >= c.closesAt(l.time) })
		}
		if l.step >= 0 {
			k = append(k, l)
		}
	}
	return aloneFirst(k), aloneFirst(ours)
}

func alone(l line) bool { return strings.HasPrefix(l.value, "-") || strings.HasSuffix(l.value, "-") }

// aloneFirst sorts the elements without a match of each step by time, and puts them before its pairs.
func aloneFirst(ls []line) []line {
	ls = slices.Clone(ls)
	slices.SortStableFunc(ls, func(a, b line) int {
		switch {
		case a.step != b.step || !alone(a) && !alone(b):
			return cmp.Compare(a.step, b.step)
		case alone(a) && alone(b):
			return cmp.Or(cmp.Compare(a.time, b.time), strings.Compare(a.value, b.value))
		case alone(a):
			return -1
		}
		return 1
	})
	return ls
}
