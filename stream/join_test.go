package stream_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

// pairs shows join results as left+right@time, a missing side as a dash.
func pairs(t *testing.T, rs []streamtest.Record) []string {
	t.Helper()
	all := []string{}
	for _, r := range rs {
		var p stream.JoinResult[string, string]
		require.NoError(t, json.Unmarshal(r.Value, &p))
		if !p.HasLeft {
			p.Left = "-"
		}
		if !p.HasRight {
			p.Right = "-"
		}
		all = append(all, fmt.Sprintf("%s+%s@%d", p.Left, p.Right, r.Time.UnixMilli()))
	}
	return all
}

// sideInput is an element of topic l or r, with its record's key.
type sideInput struct {
	topic, key, v string
	at            int64
}

type joinFunc = func(l, r *stream.Stream[string], on stream.Cond[string, string], opts ...stream.JoinOption) *stream.Stream[stream.JoinResult[string, string]]

func TestJoins(t *testing.T) {
	byFirst := stream.Keys(func(l string) string { return l[:1] }, func(r string) string { return r[:1] })
	same := stream.On(func(l, r string) bool { return l[0] == r[0] })
	window := stream.JoinWindow(10 * time.Millisecond)
	for name, c := range map[string]struct {
		join joinFunc
		on   stream.Cond[string, string]
		opts []stream.JoinOption
		in   []sideInput
		want []string // as they come
		rest []string // when time goes on for good
		late int64
	}{
		"inner: the window is inclusive, before and after": {
			join: stream.Join[string, string], on: byFirst,
			in:   []sideInput{{"l", "", "a1", 10}, {"r", "", "a2", 20}, {"r", "", "a3", 21}, {"l", "", "a4", 30}},
			want: []string{"a1+a2@20", "a4+a2@30", "a4+a3@30"}, rest: []string{},
		},
		"inner: a predicate finds the same as keys": {
			join: stream.Join[string, string], on: same,
			in:   []sideInput{{"l", "", "a1", 10}, {"l", "", "b1", 10}, {"r", "", "a2", 20}},
			want: []string{"a1+a2@20"}, rest: []string{},
		},
		"inner: by the key of the record": {
			join: stream.Join[string, string],
			in:   []sideInput{{"l", "x", "1", 10}, {"l", "y", "2", 10}, {"r", "x", "3", 12}},
			want: []string{"1+3@12"}, rest: []string{},
		},
		"left: a record without a key is alone": {
			join: stream.LeftJoin[string, string],
			in:   []sideInput{{"l", "", "1", 10}, {"r", "", "2", 11}, {"l", "x", "3", 40}, {"r", "x", "4", 40}},
			want: []string{"1+-@10", "3+4@40"}, rest: []string{},
		},
		"inner: out of order": {
			join: stream.Join[string, string], on: byFirst,
			in:   []sideInput{{"l", "", "a1", 20}, {"r", "", "a2", 12}},
			want: []string{"a1+a2@20"}, rest: []string{},
		},
		"inner: late": {
			join: stream.Join[string, string], on: byFirst,
			in:   []sideInput{{"l", "", "a1", 10}, {"l", "", "b1", 50}, {"r", "", "b2", 50}, {"r", "", "a2", 11}},
			want: []string{"b1+b2@50"}, rest: []string{}, late: 1,
		},
		"inner: within grace": {
			join: stream.Join[string, string], on: byFirst, opts: []stream.JoinOption{stream.JoinGrace(40 * time.Millisecond)},
			in:   []sideInput{{"l", "", "a1", 10}, {"l", "", "b1", 50}, {"r", "", "b2", 50}, {"r", "", "a2", 11}},
			want: []string{"b1+b2@50", "a1+a2@11"}, rest: []string{},
		},
		"left: without a match when the window is closed": {
			join: stream.LeftJoin[string, string], on: byFirst,
			in:   []sideInput{{"l", "", "a1", 10}, {"r", "", "b2", 20}, {"l", "", "c1", 20}, {"r", "", "c2", 21}, {"l", "", "d1", 21}},
			want: []string{"c1+c2@21", "a1+-@10"}, rest: []string{"d1+-@21"},
		},
		"outer: both sides": {
			join: stream.OuterJoin[string, string], on: byFirst,
			in:   []sideInput{{"l", "", "a1", 10}, {"r", "", "b2", 11}, {"l", "", "c1", 30}, {"r", "", "c2", 30}},
			want: []string{"a1+-@10", "-+b2@11", "c1+c2@30"}, rest: []string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, r := source[string]("l"), source[string]("r")
			d := streamtest.NewDriver(t, c.join(l, r, c.on, append(c.opts, window)...).Sink("out"))
			for _, in := range c.in {
				d.Pipe(in.topic, in.key, in.v, at(in.at))
			}
			require.Equal(t, c.want, pairs(t, d.Output("out")))
			d.Finish()
			require.Equal(t, c.rest, pairs(t, d.Output("out")))
			require.Equal(t, c.late, d.LateRecords())
		})
	}
}

