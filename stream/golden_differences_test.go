package stream_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// difference is one between this package and Kafka Streams that holds for many cases. It says exactly what makes the
// results of both the same; why it is so is in docs/streams.md under its name.
type difference struct {
	name  string
	where func(c *goldenCase, mode string) bool
	level func(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line)
}

type change = func(t *testing.T, c *goldenCase, ls []line) []line

// kafkas changes Kafka's results only, both those of both.
func kafkas(fn change) func(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line) {
	return func(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line) { return fn(t, c, kafka), ours }
}

func both(fn change) func(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line) {
	return func(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line) {
		return fn(t, c, kafka), fn(t, c, ours)
	}
}

var differences = []difference{
	{
		"A closed session is gone", func(c *goldenCase, _ string) bool { return c.Topology == "session" },
		both(withoutRevived),
	},
	{
		"A session that grows takes nothing back",
		func(c *goldenCase, mode string) bool { return c.Topology == "session" && mode == "updates" },
		kafkas(withoutTombstones),
	},
	{
		"Nothing closes a millisecond early",
		func(c *goldenCase, mode string) bool {
			return mode == "suppress" && (c.Topology == "session" || c.Topology == "sliding")
		},
		kafkas(whenClosed),
	},
	{
		"A record's updates of sliding windows come once, in any order",
		func(c *goldenCase, mode string) bool { return c.Topology == "sliding" && mode == "updates" },
		both(onceInOrder),
	},
	{
		"Behind each element begins a window", func(c *goldenCase, _ string) bool { return c.Topology == "sliding" },
		withoutMissed,
	},
	{
		"Windows that end together come in any order",
		func(c *goldenCase, mode string) bool { return mode == "close" || mode == "suppress" },
		both(tiesSorted),
	},
	{
		"A pair needs both elements in time", func(c *goldenCase, _ string) bool { return c.isJoin() },
		kafkas(pairsInTime),
	},
	{
		"Stream time is that of the slowest partition",
		func(c *goldenCase, _ string) bool { return c.isJoin() && c.Topics == 2 },
		withoutForgotten,
	},
	{
		"An element is alone once its window is closed, not before and not long after",
		func(c *goldenCase, _ string) bool { return c.isJoin() && c.Topology != "join" },
		aloneWhenClosed,
	},
	{
		"Removing a key that is not there prints nothing", func(c *goldenCase, _ string) bool { return c.Topology == "table" },
		kafkas(withoutIdleRemovals),
	},
}

// closesAt is the stream time at which a window, or an element of a join, is closed: docs/streams.md, Windows.
func (c *goldenCase) closesAt(end int64) int64 {
	switch c.Topology {
	case "tumbling", "hopping":
		return end + c.Grace
	case "sliding":
		return end + c.Grace + 1
	}
	return end + c.Size + c.Grace + 1
}

// clock is stream time behind each record: the smallest of the topics' largest times.
func (c *goldenCase) clock(t *testing.T) (clock []int64) {
	times, now := map[string]int64{}, int64(0)
	for i := range c.In {
		in := c.input(t, i)
		times[in.topic] = max(times[in.topic], in.at)
		now = max(now, slices.Min(slices.Collect(maps.Values(times)))) // a topic that begins behind sets nothing back
		clock = append(clock, now)
	}
	return clock
}

// withoutRevived leaves out keys of which an element came within the gap of a closed session and was not late itself.
func withoutRevived(t *testing.T, c *goldenCase, ls []line) []line {
	type span struct{ start, end int64 }
	sessions, revived := map[string][]span{}, map[string]bool{}
	for i, now := range c.clock(t) {
		in := c.input(t, i)
		grown, apart := span{in.at, in.at}, []span(nil)
		var touched []span
		for _, s := range sessions[in.key] {
			if s.end < in.at-c.Size || s.start > in.at+c.Size {
				apart = append(apart, s)
				continue
			}
			touched = append(touched, s)
			grown = span{min(grown.start, s.start), max(grown.end, s.end)}
		}
		if c.closesAt(grown.end) <= now {
			continue
		}
		sessions[in.key] = append(apart, grown)
		for _, s := range touched {
			revived[in.key] = revived[in.key] || c.closesAt(s.end) <= now
		}
	}
	return slices.DeleteFunc(slices.Clone(ls), func(l line) bool { return revived[l.key] })
}

// withoutTombstones leaves out the removals of sessions that became part of another one.
func withoutTombstones(_ *testing.T, _ *goldenCase, ls []line) []line {
	return slices.DeleteFunc(slices.Clone(ls), func(l line) bool { return l.value == "null" })
}

// whenClosed moves what came at the last millisecond at which a window is open to the step at which it is closed, unless
// the window, or a session with all of it, comes again.
func whenClosed(t *testing.T, c *goldenCase, ls []line) (moved []line) {
	clock := c.clock(t)
	for i, l := range ls {
		for l.step < len(clock) && clock[l.step] < c.closesAt(l.end) {
			l.step++
		}
		again := slices.ContainsFunc(ls[i+1:], func(o line) bool {
			return o.key == l.key && o.start <= l.start && o.end >= l.end
		})
		if !again && l.step < len(clock) {
			moved = append(moved, l)
		}
	}
	slices.SortStableFunc(moved, func(a, b line) int { return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.end, b.end)) })
	return moved
}

