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

// seed fills two topics of two partitions each with events that are somewhat out of order.
func seed(t testing.TB, e engine.Engine, n int) {
	rng := rand.New(rand.NewPCG(7, 7))
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(t, err)
	for _, topic := range []string{"in", "other"} {
		require.NoError(t, e.CreateTopic(t.Context(), topic, engine.TopicConfig{Partitions: 2, SegmentBytes: 8 << 10}))
		rs := make([]engine.Record, n)
		for i := range rs {
			user := fmt.Sprint("u", rng.IntN(7))
			rs[i] = engine.Record{
				Key: []byte(user), Value: fmt.Appendf(nil, `{"user":%q,"n":%d}`, user, i), Partition: int32(rng.IntN(2)),
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
func outputs(t testing.TB, e engine.Engine) (all []string) {
	c, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"out"}, UntilEnd: true, AutoCreateTopics: true})
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

func events(e engine.Engine, topic string) *stream.Stream[event] {
	return stream.New(streamtest.NewSource[event](envOf(e), topic), stream.WithUntilEnd(), stream.WithCommitInterval(1),
		stream.WithApplicationID("app"))
}

var killed = map[string]func(e engine.Engine) *stream.Topology{
	"filter": func(e engine.Engine) *stream.Topology {
		return events(e, "in").Filter(func(e event) bool { return e.N%3 > 0 }).Sink("out")
	},
	"count": func(e engine.Engine) *stream.Topology { return events(e, "in").GroupBy(byUser).Count().Sink("out") },
	"tumbling": func(e engine.Engine) *stream.Topology {
		sum := func(n int64, e event) int64 { return n + e.N }
		return stream.Reduce(events(e, "in").Window(stream.TumblingWindow(100*time.Millisecond)).GroupBy(byUser), 0, sum).Sink("out")
	},
	"sliding": func(e engine.Engine) *stream.Topology {
		return events(e, "in").Window(stream.SlidingWindow(50 * time.Millisecond).Grace(10 * time.Millisecond)).GroupBy(byUser).Count().Sink("out")
	},
	"session": func(e engine.Engine) *stream.Topology {
		return events(e, "in").Window(stream.SessionWindow(40 * time.Millisecond)).GroupBy(byUser).Count().Sink("out")
	},
	"join": func(e engine.Engine) *stream.Topology {
		on := stream.Keys(byUser, byUser)
		return stream.OuterJoin(events(e, "in"), events(e, "other"), on, stream.JoinWindow(30*time.Millisecond)).Sink("out")
	},
	"join with a table": func(e engine.Engine) *stream.Topology {
		return stream.LeftJoinTable(events(e, "in"), stream.ToTable(events(e, "other")), byUser).Sink("out")
	},
	"windows of windows": func(e engine.Engine) *stream.Topology {
		first := events(e, "in").Window(stream.TumblingWindow(100 * time.Millisecond)).GroupBy(byUser).Count().Stream()
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

			calm := start.KillClone()
			counted := vfs.Faulty(calm, nil)
			e = openEngine(t, counted)
			require.NoError(t, build(e).Run(t.Context()))
			want, ops := outputs(t, e), counted.Ops()
			require.NoError(t, e.Close())
			require.NotEmpty(t, want)

			for chain := range uint64(*kills) {
				rng := rand.New(rand.NewPCG(chain, 9))
				mem := start.KillClone()
				for range 3 {
					mem = killedRun(t, mem, build, rng, 1+rng.Int64N(ops))
				}
				e := openEngine(t, mem)
				require.NoError(t, build(e).Run(t.Context()))
				require.Equal(t, want, outputs(t, e), "chain %d", chain)
				require.NoError(t, build(e).Run(t.Context()), "there is nothing left to do")
				require.Equal(t, want, outputs(t, e), "chain %d", chain)
				require.NoError(t, e.Close())
			}
		})
	}
}

// killedRun runs a topology and returns what a kill, or a loss of power, at the nth call of the file system leaves.
func killedRun(t *testing.T, mem *vfs.Mem, build func(engine.Engine) *stream.Topology, rng *rand.Rand, n int64) *vfs.Mem {
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
	require.NoError(t, build(e).Run(t.Context()))
	require.NoError(t, e.Close())
	if left == nil {
		take()
	}
	return left
}
