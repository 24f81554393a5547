package mirror_test

import (
	"context"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/mirror"
)

var (
	faults = flag.Int("mirror.faults", 50, "how often the target fails")
	kills  = flag.Int("mirror.kills", 5, "how often a mirror is killed")
)

const childEnv = "KAFKA_MIRROR_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child(os.Args[1], os.Args[2]))
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// random is a source of chance for several goroutines.
type random struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (r *random) oneIn(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n) == 0
}

var (
	errLost  = engine.Errorf(engine.ErrDisconnected, "the test cut the connection")
	errFinal = errors.New("the test says so")
)

// TestTargetFails: whatever verb of the target fails, before or after it had an effect, each record is carried once.
func TestTargetFails(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := &random{rng: rand.New(rand.NewPCG(seed, 0))}
	from, to := memory(t), memory(t)
	fill(t, from, 1000, seed)
	failed := map[string]int{}
	n := 0
	fault := func(verb string, after bool) error {
		if n >= *faults || !chance.oneIn(15) {
			return nil
		}
		n++
		if after {
			verb += ", done"
		}
		failed[verb]++
		return errFinal
	}
	url := (&carrytest.Flaky{Engine: to.Engine(), Fault: fault}).URL(t)
	for {
		flaky, err := kafka.NewClient(t.Context(), kafka.WithURL(url))
		if err == nil {
			_, err = mirror.Run(t.Context(), from, flaky, mirror.TxBytes(16<<10))
			require.NoError(t, flaky.Close())
		}
		if n >= *faults {
			break
		}
		if err == nil { // there is more to do
			carrytest.Fill(t, from.Engine(), "orders", 500, chance.rng)
			continue
		}
		require.ErrorIs(t, err, errFinal)
	}
	t.Logf("%d failures: %v", n, failed)
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	requireEqual(t, from, to)
	requireGroups(t, from, to)
}

// TestRetries: what may go away is tried again, and for how long.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails int
		want  error
		takes time.Duration // at most
	}{
		{"a few times", 4, nil, 4 * time.Second},
		{"always", 1000, kafka.ErrDisconnected, 8 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from, to := memory(t), memory(t)
				require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: 1}))
				failed := 0
				fault := func(verb string, after bool) error {
					if verb != "OpenProducer" || after || failed == c.fails {
						return nil
					}
					failed++
					return errLost
				}
				flaky := open(t, kafka.WithURL((&carrytest.Flaky{Engine: to.Engine(), Fault: fault}).URL(t)))
				s, err := mirror.Run(t.Context(), from, flaky)
				require.ErrorIs(t, err, c.want)
				require.LessOrEqual(t, s.Elapsed, c.takes)
				require.Greater(t, s.Elapsed, c.takes/3)
			})
		})
	}
}

// TestFollow: new records, new topics and groups come over while it runs, through failures; it ends with its context.
func TestFollow(t *testing.T) {
	manual := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	from, to := open(t, kafka.WithInMemory(), kafka.WithClock(manual)), memory(t)
	fill(t, from, 300, 1)
	chance := &random{rng: rand.New(rand.NewPCG(4, 0))}
	calm := make(chan struct{})
	fault := func(string, bool) error {
		select {
		case <-calm:
			return nil
		default:
		}
		if chance.oneIn(20) {
			return errLost
		}
		return nil
	}
	flaky := open(t, kafka.WithURL((&carrytest.Flaky{Engine: to.Engine(), Fault: fault}).URL(t)))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := mirror.Run(ctx, from, flaky, mirror.Follow(), mirror.WithClock(manual))
		ended <- err
	}()
	rng := rand.New(rand.NewPCG(5, 0))
	for i := range 20 {
		carrytest.Fill(t, from.Engine(), "orders", 50, rng)
		manual.Advance(time.Second)
		if i == 10 {
			create(t, from, "new", kafka.TopicConfig{Partitions: 2})
			carrytest.Fill(t, from.Engine(), "new", 50, rng)
		}
	}
	commit(t, from, "late", rand.New(rand.NewPCG(6, 0)))
	close(calm)
	require.Eventually(t, func() bool {
		manual.Advance(10 * time.Second)
		for _, topic := range []string{"orders", "states", "new"} {
			if _, err := to.Engine().DescribeTopic(t.Context(), topic); err != nil {
				return false
			}
			got, _ := carrytest.Read(t, to.Engine(), topic)
			want, _ := carrytest.Read(t, from.Engine(), topic)
			if !maps.EqualFunc(want, got, slices.Equal) {
				return false
			}
		}
		return len(strayGroups(t, from, to)) == 0
	}, time.Minute, time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, ctx.Err())
	requireEqual(t, from, to)
	carrytest.Equal(t, from.Engine(), to.Engine(), "new")
}

