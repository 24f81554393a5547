package stream_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func source[T any](topic string, opts ...stream.Option) *stream.Stream[T] {
	return stream.New(streamtest.NewSource[T](streamtest.NewEnv(), topic), opts...)
}

// values are the outputs as text.
func values(rs []streamtest.Record) (all []string) {
	for _, r := range rs {
		all = append(all, strings.TrimPrefix(r.Key+":", ":")+string(r.Value))
	}
	return all
}

func TestOperatorsWithoutState(t *testing.T) {
	for name, c := range map[string]struct {
		build func(s *stream.Stream[int]) *stream.Topology
		want  []string
	}{
		"filter": {func(s *stream.Stream[int]) *stream.Topology {
			return s.Filter(func(n int) bool { return n > 1 }).Sink("out")
		}, []string{"2", "3"}},
		"map": {func(s *stream.Stream[int]) *stream.Topology {
			return stream.Map(s, func(n int) int { return 2 * n }).Sink("out")
		}, []string{"2", "4", "6"}},
		"through": {func(s *stream.Stream[int]) *stream.Topology { return s.Through("mid").Sink("out") }, []string{"1", "2", "3"}},
		"flatMap": {func(s *stream.Stream[int]) *stream.Topology {
			return stream.FlatMap(s, func(n int) []int { return make([]int, n-1) }).Sink("out")
		}, []string{"0", "0", "0"}},
		"merge": {func(s *stream.Stream[int]) *stream.Topology {
			return s.Filter(func(n int) bool { return n > 2 }).Merge(s).Sink("out")
		}, []string{"1", "2", "3", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := streamtest.NewDriver(t, c.build(source[int]("in")))
			for n := 1; n <= 3; n++ {
				d.Pipe("in", "", n, at(int64(n)))
			}
			require.Equal(t, c.want, values(d.Output("out")))
		})
	}
}

func TestPeekSeesWhatPasses(t *testing.T) {
	var seen []int
	d := streamtest.NewDriver(t, source[int]("in").Peek(func(n int) { seen = append(seen, n) }).Sink("out"))
	d.Pipe("in", "k", 1, at(7))
	require.Equal(t, []int{1}, seen)
	require.Equal(t, []streamtest.Record{{Topic: "out", Key: "k", Value: []byte("1"), Time: at(7)}}, d.Output("out"))
}

// TestBranchesDoNotShareValues: a function may change its value without another branch seeing it.
func TestBranchesDoNotShareValues(t *testing.T) {
	s := source[any]("in")
	changed := stream.Map(s, func(v any) any { v.(map[string]any)["tier"] = "premium"; return v })
	d := streamtest.NewDriver(t, changed.Merge(s).Sink("out"))
	d.Pipe("in", "", map[string]any{"id": 1}, at(0))
	require.ElementsMatch(t, []string{`{"id":1,"tier":"premium"}`, `{"id":1}`}, values(d.Output("out")))
}

// TestUntypedValuesLookStoredEverywhere: at a grouping a struct behind an any has become a map.
func TestUntypedValuesLookStoredEverywhere(t *testing.T) {
	type order struct {
		ID string `json:"id"`
	}
	s := stream.Map(source[order]("in"), func(o order) any { return o })
	d := streamtest.NewDriver(t, s.GroupBy(func(v any) string { return v.(map[string]any)["id"].(string) }).Count().Sink("out"))
	d.Pipe("in", "", order{"x"}, at(0))
	require.Equal(t, []string{"x:1"}, values(d.Output("out")))
}

func TestAggregations(t *testing.T) {
	even := func(n int) string { return []string{"even", "odd"}[n%2] }
	for name, c := range map[string]struct {
		table *stream.Topology
		want  []string
	}{
		"count":  {source[int]("in").GroupBy(even).Count().Sink("out"), []string{"odd:1", "even:1", "odd:2"}},
		"reduce": {stream.Reduce(source[int]("in").GroupBy(even), 10, func(a, n int) int { return a + n }).Sink("out"), []string{"odd:11", "even:12", "odd:14"}},
		"aggregate": {stream.Aggregate(source[int]("in").GroupBy(even), func() []int { return nil },
			func(a []int, n int) []int { return append(a, n) }, nil).Sink("out"), []string{"odd:[1]", "even:[2]", "odd:[1,3]"}},
		"a key of another type": {stream.GroupBy(source[int]("in"), func(n int) int { return n % 2 }).Count().Sink("out"), []string{"1:1", "0:1", "1:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := streamtest.NewDriver(t, c.table)
			for n := 1; n <= 3; n++ {
				d.Pipe("in", "", n, at(int64(n)))
			}
			require.Equal(t, c.want, values(d.Output("out")))
		})
	}
}

