package forward_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	kafka "github.com/dot-do/kafka-embedded"
	_ "github.com/dot-do/kafka-embedded/cluster"
	"github.com/dot-do/kafka-embedded/forward"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

var (
	cuts     = flag.Int("forward.cuts", 10, "how often connections to a cluster are cut")
	lasts    = flag.Duration("forward.lasts", 0, "how long TestCluster sends, so that somebody can kill brokers meanwhile")
	restarts = flag.Int("forward.restarts", 3, "how often a cluster is stopped and started again")
)

// toCluster forwards what there is to a cluster, while meanwhile runs, and compares the logs.
func toCluster(t *testing.T, url string, meanwhile func(f *forward.Forwarder, send func())) {
	topic := fmt.Sprint("t-", rand.Uint64())
	device := open(t, kafka.WithInMemory())
	create(t, device, topic, kafka.TopicConfig{Partitions: 3, Codec: "json"})
	rng := rand.New(rand.NewPCG(1, 0))
	f, err := forward.New(device, url, topic, forward.Topics(topic), forward.TargetOptions(kafka.WithTimeout(5*time.Second)))
	require.NoError(t, err)
	stop := start(t, f)
	meanwhile(f, func() { carrytest.Fill(t, device.Engine(), topic, 20, rng) })
	require.Eventually(t, func() bool {
		s := f.Stats()
		return s.Lag == 0 && s.State == forward.Forwarding && s.Failures == 0
	}, 2*time.Minute, time.Millisecond, "%+v", f.Stats())
	require.True(t, f.Stats().ExactlyOnce)
	require.NoError(t, stop())
	carrytest.Equal(t, device.Engine(), open(t, kafka.WithURL(url)).Engine(), topic)
}

// TestCluster forwards to a real cluster, when the environment names one, or to one in this process.
func TestCluster(t *testing.T) {
	url := os.Getenv("TEST_KAFKA_URL")
	if url == "" {
		url = fake(t, nil)
	}
	toCluster(t, url, func(_ *forward.Forwarder, send func()) {
		for end := clock.Real.Now().Add(*lasts); ; {
			send()
			if left := end.Sub(clock.Real.Now()); left <= 0 {
				return
			}
			require.NoError(t, clock.Sleep(t.Context(), clock.Real, 50*time.Millisecond))
		}
	})
}

func fake(t *testing.T, l *cutter) string {
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	if l != nil {
		opts = append(opts, kfake.ListenFn(l.listen))
	}
	c, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return "kafka://" + strings.Join(c.ListenAddrs(), ",")
}

// TestConnectionsCut: connections break at random, before the cluster has a request, or before its answer comes.
func TestConnectionsCut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	l := &cutter{rng: rand.New(rand.NewPCG(seed, 0)), left: *cuts}
	toCluster(t, fake(t, l), func(_ *forward.Forwarder, send func()) {
		require.Eventually(t, func() bool {
			send()
			return l.done()
		}, 10*time.Minute, 5*time.Millisecond)
	})
}

// cutter is a listener whose connections break.
type cutter struct {
	net.Listener
	mu   sync.Mutex
	rng  *rand.Rand
	left int // cuts to come
}

func (l *cutter) listen(network, address string) (net.Listener, error) {
	inner, err := net.Listen(network, address)
	l.Listener = inner
	return l, err
}

func (l *cutter) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{c, l}, nil
}

// cut reports whether a connection breaks now.
func (l *cutter) cut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 || l.rng.IntN(40) > 0 {
		return false
	}
	l.left--
	return true
}

func (l *cutter) done() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left == 0
}

type cutConn struct {
	net.Conn
	l *cutter
}

func (c *cutConn) Read(b []byte) (int, error) {
	if c.l.cut() {
		_ = c.Conn.Close()
	}
	return c.Conn.Read(b)
}

func (c *cutConn) Write(b []byte) (int, error) {
	if c.l.cut() {
		_ = c.Conn.Close()
	}
	return c.Conn.Write(b)
}
