package stream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/stream"
)

// TestSubtopologies: where topologies over sources of several partitions are cut.
func TestSubtopologies(t *testing.T) {
	in, other := source[string]("in"), source[string]("other")
	byValue := stream.Keys(self, self)
	within := stream.JoinWindow(time.Second)
	left := func(r stream.JoinResult[string, string]) string { return r.Left }
	for name, c := range map[string]struct {
		top  *stream.Topology
		want string
	}{
		"nothing to spread": {in.Filter(nil).Merge(other).Through("mid").Sink("out"), `
0 source in
1 filter <- 0
2 source other
3 merge <- 1, 2
4 through mid <- 3
5 to out <- 4`},
		"the record's key": {in.GroupByKey().Count(stream.StoreName("n")).Stream().Sink("out"), `
0 source in
1 count n <- 0
2 to out <- 1`},
		"a join by the record's key": {stream.Join(in, other, stream.Cond[string, string]{}, within).Sink("out"), `
0 source in
1 source other
2 join within 1s <- 0, 1
3 to out <- 2`},
		"a join by other keys, and then by the record's": {
			stream.ToTable(stream.Map(stream.Join(in, other, byValue, within), left)).Stream().Sink("out"), `
sub-topology 0
0 source in
sub-topology 1
1 source other
sub-topology 2
2 join within 1s <- 0 by join-1-1-repartition, 1 by join-1-2-repartition
3 map <- 2
sub-topology 3
4 table <- 3 by table-2-repartition
5 to out <- 4`},
		"a table": {stream.JoinTable(in, stream.ToTable(other), self).Sink("out"), `
sub-topology 0
0 source in
sub-topology 1
1 source other
2 table <- 1
3 join table <- 0 by join-2-1-repartition, 2
4 to out <- 3`},
		"a stream and what was made of it": {
			stream.Map(in.GroupBy(self).Count().Stream(), func(r stream.Result[string, int64]) string { return r.Key }).Merge(in).Sink("out"), `
sub-topology 0
0 source in
sub-topology 1
1 count <- 0 by count-1-repartition
2 map <- 1
3 merge <- 2, 0 by merge-2-2-repartition
4 to out <- 3`},
		"two groupings": {in.GroupBy(self).Count(stream.StoreName("a")).Stream().
			GroupBy(func(stream.Result[string, int64]) string { return "" }).Count(stream.StoreName("b")).Stream().Sink("out"), `
sub-topology 0
0 source in
sub-topology 1
1 count a <- 0 by a-repartition
sub-topology 2
2 count b <- 1 by b-repartition
3 to out <- 2`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, strings.TrimPrefix(c.want, "\n")+"\n", c.top.String())
		})
	}
}

