package local_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestKafkaReadsTransactions has Apache Kafka's own tool read segments and indexes of aborted transactions. It needs Java
// and Kafka's jars, and so runs only when KAFKA_DUMP_LOG is set.
func TestKafkaReadsTransactions(t *testing.T) {
	if os.Getenv("KAFKA_DUMP_LOG") == "" {
		t.Skip("set KAFKA_DUMP_LOG to run it")
	}
	dir := t.TempDir()
	f, err := vfs.OS(dir)
	require.NoError(t, err)
	e := open(t, options(f))
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2, SegmentBytes: 32 << 10}))
	var ps []engine.Producer
	for range 3 {
		p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{BatchBytes: 200})
		require.NoError(t, err)
		ps = append(ps, p)
	}
	for round := range 100 { // three transactions that overlap, one or two of them aborted
		for i, p := range ps {
			begin(t, p)
			for j := range 2 + (round+i)%5 {
				send(t, p, "t", recTo(int32(j%2), fmt.Sprint(strings.Repeat("x", 90), round, i, j)))
			}
			require.NoError(t, flush(t, p))
		}
		for i, p := range ps {
			end(t, p, (round+i)%3 == 0 || round%4 == i)
		}
	}
	plain := producer(t, e, engine.AcksAll)
	for range 4 { // so that the last segments have indexes
		send(t, plain, "t", recTo(0, strings.Repeat("x", 3<<10)), recTo(1, strings.Repeat("x", 3<<10)))
	}
	require.NoError(t, e.Close())
	out, err := exec.Command("../../scripts/dump-log-segments.sh", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), ".txnindex")
	t.Logf("%s", out)
}
