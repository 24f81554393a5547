package kafka

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

var (
	chaosRecords = flag.Int("chaos.records", 8000, "records of each run of TestChaos")
	chaosSeed    = flag.Uint64("chaos.seed", 0, "seed of TestChaos; 0 draws one")
)

const (
	chaosMembers    = 10
	chaosPartitions = 16
	chaosProducers  = 4
	chaosLead       = 2000 // records that producers may be ahead
	pollInterval    = time.Second
)

// Members of a group join, leave, stall and die at random while producers send; a checker judges the history. Time is the
// bubble's: it passes when all members wait or work, so that a second's stall costs nothing.
func TestChaos(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, assignor := range []string{AssignorRange, AssignorRoundRobin, AssignorSticky, AssignorCooperativeSticky} {
		for _, static := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, static %v", assignor, static), func(t *testing.T) {
				t.Logf("-chaos.seed=%d", seed)
				synctest.Test(t, func(t *testing.T) { newChaos(t, seed, assignor, static).run(t) })
			})
		}
	}
}

// chaos is one run.
type chaos struct {
	client   *Client
	history  *history
	recorder *recorder
	seed     uint64
	assignor string
	static   bool

	opening sync.Mutex // around the opening of a consumer, which takes its number from the recorder

	mu    sync.Mutex
	dead  []*Consumer // abandoned in the middle of a loop
	fates map[string]int
	errs  []error // that ought not to be
}

func newChaos(t *testing.T, seed uint64, assignor string, static bool) *chaos {
	c, err := NewClient(t.Context(), WithInMemory(), WithCodec(JSON))
	require.NoError(t, err)
	h := newHistory(chaosPartitions)
	x := &chaos{
		client: c, history: h, recorder: &recorder{Engine: c.engine, history: h},
		seed: seed, assignor: assignor, static: static, fates: map[string]int{},
	}
	c.engine = x.recorder
	require.NoError(t, c.Admin().CreateTopic(t.Context(), "t", TopicConfig{Partitions: chaosPartitions}))
	return x
}

func (x *chaos) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for p := range chaosProducers {
		wg.Go(func() { x.produce(ctx, p) })
	}
	for slot := range chaosMembers {
		wg.Go(func() { x.inhabit(ctx, slot) })
	}
	wg.Go(func() { x.watch(ctx) })
	x.history.await(*chaosRecords)
	cancel()
	wg.Wait()
	x.settle(t)
	require.NoError(t, x.client.Close())
	require.Empty(t, x.errs)
	ends, err := check(x.history.events, chaosPartitions)
	require.NoError(t, err)
	var total int64
	for p, end := range ends {
		require.Len(t, x.history.seen[p], int(end), "all is processed and committed of partition %d", p)
		require.NotContains(t, x.history.seen[p], false, "partition %d", p)
		total += end
	}
	require.EqualValues(t, *chaosRecords, total)
	t.Logf("%d events, %d members, %v", len(x.history.events), x.history.members, x.fates)
}

// produce sends a fourth of the numbers, each to the partition that it says, and in order there.
func (x *chaos) produce(ctx context.Context, from int) {
	p := x.client.AsyncProducer("t", WithAcks(AcksLeader))
	defer p.Close()
	for i := from; i < *chaosRecords && ctx.Err() == nil; i += chaosProducers {
		x.history.await(i - chaosLead)
		p.SendTo(ctx, i%chaosPartitions, Message{Value: i}).Then(func(_ RecordMetadata, err error) { x.expect(err) })
	}
}

// expect keeps errors that ought not to be.
func (x *chaos) expect(err error, allowed ...error) {
	for _, a := range allowed {
		if errors.Is(err, a) {
			return
		}
	}
	if err != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.errs = append(x.errs, err)
	}
}

// watch sees that committed offsets never move back for those who ask, either, and that there is progress in a minute.
func (x *chaos) watch(ctx context.Context) {
	last, done := map[int32]int64{}, -1
	for i := 0; clock.Sleep(ctx, clock.Real, pollInterval/10) == nil; i++ {
		if i%600 == 0 {
			x.history.giveUp(done)
			done = x.history.processed()
		}
		info, err := x.client.Admin().DescribeGroup(ctx, "g")
		x.expect(err, ErrGroupNotFound, context.Canceled)
		for _, o := range info.Offsets {
			if o.Committed < last[o.Partition] {
				x.expect(fmt.Errorf("partition %d: committed %d after %d", o.Partition, o.Committed, last[o.Partition]))
			}
			last[o.Partition] = o.Committed
		}
	}
}

// settle buries the dead, and lets one more member process what nobody has committed.
func (x *chaos) settle(t *testing.T) {
	for _, k := range x.dead {
		if err := k.Close(); err != nil {
			x.expect(fmt.Errorf("closing a dead member: %w", err), ErrFenced, ErrRebalanceInProgress)
		}
	}
	require.NoError(t, clock.Sleep(t.Context(), clock.Real, time.Minute), "static members are forgotten")
	l := x.join(chaosMembers, rand.New(rand.NewPCG(x.seed, chaosMembers)), WithUntilEnd())
	for m := range l.consumer.Messages(t.Context()) {
		l.begin(m)
		l.finish(m)
		require.NoError(t, m.Commit(t.Context()))
	}
	require.NoError(t, l.consumer.Err())
	require.NoError(t, l.consumer.Close())
}
