package cluster

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/engine/enginetest"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// fakeURL starts a cluster in this process and returns its URL.
func fakeURL(t testing.TB, opts ...kfake.Opt) string {
	t.Helper()
	_, url := fakeCluster(t, opts...)
	return url
}

func fakeCluster(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, string) {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.GroupMinSessionTimeout(100 * time.Millisecond)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, "kafka://" + strings.Join(c.ListenAddrs(), ",")
}

// testURL is a real cluster, when the environment names one, or one in this process.
func testURL(t testing.TB) string {
	if url := os.Getenv("TEST_KAFKA_URL"); url != "" {
		return url
	}
	return fakeURL(t)
}

func openEngine(t testing.TB, url string) engine.Engine {
	t.Helper()
	return openEngineWithin(t, url, 20*time.Second)
}

func openEngineWithin(t testing.TB, url string, timeout time.Duration) engine.Engine {
	t.Helper()
	e, err := engine.Open(t.Context(), engine.Options{
		URL: url, Clock: clock.Real, Logger: slog.New(slog.DiscardHandler), DefaultPartitions: 1, Timeout: timeout,
	})
	require.NoError(t, err)
	return e
}

func TestConformance(t *testing.T) {
	url := testURL(t)
	enginetest.Run(t, func(t *testing.T) engine.Engine { return openEngine(t, url) },
		enginetest.Features{Durability: engine.DurabilityOS, Transactions: true})
}
