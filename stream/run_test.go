package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

// world is an engine, in a bubble whose time goes on by itself, and a topology that runs.
type world struct {
	t    *testing.T
	e    *local.Engine
	p    engine.Producer
	wg   sync.WaitGroup
	stop context.CancelFunc
	err  error
}

// inBubble runs a test with an engine whose topic "in" has two partitions.
func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { withEngine(t, test) })
}

// withEngine runs a test with an engine whose topic "in" has two partitions, in real time.
func withEngine(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{t: t, e: openEngine(t, vfs.NewMem())}
	require.NoError(t, w.e.CreateTopic(t.Context(), "in", engine.TopicConfig{Partitions: 2}))
	var err error
	w.p, err = w.e.OpenProducer(t.Context(), engine.ProducerConfig{})
	require.NoError(t, err)
	test(t, w)
	require.NoError(t, w.p.Close())
	require.NoError(t, w.e.Close())
}

// send sends a word, stamped with the present.
func (w *world) send(partition int32, word string) { w.sendTo("in", partition, word) }

func (w *world) sendTo(topic string, partition int32, word string) {
	rs := []engine.Record{{Key: []byte(word), Value: fmt.Appendf(nil, "%q", word), Partition: partition, Timestamp: engine.NoTimestamp}}
	_, err := w.p.Produce(w.t.Context(), topic, rs)
	require.NoError(w.t, err)
}

func (w *world) words(opts ...stream.Option) *stream.Stream[string] {
	return stream.New(sourceOf[string](w, "in"), opts...)
}

func sourceOf[T any](w *world, topic string) stream.Source[T] {
	return streamtest.NewSource[T](envOf(w.e), topic)
}

// run runs something until halt.
func (w *world) run(fn func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(w.t.Context())
	w.stop = cancel
	w.wg.Go(func() { w.err = fn(ctx) })
	w.wait(time.Second)
}

func (w *world) halt() error {
	w.stop()
	w.wg.Wait()
	return w.err
}

// wait lets the bubble's time go on.
func (w *world) wait(d time.Duration) {
	require.NoError(w.t, clock.Sleep(w.t.Context(), clock.Real, d))
}

func TestTheLastWindowClosesWithoutFurtherInput(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var got []stream.Result[string, int64]
		counts := w.words().Window(stream.TumblingWindow(10 * time.Second)).GroupBy(self).Count()
		w.run(func(ctx context.Context) error {
			return counts.Each(ctx, func(r stream.Result[string, int64]) error { got = append(got, r); return nil })
		})
		w.send(0, "a")
		w.send(1, "a")
		w.wait(time.Second)
		n, ok := counts.Get("a")
		require.True(t, ok)
		require.Equal(t, int64(2), n)
		w.wait(20 * time.Second)
		require.NoError(t, w.halt())
		require.Len(t, got, 1)
		require.Equal(t, int64(2), got[0].Value)
	})
}

// TestASlowTopicLosesNothing: records that come more slowly than the idle timeout, each with the time of its sending, are
// late for nothing.
func TestASlowTopicLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		sum, late := int64(0), 0
		onLate := stream.OnLate(func(stream.Late) { late++ })
		counts := w.words(onLate).Window(stream.TumblingWindow(3 * time.Second)).GroupBy(self).Count()
		w.run(func(ctx context.Context) error {
			return counts.Each(ctx, func(r stream.Result[string, int64]) error { sum += r.Value; return nil })
		})
		for i := range 40 {
			w.send(int32(i%2), "a")
			w.wait(time.Duration(1+i%9) * 1100 * time.Millisecond)
		}
		w.wait(time.Minute)
		require.NoError(t, w.halt())
		require.Equal(t, int64(40), sum)
		require.Zero(t, late)
	})
}

func TestResume(t *testing.T) {
	for name, g := range map[string]stream.Guarantee{"exactly once": stream.ExactlyOnce, "at least once": stream.AtLeastOnce} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				for range 3 {
					table := w.words(stream.WithGuarantee(g)).GroupBy(self).Count()
					w.run(func(ctx context.Context) error { return table.To(ctx, "out") })
					w.send(0, "a")
					w.send(1, "a")
					w.wait(time.Second)
					require.NoError(t, w.halt())
				}
				var got []string
				for _, line := range outputs(t, w.e) {
					got = append(got, line[len(line)-1:])
				}
				require.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, got)
				infos, err := w.e.ListGroups(t.Context())
				require.NoError(t, err)
				require.Len(t, infos, 1)
				require.Len(t, infos[0].Offsets, 4, "of the source and of the repartition topic")
			})
		})
	}
}

