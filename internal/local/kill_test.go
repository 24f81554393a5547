package local_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var (
	kills    = flag.Int("kills", 100, "how often TestKill9 kills")
	killSeed = flag.Uint64("killseed", 0, "seed of TestKill9; 0 draws one")
)

const killPartitions = 3

func init() { children["victim"] = victim }

// TestKill9 kills a process again and again while it appends, rolls, deletes and commits, at the moment that it has told
// of so many acknowledgements; each time what it was told must be there, once, in order, and whole.
func TestKill9(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-killseed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	ledger := newLedger()
	for life := range *kills {
		lines := 2 + rng.IntN(300)
		if life%5 == 0 {
			lines = life / 5 % 2 // before it opens, or while it does
		}
		ledger.kill(t, dir, life, lines)
		ledger.check(t, dir, life%20 == 0 || life == *kills-1)
	}
	t.Logf("%d kills: records %v, committed %v, deleted up to %v", *kills, ledger.seen, ledger.commits, ledger.starts)
	for n := range ledger.seen {
		require.Greater(t, ledger.commits[n], int64(*kills), "the scenario does what it should")
		require.Positive(t, ledger.starts[n])
	}
}

// ledger is what the victims of one directory have told.
type ledger struct {
	acked   [killPartitions]map[string]int // batches of each life
	starts  [killPartitions]int64
	commits [killPartitions]int64
	seen    [killPartitions]int64          // offsets that were checked before
	batches [killPartitions]map[string]int // found below seen
	left    [killPartitions]int            // records that the last batch found must still have
}

func newLedger() *ledger {
	l := &ledger{}
	for n := range l.acked {
		l.acked[n], l.batches[n] = map[string]int{}, map[string]int{}
	}
	return l
}

// kill starts a victim, listens for some lines, and kills it. What it told until then is in the ledger, also what was
// still in the pipe.
func (l *ledger) kill(t *testing.T, dir string, life, lines int) {
	cmd := child(t, "victim", dir, fmt.Sprint(life))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	in := bufio.NewScanner(out)
	for n := 0; ; n++ {
		if n == lines {
			require.NoError(t, cmd.Process.Kill())
		}
		if !in.Scan() {
			break
		}
		l.note(t, in.Text())
	}
	require.Error(t, cmd.Wait())
}

func (l *ledger) note(t *testing.T, line string) {
	if line == "opening" || line == "open" {
		return
	}
	var kind string
	var partition, life int
	var n int64
	_, err := fmt.Sscanf(line, "%s %d %d %d", &kind, &partition, &life, &n)
	require.NoError(t, err, line)
	switch kind {
	case "acked":
		l.acked[partition][fmt.Sprint(life)] = int(n)
	case "deleted":
		l.starts[partition] = n
	case "committed":
		l.commits[partition] = n
	default:
		t.Fatal(line)
	}
}

// check opens what the victim left and compares it with the ledger.
func (l *ledger) check(t *testing.T, dir string, whole bool) {
	f, err := vfs.OS(dir)
	require.NoError(t, err)
	e, err := local.Open(local.Options{FS: f})
	require.NoError(t, err)
	h := e.Health()
	require.True(t, h.OK, "%+v", h)
	info, err := e.DescribeTopic(t.Context(), "t")
	if err == nil {
		for _, p := range info.Partitions {
			l.checkPartition(t, e, p)
		}
	} else {
		require.ErrorIs(t, err, engine.ErrTopicNotFound)
	}
	require.NoError(t, e.Close())
	if !whole {
		return
	}
	f, err = vfs.OS(dir)
	require.NoError(t, err)
	r, err := local.Verify(f)
	require.NoError(t, err)
	require.True(t, r.OK(), "%+v", r)
	require.NoError(t, f.Close())
}

func (l *ledger) checkPartition(t *testing.T, e *local.Engine, p engine.PartitionInfo) {
	n := p.Partition
	require.GreaterOrEqual(t, p.Start, l.starts[n])
	k, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"t"}, UntilEnd: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, k.Close(t.Context())) }()
	for other := range int32(killPartitions) {
		if other != n {
			k.Pause(tp("t", other))
		}
	}
	from := max(p.Start, l.seen[n])
	require.NoError(t, k.Seek(t.Context(), tp("t", n), from))
	for from < p.End {
		fetches, err := k.Poll(t.Context(), 5000)
		require.NoError(t, err)
		for _, f := range fetches {
			for _, r := range f.Records {
				require.Equal(t, from, r.Offset)
				l.found(t, n, string(r.Key), string(r.Value))
				from++
			}
		}
	}
	require.Zero(t, l.left[n], "a batch is not whole")
	l.seen[n] = p.End
	for life, batches := range l.acked[n] {
		require.GreaterOrEqual(t, l.batches[n][life], batches, "partition %d: what life %s was told is lost", n, life)
	}
	committed, err := k.Committed(t.Context(), tp("t", n))
	require.NoError(t, err)
	require.Equal(t, int64(-1), committed, "a consumer without a group")
	group, err := e.DescribeGroup(t.Context(), "g")
	if l.commits[n] == 0 {
		return
	}
	require.NoError(t, err)
	for _, o := range group.Offsets {
		if o.Partition == n {
			require.GreaterOrEqual(t, o.Committed, l.commits[n])
			require.LessOrEqual(t, o.Committed, p.End)
		}
	}
}

