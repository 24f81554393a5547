package stream_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

const second = int64(1000)

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// windows shows results as key@[start,end]=value, in milliseconds.
func windows(t *testing.T, rs []streamtest.Record) []string {
	t.Helper()
	all := []string{}
	for _, r := range rs {
		var w stream.Result[string, any]
		require.NoError(t, json.Unmarshal(r.Value, &w))
		all = append(all, fmt.Sprintf("%s@[%d,%d]=%v", w.Key, w.Start.UnixMilli(), w.End.UnixMilli(), w.Value))
	}
	return all
}

func self(s string) string { return s }

func counts(w stream.Window, opts ...stream.Option) *stream.Table[string, int64] {
	s := stream.New(streamtest.NewSource[string](streamtest.NewEnv(), "in"), opts...)
	return s.Window(w).GroupBy(self).Count()
}

// piped is an element and its time in milliseconds.
type piped struct {
	v  string
	at int64
}

func TestWindows(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		window stream.Window
		in     []piped
		want   []string // as they come
		rest   []string // when time goes on for good
		late   int64
	}{
		"tumbling: the end does not belong to it": {
			window: stream.TumblingWindow(10 * ms),
			in:     []piped{{"a", 0}, {"a", 9}, {"b", 5}, {"a", 10}},
			want:   []string{"a@[0,10]=2", "b@[0,10]=1"},
			rest:   []string{"a@[10,20]=1"},
		},
		"tumbling: late without grace": {
			window: stream.TumblingWindow(10 * ms),
			in:     []piped{{"a", 5}, {"a", 10}, {"a", 9}},
			want:   []string{"a@[0,10]=1"},
			rest:   []string{"a@[10,20]=1"},
			late:   1,
		},
		"tumbling: in time within grace": {
			window: stream.TumblingWindow(10 * ms).Grace(5 * ms),
			in:     []piped{{"a", 5}, {"a", 14}, {"a", 9}, {"a", 15}, {"a", 9}},
			want:   []string{"a@[0,10]=2"},
			rest:   []string{"a@[10,20]=2"},
			late:   1,
		},
		"hopping: each element is in several": {
			window: stream.HoppingWindow(10*ms, 5*ms),
			in:     []piped{{"a", 12}, {"a", 20}},
			want:   []string{"a@[5,15]=1", "a@[10,20]=1"},
			rest:   []string{"a@[15,25]=1", "a@[20,30]=1"},
		},
		"hopping: late for one window, in time for the other": {
			window: stream.HoppingWindow(10*ms, 5*ms),
			in:     []piped{{"a", 16}, {"a", 12}},
			want:   []string{},
			rest:   []string{"a@[10,20]=2", "a@[15,25]=1"},
		},
		"hopping: the advance does not divide the size": {
			window: stream.HoppingWindow(10*ms, 4*ms),
			in:     []piped{{"a", 21}},
			want:   []string{},
			rest:   []string{"a@[12,22]=1", "a@[16,26]=1", "a@[20,30]=1"},
		},
		"sliding: the example of Kafka's documentation": {
			window: stream.SlidingWindow(5 * time.Second),
			in:     []piped{{"A", 8 * second}, {"A", 9200}, {"A", 12400}},
			want:   []string{"A@[3000,8000]=1", "A@[4200,9200]=2"},
			rest:   []string{"A@[7400,12400]=3", "A@[8001,13001]=2", "A@[9201,14201]=1"},
		},
		"session: gap inclusive, end inclusive": {
			window: stream.SessionWindow(5 * ms),
			in:     []piped{{"a", 10}, {"a", 15}, {"a", 21}},
			want:   []string{"a@[10,15]=2"},
			rest:   []string{"a@[21,21]=1"},
		},
		"session: an element between two joins them": {
			window: stream.SessionWindow(5 * ms).Grace(20 * ms),
			in:     []piped{{"a", 10}, {"a", 20}, {"a", 15}, {"a", 46}},
			want:   []string{"a@[10,20]=3"},
			rest:   []string{"a@[46,46]=1"},
		},
		"session: late": {
			window: stream.SessionWindow(5 * ms),
			in:     []piped{{"b", 100}, {"a", 94}, {"a", 95}},
			want:   []string{},
			rest:   []string{"a@[95,95]=1", "b@[100,100]=1"},
			late:   1,
		},
		"before 1970": {
			window: stream.TumblingWindow(10 * ms),
			in:     []piped{{"a", -1}, {"a", 0}},
			want:   []string{"a@[-10,0]=1"},
			rest:   []string{"a@[0,10]=1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := streamtest.NewDriver(t, counts(c.window).Sink("out"))
			for _, p := range c.in {
				d.Pipe("in", "", p.v, at(p.at))
			}
			require.Equal(t, c.want, windows(t, d.Output("out")))
			d.Finish()
			require.Equal(t, c.rest, windows(t, d.Output("out")))
			require.Equal(t, c.late, d.LateRecords())
		})
	}
}