func TestQueries(t *testing.T) {
	table := counts(stream.TumblingWindow(10 * time.Millisecond))
	_, ok := table.Get("a")
	require.False(t, ok, "it does not run")
	d := streamtest.NewDriver(t, table.Sink("out"))
	for _, ms := range []int64{1, 2} {
		d.Pipe("in", "", "a", at(ms))
	}
	n, ok := table.Get("a")
	require.True(t, ok)
	require.Equal(t, int64(2), n)
	want := []stream.Result[string, int64]{{Key: "a", Value: 2, Start: at(0), End: at(10)}}
	require.Equal(t, want, table.Fetch("a", at(5), at(6)))
	require.Empty(t, table.Fetch("a", at(11), at(12)))
	for r := range table.Range() {
		require.Equal(t, want[0], r)
	}
}

func TestPolicies(t *testing.T) {
	build := func(opts ...stream.Option) *stream.Topology {
		return stream.Map(source[int]("in", opts...), func(n int) int { return 6 / n }).Sink("out")
	}
	t.Run("skip", func(t *testing.T) {
		d := streamtest.NewDriver(t, build(stream.WithOnError(stream.Skip)))
		for _, v := range []any{0, "no number", 2} {
			d.Pipe("in", "", v, at(0))
		}
		require.Equal(t, []string{"3"}, values(d.Output("out")))
	})
	t.Run("dead letters", func(t *testing.T) {
		d := streamtest.NewDriver(t, build(stream.DeadLetterTo("dead")))
		d.Pipe("in", "k", 0, at(0))
		d.Pipe("in", "k", "no number", at(0))
		require.Equal(t, []string{"k:0", `k:"no number"`}, values(d.Output("dead")))
	})
	t.Run("fail", func(t *testing.T) {
		task, err := stream.NewTask(t.Context(), build())
		require.NoError(t, err)
		err = task.Process(engine.TopicPartition{Topic: "in", Partition: 3}, recordOf("0"))
		require.ErrorContains(t, err, "in-3")
		require.ErrorContains(t, err, "divide by zero")
		require.ErrorIs(t, task.Process(engine.TopicPartition{Topic: "in"}, recordOf("x")), engine.ErrSerialization)
	})
}

func TestMistakesAreFoundBeforeARun(t *testing.T) {
	s := source[string]("in")
	for name, top := range map[string]*stream.Topology{
		"a window of nothing":       counts(stream.TumblingWindow(0)).Sink("out"),
		"an advance above the size": counts(stream.HoppingWindow(time.Second, time.Minute)).Sink("out"),
		"a negative grace":          counts(stream.SessionWindow(time.Second).Grace(-time.Second)).Sink("out"),
		"sessions that cannot be merged": stream.Reduce(s.Window(stream.SessionWindow(time.Second)).GroupBy(self), 0,
			func(a int, _ string) int { return a }).Sink("out"),
		"a topic that feeds itself":  s.Sink("in"),
		"a name that is none":        s.Sink("a/b"),
		"a timestamp of other types": source[string]("in", stream.WithTimestamp(func(int) time.Time { return at(0) })).Sink("out"),
		"two applications":           source[int]("a", stream.WithApplicationID("x")).Merge(source[int]("b", stream.WithApplicationID("y"))).Sink("out"),
		"two stores of one name": s.GroupBy(self).Count(stream.StoreName("n")).Stream().Merge(
			s.GroupBy(self).Count(stream.StoreName("n")).Stream()).Sink("out"),
		"dead letters to nowhere": source[int]("in", stream.WithOnError(stream.DeadLetter)).Sink("out"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stream.NewTask(context.Background(), top)
			require.ErrorIs(t, err, engine.ErrInvalidArgument)
		})
	}
}

func TestTimestampOfTheElement(t *testing.T) {
	when := stream.WithTimestamp(func(n int64) time.Time { return at(n) })
	d := streamtest.NewDriver(t, source[int64]("in", when).Sink("out"))
	d.Pipe("in", "", 77, at(0))
	require.Equal(t, at(77), d.Output("out")[0].Time)
}

func ExampleTopology_String() {
	s := source[string]("words")
	long := s.Filter(func(w string) bool { return len(w) > 3 }).Window(stream.TumblingWindow(time.Minute).Grace(time.Second))
	fmt.Print(long.GroupBy(self).Count().Sink("counts"))
	// Output:
	// sub-topology 0
	// 0 source words
	// 1 filter <- 0
	// sub-topology 1
	// 2 count count tumbling 1m0s grace 1s <- 1 by count-1-repartition
	// 3 to counts <- 2
}

func ExampleTopology_Dot() {
	fmt.Print(source[string]("in").GroupBy(self).Count().Sink("out").Dot())
	// Output:
	// digraph {
	//   node [shape=box]
	//   subgraph cluster_0 {
	//     label="sub-topology 0"
	//     n0 [label="source in"]
	//   }
	//   subgraph cluster_1 {
	//     label="sub-topology 1"
	//     n1 [label="count"]
	//     n2 [label="map"]
	//     n3 [label="to out"]
	//   }
	//   t0 [label="count-1-repartition" shape=cylinder]
	//   n0 -> t0 -> n1
	//   n1 -> n2
	//   n2 -> n3
	// }
}

func recordOf(value string) *record.Record {
	r := record.NewRecord(0, 0, nil, []byte(value), nil)
	return &r
}
