// Package brokertest runs real Kafka brokers for tests, which may kill them and start them again.
package brokertest

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Script is the program that runs a broker in the foreground, scripts/kafka-broker.sh; empty where there is none, so that a
// test has to do with a cluster in its own process. TEST_KAFKA_BROKER names it.
func Script() string { return os.Getenv("TEST_KAFKA_BROKER") }

// Broker is one broker, whose data stay until the test ends. Its methods are for one goroutine.
type Broker struct {
	t        testing.TB
	port     int
	dir      string
	settings []string
	env      []string
	cmd      *exec.Cmd
}

// New is a broker on a port, which [Ports] finds, and with its controller on the next one. It does not run yet. The settings
// are of the form name=value.
func New(t testing.TB, port int, settings ...string) *Broker {
	return &Broker{t: t, port: port, dir: t.TempDir(), settings: settings}
}

// Of makes the broker one of those of a cluster, whose id is Kafka's: 16 bytes in URL-safe base64.
func (b *Broker) Of(cluster string) *Broker {
	b.env = append(b.env, "KAFKA_CLUSTER_ID="+cluster)
	return b
}

// Addr is host and port of the listener without encryption.
func (b *Broker) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

// Start runs the broker; Await waits until it can be used. It ends with the test.
func (b *Broker) Start() {
	b.t.Helper()
	out, err := os.Create(b.said())
	require.NoError(b.t, err)
	defer out.Close()
	b.cmd = exec.Command(Script(), append([]string{strconv.Itoa(b.port), b.dir}, b.settings...)...)
	b.cmd.Env = append(os.Environ(), b.env...)
	b.cmd.Stdout, b.cmd.Stderr = out, out
	require.NoError(b.t, b.cmd.Start())
	b.t.Cleanup(b.Kill)
}

func (b *Broker) said() string { return filepath.Join(b.dir, "said") }

// Await waits until the broker that was started says that it has.
func (b *Broker) Await() {
	b.t.Helper()
	var said []byte
	started := func() bool {
		said, _ = os.ReadFile(b.said())
		return strings.Contains(string(said), "Kafka Server started")
	}
	if !assert.Eventually(b.t, started, 2*time.Minute, 10*time.Millisecond) {
		b.t.Fatalf("the broker does not start:\n%s", said)
	}
}

// Kill ends the broker at once, as kill -9 does. One that does not run stays as it is.
func (b *Broker) Kill() {
	_ = b.cmd.Process.Kill() // the error is that it has ended
	_ = b.cmd.Wait()
}

// Ports finds n ports in a row of the loopback address that are free. They are below those that systems give to
// whoever asks for any port, so that nobody is given one of them before it is used.
func Ports(t testing.TB, n int) int {
	t.Helper()
	for range 1000 {
		if port := 10_000 + rand.IntN(20_000); free(port, n) {
			return port
		}
	}
	t.Fatal("no free ports")
	return 0
}

func free(port, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+i)))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
