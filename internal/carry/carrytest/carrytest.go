// Package carrytest fills logs with what is awkward to carry, and compares what two logs have.
package carrytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// Fill appends n records to random partitions of a topic, in several batches: with and without keys, values, headers, and
// timestamps in no order; some in transactions, of which some are aborted.
func Fill(t testing.TB, e engine.Engine, topic string, n int, rng *rand.Rand) {
	fill(t, e, topic, n, rng, randomRecord)
}

// FillKeyed is Fill with a key for each record, as clusters demand of a compacted topic.
func FillKeyed(t testing.TB, e engine.Engine, topic string, n int, rng *rand.Rand) {
	fill(t, e, topic, n, rng, func(rng *rand.Rand, partitions int) engine.Record {
		r := randomRecord(rng, partitions)
		if r.Key == nil {
			r.Key = []byte("key")
		}
		return r
	})
}

func fill(
	t testing.TB, e engine.Engine, topic string, n int, rng *rand.Rand, next func(rng *rand.Rand, partitions int) engine.Record,
) {
	info, err := e.DescribeTopic(t.Context(), topic)
	require.NoError(t, err)
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(t, err)
	for n > 0 {
		rs := make([]engine.Record, min(n, 1+rng.IntN(40)))
		for i := range rs {
			rs[i] = next(rng, len(info.Partitions))
		}
		n -= len(rs)
		send(t, p, topic, rs, rng.IntN(6))
	}
	require.NoError(t, p.Close())
}

// send sends records: in a transaction that is committed, in one that is aborted, or without.
func send(t testing.TB, p engine.Producer, topic string, rs []engine.Record, way int) {
	if way < 2 {
		require.NoError(t, p.Begin(t.Context()))
	}
	_, err := p.Produce(t.Context(), topic, rs)
	require.NoError(t, err)
	if way < 2 {
		require.NoError(t, p.End(t.Context(), way == 0))
	}
}

func randomRecord(rng *rand.Rand, partitions int) engine.Record {
	r := engine.Record{
		Timestamp: 1_700_000_000_000 + rng.Int64N(1_000_000), Partition: int32(rng.IntN(partitions)),
		Value: fmt.Appendf(nil, `{"n":%d,"x":%q}`, rng.Uint64(), strings.Repeat("x", rng.IntN(200))),
	}
	switch rng.IntN(4) {
	case 0:
		r.Key = []byte{}
	case 1:
		r.Key, r.Value = fmt.Appendf(nil, "key %d", rng.IntN(10)), nil
	case 2:
		r.Key = fmt.Appendf(nil, "key %d", rng.IntN(10))
		r.Headers = []record.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "", Value: []byte{}}}
	}
	return r
}

// Read is what a reader of committed records sees of a topic, as text, for each partition, and the offsets.
func Read(t testing.TB, e engine.Engine, topic string) (texts map[int32][]string, offsets map[int32][]int64) {
	k, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, k.Close(context.Background())) }()
	texts, offsets = map[int32][]string{}, map[int32][]int64{}
	for {
		fetches, err := k.Poll(t.Context(), 1000)
		if errors.Is(err, io.EOF) {
			return texts, offsets
		}
		require.NoError(t, err)
		for _, f := range fetches {
			for i := range f.Records {
				texts[f.Partition] = append(texts[f.Partition], Text(&f.Records[i]))
				offsets[f.Partition] = append(offsets[f.Partition], f.Records[i].Offset)
			}
		}
	}
}

// Text is a record without its offset, and without the header that names its codec.
func Text(r *record.Record) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d %s=%s", r.Timestamp, quote(r.Key), quote(r.Value))
	for h := range r.Headers() {
		if h.Key == engine.CodecHeader {
			continue
		}
		fmt.Fprintf(&s, " %q:%s", h.Key, quote(h.Value))
	}
	return s.String()
}

func quote(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

// Equal fails the test unless readers of committed records see the same of a topic in both logs: each record once, in the
// order of its partition.
func Equal(t testing.TB, source, target engine.Engine, topic string) {
	t.Helper()
	want, _ := Read(t, source, topic)
	got, _ := Read(t, target, topic)
	require.Len(t, got, len(want), topic)
	for p := range want {
		for i := range min(len(want[p]), len(got[p])) {
			require.Equal(t, want[p][i], got[p][i], "record %d of %s-%d", i, topic, p)
		}
		require.Len(t, got[p], len(want[p]), "%s-%d", topic, p)
	}
}