// TestSlidingWindowsAgainstTheirDefinition: whatever the order, there is a window that ends at each element and one that
// begins behind each, if that has any, and each holds what lies in it.
func TestSlidingWindowsAgainstTheirDefinition(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		d := 1 + rng.Int64N(20)
		var times []int64
		for range 1 + rng.IntN(12) {
			times = append(times, 100+rng.Int64N(60))
		}
		w := stream.SlidingWindow(time.Duration(d) * time.Millisecond).Grace(time.Minute)
		driver := streamtest.NewDriver(t, counts(w).Sink("out"))
		want := map[string]bool{}
		inside := func(from, to int64) (n int) {
			for _, x := range times {
				if from <= x && x <= to {
					n++
				}
			}
			return n
		}
		for _, x := range times {
			driver.Pipe("in", "", "k", at(x))
			for _, start := range []int64{x - d, x + 1} {
				if n := inside(start, start+d); n > 0 {
					want[fmt.Sprintf("k@[%d,%d]=%d", start, start+d, n)] = true
				}
			}
		}
		driver.Finish()
		got := windows(t, driver.Output("out"))
		require.Len(t, got, len(want), "seed %d: %v", seed, times)
		for _, g := range got {
			require.True(t, want[g], "seed %d: %v of %v", seed, g, times)
		}
	}
}

// TestSlidingWindowsOutOfOrderWithinGrace: what was closed already is still there to begin a window with.
func TestSlidingWindowsOutOfOrderWithinGrace(t *testing.T) {
	d := streamtest.NewDriver(t, counts(stream.SlidingWindow(10*time.Millisecond).Grace(5*time.Millisecond)).Sink("out"))
	for _, ms := range []int64{104, 112, 108} {
		d.Pipe("in", "", "k", at(ms))
	}
	d.Finish()
	got := windows(t, d.Output("out"))
	slices.Sort(got)
	require.Equal(t, []string{
		"k@[102,112]=3", "k@[105,115]=2", "k@[109,119]=1", "k@[94,104]=1", "k@[98,108]=2",
	}, got)
}

func TestUpdates(t *testing.T) {
	d := streamtest.NewDriver(t, counts(stream.SessionWindow(5*time.Millisecond)).EmitUpdates().Sink("out"))
	for _, ms := range []int64{10, 12, 30} {
		d.Pipe("in", "", "a", at(ms))
	}
	d.Finish()
	require.Equal(t, []string{"a@[10,10]=1", "a@[10,12]=2", "a@[30,30]=1"}, windows(t, d.Output("out")))
}

func TestStreamTime(t *testing.T) {
	open := func(opts ...stream.Option) *streamtest.Driver {
		return streamtest.NewDriver(t, counts(stream.TumblingWindow(10*time.Millisecond), opts...).Sink("out"))
	}
	t.Run("the slowest partition decides", func(t *testing.T) {
		d := open()
		d.PipeTo("in", 0, "", "a", at(5))
		d.PipeTo("in", 1, "", "a", at(6))
		d.PipeTo("in", 0, "", "a", at(50))
		require.Empty(t, d.Output("out"))
		d.PipeTo("in", 1, "", "a", at(10))
		require.Equal(t, []string{"a@[0,10]=2"}, windows(t, d.Output("out")))
	})
	t.Run("an idle partition holds nothing back", func(t *testing.T) {
		d := open(stream.WithIdleTimeout(time.Second))
		d.PipeTo("in", 0, "", "a", at(5))
		d.AdvanceWallClock(600 * time.Millisecond)
		d.PipeTo("in", 1, "", "a", at(50))
		require.Empty(t, d.Output("out"))
		d.AdvanceWallClock(600 * time.Millisecond)
		require.Equal(t, []string{"a@[0,10]=1"}, windows(t, d.Output("out")))
	})
	t.Run("with all idle, time goes on with the clock", func(t *testing.T) {
		d := open(stream.WithIdleTimeout(3 * time.Millisecond))
		d.Pipe("in", "", "a", at(5))
		d.AdvanceWallClock(4 * time.Millisecond)
		require.Empty(t, d.Output("out"))
		d.AdvanceWallClock(time.Millisecond)
		require.Equal(t, []string{"a@[0,10]=1"}, windows(t, d.Output("out")))
	})
	t.Run("moved by hand", func(t *testing.T) {
		d := open()
		d.Pipe("in", "", "a", at(5))
		d.AdvanceTime(at(10))
		require.Equal(t, []string{"a@[0,10]=1"}, windows(t, d.Output("out")))
	})
}

// TestWindowsOfWindows: results come with the time of their newest element, behind stream time, and are not late for the
// windows that follow.
func TestWindowsOfWindows(t *testing.T) {
	first := counts(stream.TumblingWindow(10 * time.Millisecond)).Stream()
	second := first.Window(stream.TumblingWindow(100 * time.Millisecond)).
		GroupBy(func(r stream.Result[string, int64]) string { return r.Key })
	sum := stream.Reduce(second, int64(0), func(n int64, r stream.Result[string, int64]) int64 { return n + r.Value })
	d := streamtest.NewDriver(t, sum.Sink("out"))
	for _, ms := range []int64{5, 15, 16, 95, 99, 1000} {
		d.Pipe("in", "", "a", at(ms))
	}
	require.Equal(t, []string{"a@[0,100]=5"}, windows(t, d.Output("out")))
	require.Zero(t, d.LateRecords())
}

func TestLateRecords(t *testing.T) {
	var seen []stream.Late
	late := func(l stream.Late) { seen = append(seen, l) }
	table := counts(stream.TumblingWindow(10*time.Millisecond), stream.LateTo("late"), stream.OnLate(late))
	d := streamtest.NewDriver(t, table.Sink("out"))
	d.Pipe("in", "", "a", at(25))
	d.Pipe("in", "k", "b", at(5))
	out := d.Output("late")
	require.Len(t, out, 1)
	require.Equal(t, streamtest.Record{Topic: "late", Key: "k", Value: []byte(`"b"`), Time: at(5)}, out[0])
	require.Equal(t, []stream.Late{{Topic: "in", Offset: 1, Key: "k", Value: "b", Timestamp: at(5)}}, seen)
}