// onceInOrder leaves out repetitions within a step, and sorts it by the starts of the windows.
func onceInOrder(_ *testing.T, _ *goldenCase, ls []line) []line {
	ls = slices.Clone(ls)
	slices.SortStableFunc(ls, func(a, b line) int { return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.start, b.start)) })
	return slices.Compact(ls)
}

// withoutMissed leaves out windows that Kafka does not have, and that begin behind an element whose own window was closed
// when it came.
func withoutMissed(t *testing.T, c *goldenCase, kafka, ours []line) (k, o []line) {
	clock, overtaken := c.clock(t), map[string]bool{}
	for i, now := range clock {
		in := c.input(t, i)
		at := fmt.Sprint(in.key, in.at)
		overtaken[at] = overtaken[at] || c.closesAt(in.at) <= now
	}
	o = slices.DeleteFunc(slices.Clone(ours), func(l line) bool {
		has := slices.ContainsFunc(kafka, func(k line) bool { return k.key == l.key && k.start == l.start })
		return !has && overtaken[fmt.Sprint(l.key, l.start-1)]
	})
	return kafka, o
}

// tiesSorted sorts the windows of a step that have one end.
func tiesSorted(_ *testing.T, _ *goldenCase, ls []line) []line {
	ls = slices.Clone(ls)
	for i := 0; i < len(ls); {
		j := i + 1
		for j < len(ls) && ls[j].step == ls[i].step && ls[j].end == ls[i].end {
			j++
		}
		slices.SortFunc(ls[i:j], func(a, b line) int { return strings.Compare(a.String(), b.String()) })
		i = j
	}
	return ls
}

// withoutIdleRemovals leaves out the removals of keys that a table does not hold.
func withoutIdleRemovals(_ *testing.T, _ *goldenCase, ls []line) []line {
	holds := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(ls), func(l line) bool {
		idle := l.value == "null" && !holds[l.key]
		holds[l.key] = l.value != "null"
		return idle
	})
}

const (
	slowest    = "Stream time is that of the slowest partition"
	before1970 = "Windows may begin before 1970"
	gone       = "A closed session is gone"
)

// particular is a difference of one named case: what this package makes of it.
type particular struct {
	name string // in docs/streams.md
	ours []string
}

var particulars = map[string]particular{
	"tumbling/a topic that is behind/close":    {slowest, []string{"4 a@[0,10]=a1,a2,a4 t7", "6 a@[50,60]=a3,a5 t51"}},
	"tumbling/a topic that is behind/suppress": {slowest, []string{"4 a@[0,10]=a1,a2,a4 t7", "6 a@[50,60]=a3,a5 t51"}},
	"tumbling/a topic that is behind/updates": {slowest, []string{
		"0 a@[0,10]=a1 t5", "1 a@[0,10]=a1,a2 t6", "2 a@[50,60]=a3 t50", "3 a@[0,10]=a1,a2,a4 t7", "4 a@[50,60]=a3,a5 t51",
		"5 z@[90,100]=z1 t99", "6 z@[90,100]=z1,z2 t99",
	}},
	"hopping/windows that begin before 1970/close":    {before1970, []string{"1 a@[-5,5]=a1 t2", "1 a@[0,10]=a1 t2"}},
	"hopping/windows that begin before 1970/suppress": {before1970, []string{"1 a@[-5,5]=a1 t2", "1 a@[0,10]=a1 t2"}},
	"hopping/windows that begin before 1970/updates": {before1970, []string{
		"0 a@[-5,5]=a1 t2", "0 a@[0,10]=a1 t2", "1 z@[90,100]=z1 t99", "1 z@[95,105]=z1 t99",
	}},
	"sliding/windows that begin before 1970/close": {before1970, []string{
		"1 a@[-6,4]=a1 t4", "2 a@[-3,7]=a1,a2 t7", "2 a@[5,15]=a2 t7",
	}},
	"sliding/windows that begin before 1970/suppress": {before1970, []string{
		"1 a@[-6,4]=a1 t4", "2 a@[-3,7]=a1,a2 t7", "2 a@[5,15]=a2 t7",
	}},
	"sliding/windows that begin before 1970/updates": {before1970, []string{
		"0 a@[-6,4]=a1 t4", "1 a@[5,15]=a2 t7", "1 a@[-3,7]=a1,a2 t7", "2 z@[89,99]=z1 t99",
	}},
	"session/a closed session is within the gap/close": {gone, []string{
		"1 a@[10,10]=a1 t10", "3 a@[14,14]=a2 t14", "3 b@[18,18]=b1 t18",
	}},
	"session/a closed session is within the gap/suppress": {gone, []string{
		"1 a@[10,10]=a1 t10", "3 a@[14,14]=a2 t14", "3 b@[18,18]=b1 t18",
	}},
	"session/a closed session is within the gap/updates": {gone, []string{
		"0 a@[10,10]=a1 t10", "1 b@[18,18]=b1 t18", "2 a@[14,14]=a2 t14", "3 z@[99,99]=z1 t99",
	}},
}
