package forward_test

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/forward"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
)

const childEnv = "KAFKA_FORWARD_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child(os.Args[1:]))
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, opts ...kafka.Option) *kafka.Client {
	t.Helper()
	c, err := kafka.NewClient(t.Context(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func create(t testing.TB, c *kafka.Client, topic string, config kafka.TopicConfig) {
	t.Helper()
	require.NoError(t, c.Admin().CreateTopic(t.Context(), topic, config))
}

// world is a device and a target.
type world struct {
	t             testing.TB
	local, target *kafka.Client
	flaky         *carrytest.Flaky // in front of the target
	url           string
}

func newWorld(t testing.TB, opts ...kafka.Option) *world {
	w := &world{t: t, local: open(t, append([]kafka.Option{kafka.WithInMemory()}, opts...)...), target: open(t, kafka.WithInMemory())}
	w.flaky = &carrytest.Flaky{Engine: w.target.Engine()}
	w.url = w.flaky.URL(t)
	create(t, w.local, "t", kafka.TopicConfig{Partitions: 2, Codec: "raw", SegmentBytes: 4 << 10})
	return w
}

func (w *world) forwarder(opts ...forward.Option) *forward.Forwarder {
	f, err := forward.New(w.local, w.url, "device", append([]forward.Option{forward.Topics("t")}, opts...)...)
	require.NoError(w.t, err)
	return f
}

// send appends records of so many bytes to partition 0.
func (w *world) send(n, size int) {
	rs := make([]engine.Record, n)
	for i := range rs {
		rs[i] = engine.Record{Value: make([]byte, size), Timestamp: engine.NoTimestamp}
	}
	p, err := w.local.Engine().OpenProducer(w.t.Context(), engine.ProducerConfig{Acks: engine.AcksLeader, BatchBytes: 1 << 10})
	require.NoError(w.t, err)
	_, err = p.Produce(w.t.Context(), "t", rs)
	require.NoError(w.t, err)
	require.NoError(w.t, p.Close())
}

// received is how many records of topic t the target has.
func (w *world) received() (n int) {
	if _, err := w.target.Engine().DescribeTopic(w.t.Context(), "t"); err != nil {
		return 0
	}
	texts, _ := carrytest.Read(w.t, w.target.Engine(), "t")
	for _, p := range texts {
		n += len(p)
	}
	return n
}

// start runs a forwarder until stop is called, which returns what Run did.
func start(t testing.TB, f *forward.Forwarder) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}
