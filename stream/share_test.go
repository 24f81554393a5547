package stream_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/stream"
)

// owners tells which member of a group has which partitions of a topic.
func owners(t *testing.T, w *world, group, topic string) map[string][]int32 {
	info, err := w.e.DescribeGroup(t.Context(), group)
	require.NoError(t, err)
	all := map[string][]int32{}
	for _, m := range info.Members {
		for _, tp := range m.Assignment {
			if tp.Topic == topic {
				all[m.ID] = append(all[m.ID], tp.Partition)
			}
		}
	}
	return all
}

// TestInstancesShareTheTasks: two runs of one application have a partition each; when one ends the other goes on with its
// tasks, and their state.
func TestInstancesShareTheTasks(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		table := func() *stream.Table[string, int64] {
			return w.words(stream.WithApplicationID("app")).GroupBy(self).Count()
		}
		first, second := table(), table()
		one, two := &world{t: t, e: w.e, p: w.p}, &world{t: t, e: w.e, p: w.p}
		one.run(func(ctx context.Context) error { return first.To(ctx, "out") })
		require.Len(t, owners(t, w, "app", "in"), 1)
		two.run(func(ctx context.Context) error { return second.To(ctx, "out") })
		w.wait(5 * time.Second)
		require.Len(t, owners(t, w, "app", "in"), 2)
		require.Len(t, owners(t, w, "app", "app-count-1-repartition"), 2)

		words := []string{"a", "b", "c", "d", "e", "f"}
		send := func() {
			for i, word := range words {
				w.send(int32(i%2), word)
			}
			w.wait(time.Second)
		}
		send()
		held := 0
		for _, word := range words {
			_, here := first.Get(word)
			_, there := second.Get(word)
			require.NotEqual(t, here, there, "one of them has %s", word)
			if here {
				held++
			}
		}
		require.NotZero(t, held)
		require.NotEqual(t, len(words), held)

		require.NoError(t, one.halt())
		w.wait(5 * time.Second)
		send()
		for _, word := range words {
			n, ok := second.Get(word)
			require.True(t, ok, word)
			require.Equal(t, int64(2), n, word)
		}
		require.NoError(t, two.halt())
		require.Len(t, outputs(t, w.e), 12)
	})
}

// TestAStandbyTakesOver: an application with one partition has one task; a second run waits for it.
func TestAStandbyTakesOver(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		require.NoError(t, w.e.CreateTopic(t.Context(), "single", engine.TopicConfig{}))
		top := func() *stream.Topology {
			return stream.New(sourceOf[string](w, "single")).GroupBy(self).Count().Sink("out")
		}
		one, two := &world{t: t, e: w.e, p: w.p}, &world{t: t, e: w.e, p: w.p}
		one.run(top().Run)
		two.run(top().Run)
		w.sendTo("single", 0, "a")
		w.wait(time.Second)
		require.NoError(t, one.halt())
		w.wait(5 * time.Second)
		w.sendTo("single", 0, "a")
		w.wait(time.Second)
		require.NoError(t, two.halt())
		var got []string
		for _, line := range outputs(t, w.e) {
			got = append(got, line[len(line)-1:])
		}
		require.Equal(t, []string{"1", "2"}, got)
		topics, err := w.e.ListTopics(t.Context())
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(topics, func(i engine.TopicInfo) bool {
			return i.Name == "app-count-1-repartition"
		}), "one partition needs no repartition topic")
	})
}

// TestASlowTopicLosesNothingBehindARepartitionTopic is [TestASlowTopicLosesNothing] with tasks.
func TestASlowTopicLosesNothingBehindARepartitionTopic(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		sum, late := int64(0), 0
		opts := []stream.Option{stream.OnLate(func(stream.Late) { late++ }), stream.WithApplicationID("app")}
		counts := w.words(opts...).Window(stream.TumblingWindow(3 * time.Second)).GroupBy(self).Count()
		w.run(func(ctx context.Context) error {
			return counts.Each(ctx, func(r stream.Result[string, int64]) error { sum += r.Value; return nil })
		})
		for i := range 40 {
			w.send(int32(i%2), fmt.Sprint("w", i%3))
			w.wait(time.Duration(1+i%9) * 1100 * time.Millisecond)
		}
		w.wait(time.Minute)
		require.NoError(t, w.halt())
		require.Equal(t, int64(40), sum)
		require.Zero(t, late)
	})
}

// TestAnInstanceThatIsGivenUpWritesNothing: one that is stuck in a function until the group has given its tasks to another
// one is fenced when it goes on. It asks for tasks again, and nothing is there twice.
func TestAnInstanceThatIsGivenUpWritesNothing(t *testing.T) {
	for name, g := range map[string]stream.Guarantee{"exactly once": stream.ExactlyOnce, "at least once": stream.AtLeastOnce} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				release := make(chan struct{})
				counts := func(peek func(string)) *stream.Topology {
					s := w.words(stream.WithApplicationID("app"), stream.WithGuarantee(g)).Peek(peek)
					return s.GroupBy(self).Count().Sink("out")
				}
				one, two := &world{t: t, e: w.e, p: w.p}, &world{t: t, e: w.e, p: w.p}
				one.run(counts(func(word string) {
					if word == "stuck" {
						<-release
					}
				}).Run)
				w.send(0, "a")
				w.wait(time.Second)
				w.send(0, "stuck")
				w.wait(time.Second)
				two.run(counts(func(string) {}).Run)
				w.wait(time.Hour)
				require.Len(t, owners(t, w, "app", "in"), 1)
				require.Len(t, outputs(t, w.e), 2, "the second one has gone on")
				close(release)
				w.wait(time.Minute)
				require.Len(t, owners(t, w, "app", "in"), 2, "both have tasks")
				for i := range int32(2) {
					w.send(i, "a")
				}
				w.wait(time.Second)
				require.NoError(t, one.halt())
				require.NoError(t, two.halt())
				var last []string
				for _, line := range outputs(t, w.e) {
					last = append(last, line[len(line)-3:])
				}
				want := []string{"a 1", "a 2", "a 3", "k 1"}
				if g == stream.AtLeastOnce { // the element was written, its offset was not
					want = append(want, "k 2")
				}
				require.ElementsMatch(t, want, last)
			})
		})
	}
}