// TestJoinMethods: the methods join values of type any, whatever the streams hold.
func TestJoinMethods(t *testing.T) {
	window := stream.JoinWindow(time.Second)
	for name, join := range map[string]func(l *stream.Stream[string], r *stream.Stream[int]) *stream.Stream[stream.JoinResult[any, any]]{
		"on": func(l *stream.Stream[string], r *stream.Stream[int]) *stream.Stream[stream.JoinResult[any, any]] {
			return l.Join(r, window, stream.JoinOn(func(l, r any) bool { return l == fmt.Sprint(r) }))
		},
		"keys": func(l *stream.Stream[string], r *stream.Stream[int]) *stream.Stream[stream.JoinResult[any, any]] {
			return l.LeftJoin(r, window, stream.JoinKeys(func(l any) any { return l }, func(r any) any { return fmt.Sprint(r) }))
		},
		"outer": func(l *stream.Stream[string], r *stream.Stream[int]) *stream.Stream[stream.JoinResult[any, any]] {
			return l.OuterJoin(r, window, stream.JoinOn(func(l, r any) bool { return l == fmt.Sprint(r) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := streamtest.NewDriver(t, join(source[string]("l"), source[int]("r")).Sink("out"))
			d.Pipe("l", "k", "1", at(0))
			d.Pipe("r", "", 1, at(0))
			require.Equal(t, []string{`k:{"left":"1","right":1,"has_left":true,"has_right":true}`}, values(d.Output("out")))
		})
	}
}

func TestJoinOfAStreamWithItself(t *testing.T) {
	s := source[string]("in")
	any2 := stream.On(func(l, r string) bool { return true })
	d := streamtest.NewDriver(t, stream.Join(s, s, any2, stream.JoinWindow(time.Millisecond)).Sink("out"))
	d.Pipe("in", "", "a", at(0))
	d.Pipe("in", "", "b", at(1))
	got := pairs(t, d.Output("out"))
	slices.Sort(got)
	require.Equal(t, []string{"a+a@0", "a+b@1", "b+a@1", "b+b@1"}, got)
}

func TestJoinNeedsAWindow(t *testing.T) {
	s := source[string]("in")
	_, err := stream.NewTask(t.Context(), stream.Join(s, s, stream.Cond[string, string]{}).Sink("out"))
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
}

func TestTables(t *testing.T) {
	names := func() *stream.Table[string, any] { return stream.ToTable(source[any]("names")) }
	t.Run("the newest of each key", func(t *testing.T) {
		table := names()
		d := streamtest.NewDriver(t, table.Sink("out"))
		for _, v := range []any{"Ada", "Ada L.", nil} {
			d.Pipe("names", "a", v, at(0))
			got, ok := table.Get("a")
			require.Equal(t, v != nil, ok)
			require.Equal(t, v, got)
		}
		d.Pipe("names", "", "nobody", at(0))
		require.Equal(t, []string{`a:"Ada"`, `a:"Ada L."`, "a:"}, values(d.Output("out")))
	})
	t.Run("of typed values: a removed key is a tombstone", func(t *testing.T) {
		d := streamtest.NewDriver(t, stream.ToTable(source[string]("names")).Sink("out"))
		for i, v := range []any{"Ada", nil, "Ada L.", "Augusta"} {
			d.Pipe("names", "a", v, at(int64(i)))
		}
		d.Pipe("names", "a", "Ada", at(1))
		out := d.Output("out")
		require.Equal(t, []string{`a:"Ada"`, "a:", `a:"Ada L."`, `a:"Augusta"`, `a:"Ada"`}, values(out))
		require.Nil(t, out[1].Value)
		require.Equal(t, at(1), out[4].Time, "the newest is the last one that came")
	})
	for name, c := range map[string]struct {
		join func(s *stream.Stream[string], t *stream.Table[string, any], fn func(string) string) *stream.Stream[stream.JoinResult[string, any]]
		want []string
	}{
		"join":      {stream.JoinTable[string, string, any], []string{"a1+Ada", "a3+Ada L."}},
		"left join": {stream.LeftJoinTable[string, string, any], []string{"a0+<nil>", "a1+Ada", "b2+<nil>", "a3+Ada L."}},
	} {
		t.Run(name, func(t *testing.T) {
			joined := c.join(source[string]("in"), names(), func(v string) string { return v[:1] })
			line := stream.Map(joined, func(r stream.JoinResult[string, any]) string { return fmt.Sprintf("%v+%v", r.Left, r.Right) })
			d := streamtest.NewDriver(t, line.Sink("out"))
			d.Pipe("in", "", "a0", at(0))
			d.Pipe("names", "a", "Ada", at(0))
			d.Pipe("in", "", "a1", at(0))
			d.Pipe("in", "", "b2", at(0))
			d.Pipe("names", "a", "Ada L.", at(0))
			d.Pipe("in", "", "a3", at(0))
			var got []string
			for _, v := range values(d.Output("out")) {
				got = append(got, v[1:len(v)-1])
			}
			want := slices.Clone(c.want)
			for i := range want {
				b, _ := json.Marshal(want[i])
				want[i] = string(b[1 : len(b)-1])
			}
			require.Equal(t, want, got)
		})
	}
	t.Run("not with windows", func(t *testing.T) {
		joined := stream.JoinTable(source[string]("x"), counts(stream.TumblingWindow(time.Second)), self)
		_, err := stream.NewTask(t.Context(), joined.Sink("out"))
		require.ErrorIs(t, err, engine.ErrInvalidArgument)
	})
}
