package local_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var txRuns = flag.Int("txn.runs", 120, "how many runs of transactions with a crash or a fault at a random point")

// fate is what is known of a transaction.
type fate int

const (
	pending   fate = iota // its commit has not returned
	committed             // its commit returned nil
	aborted               // it was aborted, or its commit failed for certain
	unknown               // its commit failed with an unknown outcome
)

// txState is a transaction in the ledger.
type txState struct {
	fate   fate
	count  int   // of its records, in all partitions
	offset int64 // it commits for the group; 0 is none
}

// txWorld runs transactions one after the other, and keeps the ledger that a reader is checked against. Each record says
// of which transaction it is, which one of it, and of how many.
type txWorld struct {
	ctx context.Context
	rng *rand.Rand
	e   *local.Engine
	p   engine.Producer

	mu     sync.Mutex
	ledger map[int]txState
	next   int
	offset int64 // that the last attempt committed
	input  int64 // records in the input topic
}

var txTopics = map[string]int{"in": 1, "a": 2, "b": 1}

func newTxWorld(ctx context.Context, seed uint64) *txWorld {
	return &txWorld{ctx: ctx, rng: rand.New(rand.NewPCG(seed, 0)), ledger: map[int]txState{}}
}

func (w *txWorld) snapshot() map[int]txState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.ledger)
}

func (w *txWorld) set(id int, change func(*txState)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.ledger[id]
	change(&s)
	w.ledger[id] = s
}

// open makes the topics, with segments so small that transactions span several.
func (w *txWorld) open(f vfs.FS) (err error) {
	if w.e, err = local.Open(options(f)); err != nil {
		return err
	}
	for name, partitions := range txTopics {
		c := engine.TopicConfig{Partitions: partitions, SegmentBytes: 2 << 10}
		if err := w.e.CreateTopic(w.ctx, name, c); err != nil {
			return err
		}
	}
	in, err := w.e.OpenProducer(w.ctx, engine.ProducerConfig{})
	if err != nil {
		return err
	}
	for ; w.input < 50; w.input++ {
		if _, err := in.Produce(w.ctx, "in", []engine.Record{rec("input")}); err != nil {
			return err
		}
	}
	w.p, err = w.e.OpenProducer(w.ctx, engine.ProducerConfig{BatchBytes: 200})
	return err
}

// transact runs a transaction, and reports an error that is not the transaction's own.
func (w *txWorld) transact(commit bool) {
	id := w.next
	w.next++
	records := make([]engine.Record, 0, 12)
	for range w.rng.IntN(12) {
		records = append(records, engine.Record{Partition: int32(w.rng.IntN(2)), Timestamp: engine.NoTimestamp})
	}
	for i := range records {
		records[i].Value = fmt.Appendf(nil, "%d %d %d %s", id, i, len(records), strings.Repeat("x", w.rng.IntN(60)))
	}
	s := txState{count: len(records), fate: aborted}
	if w.rng.IntN(2) == 0 && w.offset < w.input {
		w.offset++
		s.offset = w.offset
	}
	w.set(id, func(state *txState) { *state = s })
	if w.p.Begin(w.ctx) != nil {
		return
	}
	if err := w.fill(records, s.offset); err != nil || !commit {
		_ = w.p.End(w.ctx, false)
		return
	}
	w.set(id, func(state *txState) { state.fate = pending })
	err := w.p.End(w.ctx, true)
	w.set(id, func(state *txState) {
		switch {
		case err == nil:
			state.fate = committed
		case strings.Contains(err.Error(), "outcome of the transaction is unknown"):
			state.fate = unknown
		default:
			state.fate = aborted
		}
	})
}

func (w *txWorld) fill(records []engine.Record, offset int64) error {
	for i := range records {
		topic := []string{"a", "b"}[w.rng.IntN(2)]
		if topic == "b" {
			records[i].Partition = 0
		}
		if _, err := w.p.Produce(w.ctx, topic, records[i:i+1]); err != nil {
			return err
		}
	}
	if offset == 0 {
		return nil
	}
	return w.p.SendOffsets(w.ctx, "g", map[engine.TopicPartition]int64{tp("in", 0): offset}, nil)
}

