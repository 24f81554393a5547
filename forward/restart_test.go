package forward_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/dot-do/kafka-embedded/forward"
	"github.com/dot-do/kafka-embedded/internal/brokertest"
)

// cluster is one that a test may stop, and start again with what it had.
type cluster interface {
	start()
	stop()
}

// newCluster is a cluster and its URL: one in this process, or a real broker, where there is a script for that.
func newCluster(t *testing.T) (cluster, string) {
	port := brokertest.Ports(t, 2)
	url := fmt.Sprint("kafka://127.0.0.1:", port)
	if brokertest.Script() != "" {
		return broker{brokertest.New(t, port)}, url
	}
	return &fakeBroker{t: t, port: port, dir: t.TempDir()}, url
}

// broker is a real one, which is killed.
type broker struct{ *brokertest.Broker }

func (b broker) start() {
	b.Start()
	b.Await()
}

func (b broker) stop() { b.Kill() }

type fakeBroker struct {
	t    *testing.T
	port int
	dir  string
	*kfake.Cluster
}

func (b *fakeBroker) start() {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(b.dir), kfake.Ports(b.port))
	require.NoError(b.t, err)
	b.t.Cleanup(c.Close)
	b.Cluster = c
}

func (b *fakeBroker) stop() { b.Close() }

// TestClusterRestarts: the cluster goes away, while records are on their way or not, and comes back, again and again.
func TestClusterRestarts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	c, url := newCluster(t)
	c.start()
	toCluster(t, url, func(f *forward.Forwarder, send func()) {
		for range *restarts {
			some := f.Stats().Records + rng.Int64N(100)
			for range 10 {
				send()
			}
			require.Eventually(t, func() bool { return f.Stats().Records >= some }, 2*time.Minute, time.Millisecond, "%+v", f.Stats())
			for range rng.IntN(3) {
				send()
			}
			c.stop()
			send()
			c.start()
		}
		t.Logf("%d records before the last restart", f.Stats().Records)
	})
}