// found checks a record against those before it: batches of a life follow each other without a gap, and each is whole.
func (l *ledger) found(t *testing.T, n int32, key, value string) {
	var life, batch, i, of int
	_, err := fmt.Sscanf(value, "%d %d %d/%d ", &life, &batch, &i, &of)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint("key", n, batch), key)
	require.Len(t, value, len(payload(life, batch, i, of)))
	before := l.batches[n][fmt.Sprint(life)]
	if i == 0 {
		require.Zero(t, l.left[n], "a batch is not whole")
		require.Equal(t, before, batch, "batches of life %d", life)
		l.left[n] = of
	} else {
		require.Equal(t, before-1, batch)
		require.Equal(t, of-i, l.left[n])
	}
	l.left[n]--
	l.batches[n][fmt.Sprint(life)] = batch + 1
}

func payload(life, batch, i, of int) string {
	return fmt.Sprintf("%d %d %d/%d %s", life, batch, i, of, strings.Repeat("x", batch%300))
}

// victim works until it is killed.
func victim(args []string) int {
	t, ctx := inChild{}, context.Background()
	f, err := vfs.OS(args[0])
	require.NoError(t, err)
	tell("opening\n")
	e, err := local.Open(local.Options{FS: f})
	require.NoError(t, err)
	tell("open\n")
	err = e.CreateTopic(ctx, "t", engine.TopicConfig{Partitions: killPartitions, SegmentBytes: 64 << 10})
	if err != nil {
		require.ErrorIs(t, err, engine.ErrTopicExists)
	}
	var work sync.WaitGroup
	for n := range int32(killPartitions) {
		work.Go(func() { victimProduce(t, ctx, e, n, args[1]) })
	}
	work.Go(func() { victimConsume(t, ctx, e, args[1]) })
	work.Wait()
	return 1
}

// victimProduce appends batches at all levels of acknowledgement that promise anything.
func victimProduce(t require.TestingT, ctx context.Context, e *local.Engine, n int32, life string) {
	var producers [2]engine.Producer
	for i, acks := range []engine.Acks{engine.AcksLeader, engine.AcksAll} {
		var err error
		producers[i], err = e.OpenProducer(ctx, engine.ProducerConfig{Acks: acks})
		require.NoError(t, err)
	}
	number := must(strconv.Atoi(life))
	info := must(e.DescribeTopic(ctx, "t"))
	for batch := 0; ; batch++ {
		rs := make([]engine.Record, 1+batch%4)
		for i := range rs {
			rs[i] = recTo(n, payload(number, batch, i, len(rs)))
			rs[i].Key = fmt.Append(nil, "key", n, batch)
		}
		_, err := producers[min(batch%8, 1)^1].Produce(ctx, "t", rs)
		require.NoError(t, err)
		tell("acked %d %s %d\n", n, life, batch+1)
		if batch == 20 {
			require.NoError(t, e.DeleteRecords(ctx, tp("t", n), info.Partitions[n].End/2))
			tell("deleted %d %s %d\n", n, life, info.Partitions[n].End/2)
		}
	}
}

// victimConsume commits what it has read.
func victimConsume(t require.TestingT, ctx context.Context, e *local.Engine, life string) {
	k, err := e.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g"})
	require.NoError(t, err)
	for {
		fetches, err := k.Poll(ctx, 50)
		require.NoError(t, err)
		for _, f := range fetches {
			require.NoError(t, k.Commit(ctx, map[engine.TopicPartition]int64{f.TopicPartition: f.Next}))
			tell("committed %d %s %d\n", f.Partition, life, f.Next)
		}
	}
}

var telling sync.Mutex

// tell writes a line with one write(2), so that the pipe holds whole lines.
func tell(format string, args ...any) {
	telling.Lock()
	defer telling.Unlock()
	io.WriteString(os.Stdout, fmt.Sprintf(format, args...))
}