// TestTopicsOfAnApplication: how many partitions the application's own topics get.
func TestTopicsOfAnApplication(t *testing.T) {
	e := openEngine(t, vfs.NewMem())
	defer e.Close()
	for topic, partitions := range map[string]int{"one": 1, "three": 3, "four": 4} {
		require.NoError(t, e.CreateTopic(t.Context(), topic, engine.TopicConfig{Partitions: partitions}))
	}
	from := func(topic, id string) *stream.Stream[string] {
		w := &world{t: t, e: e}
		return stream.New(sourceOf[string](w, topic), stream.WithApplicationID(id), stream.WithUntilEnd())
	}
	within := stream.JoinWindow(time.Second)
	for name, c := range map[string]struct {
		top  func(id string) *stream.Topology
		want map[string]int
	}{
		"one partition": {func(id string) *stream.Topology { return from("one", id).GroupBy(self).Count().Sink("out") },
			map[string]int{"count-1-changelog": 1, "progress-0-changelog": 1}},
		"three": {func(id string) *stream.Topology { return from("three", id).GroupBy(self).Count().Sink("out") },
			map[string]int{"count-1-changelog": 3, "count-1-repartition": 3, "progress-1-changelog": 3}},
		"three, spread by key": {func(id string) *stream.Topology { return from("three", id).GroupByKey().Count().Sink("out") },
			map[string]int{"count-1-changelog": 3, "progress-0-changelog": 3}},
		"different numbers": {func(id string) *stream.Topology {
			return stream.Join(from("three", id), from("four", id), stream.Cond[string, string]{}, within).Sink("out")
		}, map[string]int{"join-1-1-repartition": 4, "join-1-changelog": 4, "progress-1-changelog": 4}},
		"a predicate": {func(id string) *stream.Topology {
			on := stream.On(func(l, r string) bool { return l == r })
			return stream.Join(from("three", id), from("one", id), on, within).Sink("out")
		}, map[string]int{"join-1-1-repartition": 1, "join-1-changelog": 1, "progress-1-changelog": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.NewReplacer(" ", "-", ",", "").Replace(name)
			require.NoError(t, c.top(id).Run(t.Context()))
			topics, err := e.ListTopics(t.Context())
			require.NoError(t, err)
			got := map[string]int{}
			for _, info := range topics {
				for _, kind := range []string{"-changelog", "-repartition"} {
					if suffix, ok := strings.CutPrefix(info.Name, id+"-"); ok && strings.HasSuffix(suffix, kind) && c.want[suffix] > 0 {
						got[suffix] = len(info.Partitions)
					}
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestMorePartitions: a topology without state takes them up; a grouping behind a repartition topic keeps its tasks; state
// that would have to be divided anew is an error.
func TestMorePartitions(t *testing.T) {
	withEngine(t, func(t *testing.T, w *world) {
		opts := []stream.Option{stream.WithUntilEnd()}
		filter := func() error { return w.words(opts...).Sink("out").Run(t.Context()) }
		grouped := func() error { return w.words(opts...).GroupBy(self).Count().Sink("counts").Run(t.Context()) }
		byKey := func() error { return w.words(opts...).GroupByKey().Count().Sink("by-key").Run(t.Context()) }
		w.send(0, "a")
		w.send(1, "b")
		for _, run := range []func() error{filter, grouped, byKey} {
			require.NoError(t, run())
		}
		require.NoError(t, w.e.CreatePartitions(t.Context(), "in", 3))
		w.send(2, "a")
		require.NoError(t, filter())
		require.NoError(t, grouped())
		err := byKey()
		require.ErrorIs(t, err, engine.ErrInvalidArgument)
		require.ErrorContains(t, err, "choose another application id")
		require.Len(t, outputs(t, w.e), 3)
		require.Len(t, read(t, w.e, "counts"), 3)
	})
}

// TestATopicThatGrowsWhileItIsRead makes the run plan again.
func TestATopicThatGrowsWhileItIsRead(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run(w.words().Sink("out").Run)
		w.send(0, "a")
		w.wait(time.Second)
		require.NoError(t, w.e.CreatePartitions(t.Context(), "in", 3))
		w.send(2, "b")
		w.wait(5 * time.Second)
		require.NoError(t, w.halt())
		require.Len(t, outputs(t, w.e), 2)
	})
}

// TestWhatWasProcessedOfARepartitionTopicIsDeleted after a while.
func TestWhatWasProcessedOfARepartitionTopicIsDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run(w.words(stream.WithApplicationID("app")).GroupBy(self).Count().Sink("out").Run)
		for range 50 {
			w.send(0, "a")
			w.wait(time.Second)
		}
		require.NoError(t, w.halt())
		info, err := w.e.DescribeTopic(t.Context(), "app-count-1-repartition")
		require.NoError(t, err)
		require.NotZero(t, info.Partitions[engine.PartitionForKey([]byte("a"), 2)].Start)
	})
}

// TestATableOfItsOwnResults cannot be spread over partitions: the stream would have to be ahead of itself.
func TestATableOfItsOwnResults(t *testing.T) {
	withEngine(t, func(t *testing.T, w *world) {
		table := w.words(stream.WithUntilEnd()).GroupBy(self).Count()
		again := table.Stream().GroupBy(func(r stream.Result[string, int64]) string { return r.Key }).Count()
		top := stream.JoinTable(again.Stream(), table, func(r stream.Result[string, int64]) string { return r.Key }).Sink("out")
		require.ErrorIs(t, top.Run(t.Context()), engine.ErrInvalidArgument)
		require.NotEmpty(t, top.String())
	})
}
