package stream_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

var kills = flag.Int("stream.kills", 30, "how many chains of kills at random points, for each topology")

func openEngine(t testing.TB, f vfs.FS) *local.Engine {
	e, err := local.Open(local.Options{
		FS: f, Clock: clock.Real, Logger: slog.New(slog.DiscardHandler), DefaultPartitions: 1, Codec: "json", Unattended: true,
	})
	require.NoError(t, err)
	return e
}

func envOf(e engine.Engine) stream.Env {
	env := streamtest.NewEnv()
	env.Engine, env.Clock = e, clock.Real
	env.TopicCodec = func(ctx context.Context, topic string) (stream.Codec, error) {
		_ = e.CreateTopic(ctx, topic, engine.TopicConfig{}) // it may be there
		return streamtest.JSON, nil
	}
	return env
}

// event is an input of the topologies that get killed.
type event struct {
	User string `json:"user"`
	N    int64  `json:"n"`
}

// seed fills the topics "in" and "other", of two partitions each, and "single" and "single-other" of one, with events that
// are up to 50 ms out of order.
func seed(t testing.TB, e engine.Engine, n int) {
	rng := rand.New(rand.NewPCG(7, 7))
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(t, err)
	for topic, partitions := range map[string]int{"in": 2, "other": 2, "single": 1, "single-other": 1} {
		require.NoError(t, e.CreateTopic(t.Context(), topic, engine.TopicConfig{Partitions: partitions, SegmentBytes: 8 << 10}))
		rs := make([]engine.Record, n)
		for i := range rs {
			user := fmt.Sprint("u", rng.IntN(7))
			rs[i] = engine.Record{
				Key: []byte(user), Value: fmt.Appendf(nil, `{"user":%q,"n":%d}`, user, i), Partition: engine.AnyPartition,
				Timestamp: 1_000_000 + int64(i)*10 + rng.Int64N(40),
			}
		}
		_, err := p.Produce(t.Context(), topic, rs)
		require.NoError(t, err)
	}
	require.NoError(t, p.Close())
}

// outputs is what a reader of committed records sees, sorted: which of several windows that close at one time comes
// first is not defined.
func outputs(t testing.TB, e engine.Engine) []string { return read(t, e, "out") }

func read(t testing.TB, e engine.Engine, topic string) (all []string) {
	c, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true, AutoCreateTopics: true})
	require.NoError(t, err)
	for {
		fetches, err := c.Poll(t.Context(), 1000)
		if err != nil {
			require.ErrorContains(t, err, "EOF")
			break
		}
		for _, f := range fetches {
			for _, r := range f.Records {
				all = append(all, fmt.Sprintf("%d %s %s", r.Timestamp, r.Key, r.Value))
			}
		}
	}
	require.NoError(t, c.Close(t.Context()))
	slices.Sort(all)
	return all
}

func byUser(e event) string { return e.User }

func events(e engine.Engine, topic string, opts ...stream.Option) *stream.Stream[event] {
	opts = append([]stream.Option{stream.WithCommitInterval(1), stream.WithApplicationID("app")}, opts...)
	return stream.New(streamtest.NewSource[event](envOf(e), topic), opts...)
}

// topology makes a topology that writes to "out".
type topology func(e engine.Engine, opts ...stream.Option) *stream.Topology

