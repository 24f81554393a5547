package local

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
)

// numbered is a program that sends a source of records, in order, under an ID.
type numbered struct {
	*testing.T
	acks engine.Acks
	e    *Engine
	p    engine.Producer
}

func (n *numbered) open(f vfs.FS) {
	var err error
	n.e, err = Open(Options{FS: f, Clock: clock.NewManual(time.UnixMilli(1_000)), Logger: slog.New(slog.DiscardHandler), DefaultPartitions: 2})
	require.NoError(n, err)
	n.p, err = n.e.OpenProducer(n.Context(), engine.ProducerConfig{ID: "import", Acks: n.acks, AutoCreateTopics: true, BatchBytes: 200})
	require.NoError(n, err)
}

func (n *numbered) progress() map[int32]int64 {
	counts, err := n.p.Progress(n.Context(), "t")
	require.NoError(n, err)
	return counts
}

// source is the record with a number in a partition.
func source(partition int32, number int64) engine.Record {
	return engine.Record{
		Partition: partition, Timestamp: 1, Sequence: number, Value: fmt.Appendf(nil, "%d/%d", partition, number),
	}
}

// contents checks that a partition holds the source from its start, each record once, and returns how many.
func (n *numbered) contents(partition int32) int64 {
	t, err := n.e.topic("t")
	require.NoError(n, err)
	part, err := t.partition(partition)
	require.NoError(n, err)
	next := int64(1)
	k, err := n.e.OpenConsumer(n.Context(), engine.ConsumerConfig{Topics: []string{"t"}})
	require.NoError(n, err)
	defer k.Close(n.Context())
	require.NoError(n, k.Seek(n.Context(), engine.TopicPartition{Topic: "t", Partition: 1 - partition}, 0))
	k.Pause(engine.TopicPartition{Topic: "t", Partition: 1 - partition})
	for next <= part.log.End() {
		fetches, err := k.Poll(n.Context(), 100)
		require.NoError(n, err)
		for _, f := range fetches {
			for _, r := range f.Records {
				require.Equal(n, string(source(partition, next).Value), string(r.Value), "offset %d", r.Offset)
				require.EqualValues(n, next-1, r.Offset)
				next++
			}
		}
	}
	return next - 1
}

// TestRetryAppendsOnceAcrossRestarts stops a program at any call of the file system, by a kill or a loss of power, and
// lets the next one send again from anywhere that is not ahead: every record is there once, in order.
func TestRetryAppendsOnceAcrossRestarts(t *testing.T) {
	for name, acks := range map[string]engine.Acks{"AcksAll": engine.AcksAll, "AcksLeader": engine.AcksLeader} {
		for _, power := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, power loss %v", name, power), func(t *testing.T) {
				for seed := range uint64(8) {
					runNumbered(t, acks, power, seed)
				}
			})
		}
	}
}

func runNumbered(t *testing.T, acks engine.Acks, power bool, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	mem := vfs.NewMem()
	acked := map[int32]int64{}
	for range 12 {
		var left atomic.Pointer[vfs.Mem] // what a program that ends at that call leaves
		var ops atomic.Int64
		stopAt, crash := 1+rng.Int64N(120), rng.Uint64()
		stop := func(vfs.Op) error {
			switch {
			case ops.Add(1) != stopAt:
			case power:
				left.Store(mem.CrashClone(crash))
			default:
				left.Store(mem.KillClone())
			}
			return nil
		}
		n := &numbered{T: t, acks: acks}
		n.open(mem)
		survived := n.progress()
		for partition, count := range survived {
			require.Equal(t, n.contents(partition), count, "seed %d", seed)
			if acks == engine.AcksAll || !power {
				require.GreaterOrEqual(t, count, acked[partition], "seed %d: acknowledged", seed)
			}
		}
		require.NoError(t, n.e.Close())
		n.open(vfs.Faulty(mem, stop))
		for left.Load() == nil {
			partition := rng.Int32N(2)
			have := n.progress()[partition]
			from := 1 + rng.Int64N(have+1)
			var rs []engine.Record
			for i := range 1 + rng.Int64N(12) {
				rs = append(rs, source(partition, from+i))
			}
			_, err := n.p.Produce(t.Context(), "t", rs)
			require.NoError(t, err)
			if last := rs[len(rs)-1]; left.Load() == nil {
				acked[partition] = max(acked[partition], last.Sequence)
			}
		}
		require.NoError(t, n.e.Close())
		mem = left.Load()
	}
}

