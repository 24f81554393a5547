package mirror_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/mirror"
)

// BenchmarkRun mirrors a directory of a million records of 100 bytes into another one, durably; figures are per record.
func BenchmarkRun(b *testing.B) {
	const records, perBatch = 1_000_000, 1000
	from := open(b, kafka.WithDir(b.TempDir()))
	create(b, from, "t", kafka.TopicConfig{Partitions: 4, Codec: "raw"})
	p, err := from.Engine().OpenProducer(b.Context(), engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(b, err)
	rs := make([]engine.Record, perBatch)
	for n := range records / perBatch {
		for i := range rs {
			rs[i] = engine.Record{Value: make([]byte, 100), Timestamp: int64(n), Partition: int32(n % 4)}
		}
		_, err := p.Produce(b.Context(), "t", rs)
		require.NoError(b, err)
	}
	require.NoError(b, p.Close())
	b.ReportAllocs()
	b.SetBytes(100 * records)
	for b.Loop() {
		s, err := mirror.Run(b.Context(), from, open(b, kafka.WithDir(b.TempDir())))
		require.NoError(b, err)
		require.EqualValues(b, records, s.Records)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}