// TestARunWithNothingToDoShowsItsTables: state is restored, though there is nothing to read.
func TestARunWithNothingToDoShowsItsTables(t *testing.T) {
	withEngine(t, func(t *testing.T, w *world) {
		w.send(0, "a")
		w.send(1, "b")
		for range 2 {
			table := w.words(stream.WithUntilEnd()).GroupBy(self).Count()
			require.NoError(t, table.To(t.Context(), "out"))
			for _, word := range []string{"a", "b"} {
				n, ok := table.Get(word)
				require.True(t, ok, word)
				require.Equal(t, int64(1), n)
			}
		}
	})
}

// TestRecordsThatAreGone: where retention took records before they were processed, a run goes on behind them.
func TestRecordsThatAreGone(t *testing.T) {
	withEngine(t, func(t *testing.T, w *world) {
		run := func() { require.NoError(t, w.words(stream.WithUntilEnd()).To(t.Context(), "out")) }
		w.send(0, "a")
		run()
		for _, word := range []string{"b", "c", "d"} {
			w.send(0, word)
		}
		require.NoError(t, w.e.DeleteRecords(t.Context(), engine.TopicPartition{Topic: "in"}, 2))
		run()
		run()
		var got []string
		for _, line := range outputs(t, w.e) {
			got = append(got, line[len(line)-2:len(line)-1])
		}
		require.ElementsMatch(t, []string{"a", "c", "d"}, got)
	})
}

// TestNothingIsWrittenWhileNothingHappens: time that goes on is no reason to commit.
func TestNothingIsWrittenWhileNothingHappens(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		table := w.words(stream.WithApplicationID("app")).Window(stream.TumblingWindow(time.Second)).GroupBy(self).Count()
		w.run(func(ctx context.Context) error { return table.To(ctx, "out") })
		w.send(0, "a")
		w.wait(time.Minute)
		before := w.e.Stats().RecordsIn
		w.wait(time.Hour)
		require.Equal(t, before, w.e.Stats().RecordsIn)
		require.NoError(t, w.halt())
		require.Len(t, outputs(t, w.e), 1)
	})
}

func TestEach(t *testing.T) {
	refused := errors.New("refused")
	withEngine(t, func(t *testing.T, w *world) {
		for _, word := range []string{"a", "b", "c"} {
			w.send(0, word)
		}
		named := w.words(stream.WithApplicationID("app"), stream.WithUntilEnd(), stream.WithOnError(stream.Skip))
		t.Run("an error ends it and the record comes again", func(t *testing.T) {
			var got []string
			fail := func(s string) error { got = append(got, s); return map[string]error{"b": refused}[s] }
			require.ErrorIs(t, named.Each(t.Context(), fail), refused)
			require.ErrorIs(t, named.Each(t.Context(), fail), refused)
			require.Equal(t, []string{"a", "b", "a", "b"}, got)
		})
		t.Run("a break is no error", func(t *testing.T) {
			for v, err := range named.All(t.Context()) {
				require.NoError(t, err)
				require.Equal(t, "a", v)
				break
			}
		})
		t.Run("a panic is the loop's", func(t *testing.T) {
			require.PanicsWithValue(t, "mine", func() {
				for range named.Results(t.Context()) {
					panic("mine")
				}
			})
		})
		t.Run("what was processed does not come again", func(t *testing.T) {
			for _, want := range []int{3, 0} {
				n := 0
				require.NoError(t, named.Each(t.Context(), func(string) error { n++; return nil }))
				require.Equal(t, want, n)
			}
		})
		t.Run("without a name nothing is stored", func(t *testing.T) {
			for range 2 {
				n := 0
				for range w.words(stream.WithUntilEnd()).Results(t.Context()) {
					n++
				}
				require.Equal(t, 3, n)
			}
		})
		t.Run("writing takes a name", func(t *testing.T) {
			err := w.words(stream.WithUntilEnd()).Through("mid").Each(t.Context(), func(string) error { return nil })
			require.ErrorIs(t, err, engine.ErrInvalidArgument)
		})
		t.Run("an ended context is no error", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.NoError(t, w.words().To(ctx, "out"))
		})
	})
}

// TestABreakCommitsWhatCameBefore: the element at which a loop ends comes again, those before it do not, where what led to
// it keeps no state.
func TestABreakCommitsWhatCameBefore(t *testing.T) {
	withEngine(t, func(t *testing.T, w *world) {
		for _, word := range []string{"a", "b", "c"} {
			w.send(0, word)
		}
		named := w.words(stream.WithApplicationID("app"), stream.WithUntilEnd())
		first := func(s *stream.Stream[string], n int) (got []string) {
			for v := range s.Results(t.Context()) {
				if got = append(got, v); len(got) == n {
					break
				}
			}
			return got
		}
		require.Equal(t, []string{"a", "b"}, first(named, 2))
		require.Equal(t, []string{"b"}, first(named, 1))
		require.Equal(t, []string{"b"}, first(named.Through("mid"), 1))
		require.Equal(t, []string{"b", "c"}, first(named, 3))
		require.Empty(t, first(named, 1))
		require.Empty(t, read(t, w.e, "mid"))
	})
}