func TestNumbers(t *testing.T) {
	n := &numbered{T: t}
	n.open(vfs.NewMem())
	defer func() { require.NoError(t, n.e.Close()) }()
	produce := func(rs ...engine.Record) ([]engine.Record, error) {
		_, err := n.p.Produce(t.Context(), "t", rs)
		return rs, err
	}
	for number := int64(1); number <= 8; number++ {
		rs, err := produce(source(0, number))
		require.NoError(t, err)
		require.Equal(t, number-1, rs[0].Offset)
	}
	require.Equal(t, map[int32]int64{0: 8, 1: 0}, n.progress())

	rs, err := produce(source(0, 3), source(0, 4), source(0, 8), source(0, 9))
	require.NoError(t, err)
	require.EqualValues(t, -1, rs[0].Offset, "not among the newest")
	require.EqualValues(t, 3, rs[1].Offset)
	require.EqualValues(t, 7, rs[2].Offset)
	require.EqualValues(t, 8, rs[3].Offset)

	for name, rs := range map[string][]engine.Record{
		"a gap":         {source(0, 11)},
		"negative":      {source(0, -1)},
		"twice at once": {source(0, 10), source(0, 10)},
	} {
		_, err = produce(rs...)
		require.ErrorIs(t, err, engine.ErrOutOfOrderSequence, name)
	}
	require.Equal(t, map[int32]int64{0: 9, 1: 0}, n.progress())

	plain, err := n.e.OpenProducer(t.Context(), engine.ProducerConfig{})
	require.NoError(t, err)
	_, err = plain.Produce(t.Context(), "t", []engine.Record{source(0, 10)})
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
	_, err = plain.Progress(t.Context(), "t")
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
	_, err = n.e.OpenProducer(t.Context(), engine.ProducerConfig{ID: "a/b"})
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
}

func TestNewerHolderFences(t *testing.T) {
	n := &numbered{T: t}
	n.open(vfs.NewMem())
	defer func() { require.NoError(t, n.e.Close()) }()
	older := n.p
	send := func(p engine.Producer, topic string) error {
		_, err := p.Produce(t.Context(), topic, []engine.Record{{Value: []byte("v"), Partition: 0}})
		return err
	}
	require.NoError(t, send(older, "t"))
	newer, err := n.e.OpenProducer(t.Context(), engine.ProducerConfig{ID: "import", AutoCreateTopics: true})
	require.NoError(t, err)
	require.NoError(t, send(older, "t"), "until the newer one sends")
	require.NoError(t, send(newer, "t"))
	require.ErrorIs(t, send(older, "t"), engine.ErrFenced)
	_, err = older.Progress(t.Context(), "t")
	require.ErrorIs(t, err, engine.ErrFenced)
	require.NoError(t, send(older, "other"), "another topic is another matter")
	require.NoError(t, older.Close())
	require.NoError(t, older.Close())
	require.NoError(t, send(newer, "t"))
	require.NoError(t, newer.Close())
	require.Empty(t, n.e.names.byName)
}

// TestNumbersBeyondTheSequence passes the end of the sequence, which has 31 bits, within one call.
func TestNumbersBeyondTheSequence(t *testing.T) {
	mem := vfs.NewMem()
	n := &numbered{T: t}
	n.open(mem)
	n.progress()
	top, err := n.e.topic("t")
	require.NoError(t, err)
	var b record.Builder
	b.Reset(record.Options{ProducerID: producerID("import"), ProducerEpoch: 4, BaseSequence: math.MaxInt32 - 2})
	require.NoError(t, b.Append(1, nil, []byte("v"), nil))
	batch, err := b.Finish()
	require.NoError(t, err)
	_, err = top.list()[0].log.Append(batch, 1)
	require.NoError(t, err)
	const before = int64(4)<<31 + math.MaxInt32 - 1
	require.Equal(t, map[int32]int64{0: before, 1: 0}, n.progress())

	var rs []engine.Record
	for i := range int64(6) {
		rs = append(rs, source(0, before+1+i))
	}
	_, err = n.p.Produce(t.Context(), "t", rs)
	require.NoError(t, err)
	require.Equal(t, map[int32]int64{0: before + 6, 1: 0}, n.progress())
	require.NoError(t, n.e.Close())

	n.open(mem)
	require.Equal(t, map[int32]int64{0: before + 6, 1: 0}, n.progress())
	_, err = n.p.Produce(t.Context(), "t", rs)
	require.NoError(t, err)
	require.EqualValues(t, 7, top.list()[0].log.End())
	require.EqualValues(t, -1, rs[0].Offset, "of the epoch before")
	require.EqualValues(t, 6, rs[5].Offset)
	require.NoError(t, n.e.Close())
}

func TestProducerIDs(t *testing.T) {
	seen := map[int64]bool{}
	for i := range 10_000 {
		id := producerID(fmt.Sprint(i))
		require.GreaterOrEqual(t, id, log.FirstNamed)
		require.False(t, seen[id])
		seen[id] = true
	}
}
