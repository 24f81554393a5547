package forward_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/forward"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var (
	kills  = flag.Int("forward.kills", 5, "how often a forwarder is killed")
	faults = flag.Int("forward.faults", 50, "how often the target cannot be reached")
	losses = flag.Int("forward.losses", 20, "how often the device loses power")
)

// TestTargetFails: verbs of the target fail at random, before or after their effect, and for a while all of them do.
func TestTargetFails(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		rng := rand.New(rand.NewPCG(seed, 0))
		failed, downUntil := 0, time.Time{}
		w.flaky.Fault = func(string, bool) error {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case time.Now().Before(downUntil):
				return errLost
			case failed < *faults && rng.IntN(12) == 0:
				failed++
				if rng.IntN(4) == 0 {
					downUntil = time.Now().Add(rand.N(10 * time.Second))
				}
				return errLost
			}
			return nil
		}
		count := func() int {
			mu.Lock()
			defer mu.Unlock()
			return failed
		}
		f := w.forwarder(forward.MaxBytesPerSecond(4 << 10))
		stop := start(t, f)
		fill := rand.New(rand.NewPCG(seed, 1))
		for count() < *faults {
			carrytest.Fill(t, w.local.Engine(), "t", 20, fill)
			settle(rand.N(5 * time.Second))
		}
		settle(time.Hour)
		require.Zero(t, f.Stats().Lag)
		require.Zero(t, f.Stats().Dropped)
		carrytest.Equal(t, w.local.Engine(), w.target.Engine(), "t")
		require.NoError(t, stop())
	})
}

// child sends and forwards at the same time, in a process that is killed.
func child(args []string) int {
	ctx := context.Background()
	device, err := kafka.NewClient(ctx, kafka.WithDir(args[0]))
	if err != nil {
		panic(err)
	}
	topic := args[2]
	f, err := forward.New(device, args[1], topic, forward.Topics(topic), forward.MaxBytesPerSecond(2<<20))
	if err != nil {
		panic(err)
	}
	go func() { panic(f.Run(ctx)) }()
	var forwarded int64
	for i := 0; ; i++ {
		m := kafka.Message{Key: fmt.Sprint(i % 10), Value: fmt.Appendf(nil, "%s %d", args[3], i), Headers: map[string]string{"life": args[3]}}
		acks := kafka.AcksLeader
		if i%10 == 0 {
			acks = kafka.AcksAll
		}
		if err := device.Producer(topic, kafka.WithAcks(acks)).Send(ctx, m); err != nil {
			panic(err)
		}
		if i%20 > 0 {
			continue
		}
		os.Stdout.WriteString("s") // it has sent
		if n := f.Stats().Records; n > forwarded {
			forwarded = n
			os.Stdout.WriteString("f") // it has forwarded
		}
	}
}

// TestKill9 kills devices at random moments. In the end the target, a directory or a real cluster, has all that the device
// has, once, in order.
func TestKill9(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	from, topic := t.TempDir(), fmt.Sprint("t-", seed)
	url := os.Getenv("TEST_KAFKA_URL")
	if url == "" {
		url = "file:" + filepath.ToSlash(t.TempDir())
	}
	device, err := kafka.NewClient(t.Context(), kafka.WithDir(from))
	require.NoError(t, err)
	create(t, device, topic, kafka.TopicConfig{Partitions: 3, Codec: "raw", SegmentBytes: 16 << 10})
	require.NoError(t, device.Close())
	for life := range *kills {
		killed(t, rng, from, url, topic, fmt.Sprint(life))
	}
	device, target := open(t, kafka.WithDir(from)), open(t, kafka.WithURL(url))
	f, err := forward.New(device, url, topic, forward.Topics(topic))
	require.NoError(t, err)
	behind := f.Stats().Lag
	stop := start(t, f)
	require.Eventually(t, func() bool { return f.Stats().Lag == 0 }, time.Minute, time.Millisecond)
	require.NoError(t, stop())
	carrytest.Equal(t, device.Engine(), target.Engine(), topic)
	s := f.Stats()
	require.Zero(t, s.Dropped)
	t.Logf("%d records, of which %d in the last run", behind, s.Records)
}

// killed runs a device and kills it after it has told a few times that it has sent, or that it has forwarded.
func killed(t *testing.T, rng *rand.Rand, args ...string) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	what, left := byte('s'), 1+rng.IntN(40)
	if rng.IntN(2) == 0 {
		what, left = 'f', 1+rng.IntN(5)
	}
	for told := make([]byte, 1); left > 0; {
		_, err := out.Read(told)
		require.NoError(t, err)
		if told[0] == what {
			left--
		}
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
}

// TestPowerLoss: what a power loss takes back from the device was never forwarded, so no other record can come to have an
// offset that the target believes to have.
func TestPowerLoss(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	target := open(t, kafka.WithInMemory())
	url := (&carrytest.Flaky{Engine: target.Engine()}).URL(t)
	mem := vfs.NewMem()
	for life := range *losses {
		mem = loss(t, rng, mem, url, life)
	}
	e := openLocal(t, mem)
	forwardAll(t, e, url)
	carrytest.Equal(t, e, target.Engine(), "t")
	require.NoError(t, e.Close())
}

func openLocal(t *testing.T, fs vfs.FS) *local.Engine {
	e, err := local.Open(local.Options{FS: fs, Clock: clock.Real, Logger: slog.New(slog.DiscardHandler), Unattended: true})
	require.NoError(t, err)
	return e
}

// loss forwards some of what a device sends, and returns what a loss of power at a random moment leaves of it.
func loss(t *testing.T, rng *rand.Rand, mem *vfs.Mem, url string, life int) *vfs.Mem {
	var left atomic.Pointer[vfs.Mem]
	var at atomic.Int64
	at.Store(math.MaxInt64)
	fs := vfs.Faulty(mem, func(op vfs.Op) error {
		if op.N == at.Load() {
			left.Store(mem.CrashClone(uint64(life)))
		}
		if op.N >= at.Load() {
			return errLost // nothing of what comes now has happened
		}
		return nil
	})
	e := openLocal(t, fs)
	if life == 0 {
		require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2, Codec: "raw", SegmentBytes: 4 << 10}))
	}
	device := open(t, kafka.WithURL((&carrytest.Flaky{Engine: e}).URL(t)))
	f, err := forward.New(device, url, "device", forward.Topics("t"))
	require.NoError(t, err)
	stop := start(t, f)
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(t, err)
	at.Store(fs.Ops() + 1 + rng.Int64N(200))
	for i := 0; left.Load() == nil; i++ {
		_, err := p.Produce(t.Context(), "t", []engine.Record{{
			Value: fmt.Appendf(nil, "%d %d", life, i), Partition: int32(rng.IntN(2)), Timestamp: int64(i),
		}})
		if err != nil {
			break
		}
	}
	_ = stop()
	_ = p.Close()
	_ = e.Close() // it is dead
	require.NotNil(t, left.Load())
	return left.Load()
}

// forwardAll forwards what there is.
func forwardAll(t *testing.T, e engine.Engine, url string) {
	device := open(t, kafka.WithURL((&carrytest.Flaky{Engine: e}).URL(t)))
	f, err := forward.New(device, url, "device", forward.Topics("t"))
	require.NoError(t, err)
	stop := start(t, f)
	require.Eventually(t, func() bool { return f.Stats().Lag == 0 && f.Stats().State == forward.Forwarding }, time.Minute, time.Millisecond)
	require.NoError(t, stop())
}