// visible is what a reader of committed records sees of each transaction: how often it sees each record.
func visible(ctx context.Context, t require.TestingT, e *local.Engine, place string) map[int]map[int]int {
	k, err := e.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{"a", "b"}, UntilEnd: true})
	require.NoError(t, err, place)
	defer k.Close(ctx)
	seen := map[int]map[int]int{}
	for {
		fetches, err := k.Poll(ctx, 1000)
		if err == io.EOF {
			return seen
		}
		require.NoError(t, err, place)
		for _, f := range fetches {
			for _, r := range f.Records {
				var id, i, n int
				_, err := fmt.Sscanf(string(r.Value), "%d %d %d", &id, &i, &n)
				require.NoError(t, err, place)
				if seen[id] == nil {
					seen[id] = map[int]int{}
				}
				seen[id][i]++
			}
		}
	}
}

// checkTransactions opens a directory and holds what is visible in it against the ledger.
func checkTransactions(ctx context.Context, t require.TestingT, f vfs.FS, ledger map[int]txState, place string) {
	e, err := local.Open(options(f))
	require.NoError(t, err, place)
	defer func() { require.NoError(t, e.Close(), place) }()
	seen := visible(ctx, t, e, place)
	offset := int64(-1)
	group, groupErr := e.DescribeGroup(ctx, "g")
	if groupErr == nil {
		offset = group.Offsets[0].Committed
	}
	reached := int64(-1)
	for id, s := range ledger {
		count := len(seen[id])
		for i, times := range seen[id] {
			require.Equal(t, 1, times, "%s: record %d of transaction %d is there twice", place, i, id)
		}
		require.Contains(t, []int{0, s.count}, count, "%s: transaction %d (%+v) is torn", place, id, s)
		switch {
		case s.fate == committed:
			require.Equal(t, s.count, count, "%s: transaction %d (%+v) is lost", place, id, s)
		case s.fate == aborted:
			require.Zero(t, count, "%s: transaction %d (%+v) was aborted", place, id, s)
		}
		if s.offset > 0 && (count > 0 || s.fate == committed) {
			reached = max(reached, s.offset)
		}
		delete(seen, id)
	}
	require.Empty(t, seen, "%s: transactions that nobody began", place)
	if offset != reached { // unless one that has only an offset may or may not have been committed
		found := false
		for _, s := range ledger {
			found = found || s.offset == offset && s.count == 0 && (s.fate == pending || s.fate == unknown)
		}
		require.True(t, found && offset > reached, "%s: offset %d is committed, outputs reach %d", place, offset, reached)
	}
	for name := range txTopics {
		info, err := e.DescribeTopic(ctx, name)
		require.NoError(t, err, place)
		for _, p := range info.Partitions {
			require.Equal(t, p.End, p.LastStable, "%s: %s-%d has a transaction open", place, name, p.Partition)
			require.False(t, p.ReadOnly, place)
		}
	}
}

// goOn makes w go on with a ledger.
func (w *txWorld) goOn(ledger map[int]txState) {
	for id, s := range ledger {
		w.next = max(w.next, id+1)
		w.offset = max(w.offset, s.offset)
	}
	w.ledger, w.input = maps.Clone(ledger), 50
}

// checkGoesOn checks that transactions work after recovery, in the same directory.
func checkGoesOn(ctx context.Context, t require.TestingT, f vfs.FS, ledger map[int]txState, place string) {
	w := newTxWorld(ctx, 1)
	w.goOn(ledger)
	e, err := local.Open(options(f))
	require.NoError(t, err, place)
	w.e = e
	w.p, err = e.OpenProducer(ctx, engine.ProducerConfig{})
	require.NoError(t, err, place)
	for i := range 4 {
		w.transact(i != 1)
	}
	require.Equal(t, committed, w.ledger[w.next-1].fate, place)
	require.NoError(t, e.Close(), place)
	checkTransactions(ctx, t, f, w.ledger, place+", after going on")
}