// killed are topologies over topics of one partition, where one task sees the records in the order of their times, and
// over topics of several, where tasks run ahead of each other. There results are the same each time as long as nothing is
// late, hence the grace.
var killed = map[string]topology{
	"filter": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		return events(e, "in", opts...).Filter(func(e event) bool { return e.N%3 > 0 }).Sink("out")
	},
	"count": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		return events(e, "in", opts...).GroupBy(byUser).Count().Sink("out")
	},
	"count by key": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		return events(e, "in", opts...).GroupByKey().Count().Sink("out")
	},
	"tumbling": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		sum := func(n int64, e event) int64 { return n + e.N }
		w := stream.TumblingWindow(100 * time.Millisecond).Grace(50 * time.Millisecond)
		return stream.Reduce(events(e, "in", opts...).Window(w).GroupBy(byUser), 0, sum).Sink("out")
	},
	"tumbling in one task": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		sum := func(n int64, e event) int64 { return n + e.N }
		w := stream.TumblingWindow(100 * time.Millisecond)
		return stream.Reduce(events(e, "single", opts...).Window(w).GroupBy(byUser), 0, sum).Sink("out")
	},
	"sliding": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		w := stream.SlidingWindow(50 * time.Millisecond).Grace(10 * time.Millisecond)
		return events(e, "single", opts...).Window(w).GroupBy(byUser).Count().Sink("out")
	},
	"session": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		w := stream.SessionWindow(40 * time.Millisecond).Grace(50 * time.Millisecond)
		return events(e, "in", opts...).Window(w).GroupBy(byUser).Count().Sink("out")
	},
	"join": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		on := stream.Keys(byUser, byUser)
		within, grace := stream.JoinWindow(30*time.Millisecond), stream.JoinGrace(50*time.Millisecond)
		return stream.OuterJoin(events(e, "in", opts...), events(e, "other", opts...), on, within, grace).Sink("out")
	},
	"join in one task": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		on := stream.Keys(byUser, byUser)
		return stream.OuterJoin(events(e, "single", opts...), events(e, "single-other", opts...), on,
			stream.JoinWindow(30*time.Millisecond)).Sink("out")
	},
	"join by predicate": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		on := stream.On(func(l, r event) bool { return l.N == r.N })
		within, grace := stream.JoinWindow(30*time.Millisecond), stream.JoinGrace(50*time.Millisecond)
		return stream.Join(events(e, "in", opts...), events(e, "single", opts...), on, within, grace).Sink("out")
	},
	"join with a table in one task": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		table := stream.ToTable(events(e, "single-other", opts...))
		return stream.LeftJoinTable(events(e, "single", opts...), table, byUser).Sink("out")
	},
	"join with a table": func(e engine.Engine, opts ...stream.Option) *stream.Topology { // what it holds when is not defined
		s := stream.LeftJoinTable(events(e, "in", opts...), stream.ToTable(events(e, "other", opts...)), byUser)
		return stream.Map(s, func(r stream.JoinResult[event, event]) event { return r.Left }).Sink("out")
	},
	"windows of windows": func(e engine.Engine, opts ...stream.Option) *stream.Topology {
		w := stream.TumblingWindow(100 * time.Millisecond).Grace(50 * time.Millisecond)
		first := events(e, "in", opts...).Window(w).GroupBy(byUser).Count().Stream()
		all := func(stream.Result[string, int64]) string { return "all" }
		return first.Window(stream.HoppingWindow(time.Second, 500*time.Millisecond)).GroupBy(all).Count().Sink("out")
	},
}

// TestKilledAtAnyPoint: whatever the moment of a kill or of a loss of power, and however often, the results are those of
// a run that nothing disturbed.
func TestKilledAtAnyPoint(t *testing.T) {
	for name, build := range killed {
		t.Run(name, func(t *testing.T) {
			start := vfs.NewMem()
			e := openEngine(t, start)
			seed(t, e, 400)
			require.NoError(t, e.Close())

			want, ops := calm(t, start, build)
			for chain := range uint64(*kills) {
				rng := rand.New(rand.NewPCG(chain, 9))
				mem := start.KillClone()
				for range 3 {
					mem = killedRun(t, mem, build, rng, 1+rng.Int64N(ops))
				}
				e := openEngine(t, mem)
				require.NoError(t, build(e, stream.WithUntilEnd()).Run(t.Context()))
				requireSame(t, want, outputs(t, e), "chain", chain)
				require.NoError(t, build(e, stream.WithUntilEnd()).Run(t.Context()), "there is nothing left to do")
				requireSame(t, want, outputs(t, e), "chain", chain)
				require.NoError(t, e.Close())
			}
		})
	}
}

// requireSame shows the first difference only.
func requireSame(t *testing.T, want, got []string, what ...any) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], append(what, "result", i)...)
	}
	require.Len(t, got, len(want), fmt.Sprintln(what...))
}

// calm is what a run that nothing disturbs writes, and how many calls of the file system it takes.
func calm(t *testing.T, start *vfs.Mem, build topology) (want []string, ops int64) {
	counted := vfs.Faulty(start.KillClone(), nil)
	e := openEngine(t, counted)
	require.NoError(t, build(e, stream.WithUntilEnd()).Run(t.Context()))
	want, ops = outputs(t, e), counted.Ops()
	require.NoError(t, e.Close())
	require.NotEmpty(t, want)
	return want, ops
}

// killedRun runs a topology and returns what a kill, or a loss of power, at the nth call of the file system leaves.
func killedRun(t *testing.T, mem *vfs.Mem, build topology, rng *rand.Rand, n int64) *vfs.Mem {
	var left *vfs.Mem
	power, seed := rng.IntN(3) == 0, rng.Uint64()
	take := func() {
		if left = mem.KillClone(); power {
			left = left.CrashClone(seed)
		}
	}
	f := vfs.Faulty(mem, func(op vfs.Op) error {
		if op.N == n {
			take()
		}
		return nil
	})
	e := openEngine(t, f)
	require.NoError(t, build(e, stream.WithUntilEnd()).Run(t.Context()))
	require.NoError(t, e.Close())
	if left == nil {
		take()
	}
	return left
}