// TestCompacted: gaps that compaction made in the source, and in the target, do no harm.
func TestCompacted(t *testing.T) {
	manual := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	engines := make([]*local.Engine, 2)
	clients := make([]*kafka.Client, 2)
	for i := range engines {
		e, err := local.Open(local.Options{FS: vfs.NewVolatile(), Clock: manual, Unattended: true})
		require.NoError(t, err)
		engines[i] = e
		t.Cleanup(func() { require.NoError(t, e.Close()) })
		clients[i] = open(t, kafka.WithURL((&carrytest.Flaky{Engine: e}).URL(t)))
	}
	from, to := clients[0], clients[1]
	config := kafka.TopicConfig{CleanupPolicy: kafka.CleanupCompact, SegmentBytes: 4 << 10, Codec: "raw"}
	create(t, from, "t", config)
	rng := rand.New(rand.NewPCG(8, 0))
	for i := range 6 {
		carrytest.Fill(t, from.Engine(), "t", 200, rng)
		manual.Advance(time.Hour)
		engines[0].Maintain(t.Context())
		require.NoError(t, from.Engine().SetOffsets(t.Context(), "g", map[engine.TopicPartition]int64{{Topic: "t"}: int64(150 * i)}))
		_, err := mirror.Run(t.Context(), from, to)
		require.NoError(t, err)
		if i < 3 {
			continue // the target keeps all
		}
		engines[1].Maintain(t.Context())
	}
	require.Positive(t, engines[0].Stats().Compactions)
	require.Positive(t, engines[1].Stats().Compactions)
	want, got := lastOfKeys(t, from), lastOfKeys(t, to)
	require.Equal(t, want, got)
}

// lastOfKeys is what compaction promises to keep: the last record of each key.
func lastOfKeys(t *testing.T, c *kafka.Client) map[string]string {
	last := map[string]string{}
	for m, err := range c.Consumer("t", "", kafka.WithUntilEnd(), kafka.WithRawValues()).All(t.Context()) {
		require.NoError(t, err)
		if m.KeyBytes() != nil {
			last[m.Key] = string(m.Bytes())
		}
	}
	return last
}

// child mirrors one directory into another, in a process that is killed.
func child(from, to string) int {
	ctx := context.Background()
	source, err := kafka.NewClient(ctx, kafka.WithDir(from))
	if err != nil {
		panic(err)
	}
	target, err := kafka.NewClient(ctx, kafka.WithDir(to))
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("o")
	_, err = mirror.Run(ctx, source, target, mirror.TxBytes(16<<10), mirror.OnProgress(func(mirror.Progress) { os.Stdout.WriteString("p") }))
	if err != nil {
		panic(err)
	}
	return 0
}

// TestKill9 kills mirrors at random moments. In the end the target equals the source.
func TestKill9(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	grow := func(n int) {
		c, err := kafka.NewClient(t.Context(), kafka.WithDir(from))
		require.NoError(t, err)
		if _, err := c.Admin().DescribeTopic(t.Context(), "orders"); err != nil {
			fill(t, c, n, seed)
		} else {
			carrytest.Fill(t, c.Engine(), "orders", n, rng)
		}
		require.NoError(t, c.Close())
	}
	midway := 0
	for range *kills {
		grow(600)
		if killed(t, rng, from, to) {
			midway++
		}
	}
	t.Logf("%d kills, of which %d before the end", *kills, midway)
	a, b := open(t, kafka.WithDir(from)), open(t, kafka.WithDir(to))
	_, err := mirror.Run(t.Context(), a, b)
	require.NoError(t, err)
	requireEqual(t, a, b)
	requireGroups(t, a, b)
	require.True(t, b.Health().OK)
}

// killed runs a mirror and kills it once it has told of a few transactions. It reports whether that was before its end.
func killed(t *testing.T, rng *rand.Rand, from, to string) bool {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, from, to)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	told := make([]byte, 1+rng.IntN(12))
	for i := range told {
		if _, err := out.Read(told[i : i+1]); err != nil {
			break
		}
	}
	for range rng.IntN(1_000_000) { // some moment after that
		_ = rng.Uint64()
	}
	_ = cmd.Process.Kill()
	return cmd.Wait() != nil
}
