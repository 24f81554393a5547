package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// The ends that a member's life can come to.
const (
	leaves   = "leaves"   // closes after its loop
	breaks   = "breaks"   // closes with a record in hand, unfinished and not committed
	dies     = "dies"     // stops in the middle, and polls no more
	isClosed = "isClosed" // is closed by another goroutine while its loop works
)

var chaosFates = []string{leaves, leaves, breaks, dies, isClosed}

// life is one member's, from joining to its end.
type life struct {
	*chaos
	consumer *Consumer
	member   int32
	rng      *rand.Rand
	left     int // records until the end
	fate     string
	commits  int // how it commits
	closed   sync.WaitGroup
	inHand   bool // the last record is not processed
}

// errInHand says to a subscription that a message was not processed.
var errInHand = errors.New("in hand")

// The ways to commit.
const (
	each = iota
	nowAndThen
	async
	automatic
	ways
)

// inhabit fills one of the ten places with one member after the other.
func (x *chaos) inhabit(ctx context.Context, slot int) {
	rng := rand.New(rand.NewPCG(x.seed, uint64(slot)))
	for clock.Sleep(ctx, clock.Real, time.Duration(rng.Int64N(int64(pollInterval)/4))) == nil {
		l := x.join(slot, rng)
		l.loop(ctx)
		l.end()
	}
}

func (x *chaos) join(slot int, rng *rand.Rand, opts ...ConsumerOption) *life {
	l := &life{chaos: x, rng: rng, left: 1 + rng.IntN(400), fate: chaosFates[rng.IntN(len(chaosFates))], commits: rng.IntN(ways)}
	opts = append(opts, WithAssignor(x.assignor), WithMaxPollInterval(pollInterval), WithSessionTimeout(3*pollInterval),
		WithMaxPollRecords(1+rng.IntN(50)), WithAutoCommit(l.commits == automatic),
		WithAutoCommitInterval(pollInterval/20), WithBatchSize(1+rng.IntN(20)), WithBatchTimeout(pollInterval/100))
	if x.static {
		opts = append(opts, WithGroupInstanceID(fmt.Sprint("place-", slot)))
	}
	l.consumer = x.client.Consumer("t", "g", opts...)
	x.opening.Lock()
	defer x.opening.Unlock()
	x.history.members++
	l.member = x.history.members
	x.recorder.member = l.member
	x.expect(l.consumer.reader.open(context.Background()))
	return l
}

// loop is one of the kinds of loop. Each ends with the life, or with the run.
func (l *life) loop(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	kind := l.rng.IntN(4)
	switch kind {
	case 0:
		for m := range l.consumer.Messages(ctx) {
			if !l.process(ctx, m) {
				break
			}
		}
	case 1:
		for m, err := range l.consumer.All(ctx) {
			if err != nil {
				break
			}
			if !l.process(ctx, m) {
				return
			}
		}
	case 2:
		for b := range l.consumer.Batches(ctx) {
			if !l.processBatch(ctx, b) {
				break
			}
		}
	case 3:
		_ = l.consumer.Subscribe(ctx, Handler{OnNext: func(_ context.Context, m *Message) error {
			if !l.process(ctx, m) {
				stop()
			}
			if l.inHand {
				return errInHand
			}
			return nil
		}}).Wait()
	}
	if err := l.consumer.Err(); err != nil {
		l.expect(fmt.Errorf("member %d, loop %d, which %s: %w", l.member, kind, l.fate, err), errInHand)
	}
}

// process works on a message. It reports whether life goes on.
func (l *life) process(ctx context.Context, m *Message) bool {
	l.begin(m)
	if l.left--; l.left == 0 && l.last() {
		return false
	}
	l.work(ctx)
	l.finish(m)
	return l.left > 0
}

func (l *life) processBatch(ctx context.Context, b *Batch) bool {
	for _, m := range b.Messages {
		l.begin(m)
		if l.left--; l.left == 0 && l.last() {
			return false
		}
		l.work(ctx)
		l.done(m)
	}
	if l.commits != automatic {
		l.refusable(b.Commit(context.WithoutCancel(ctx)))
	}
	return l.left > 0
}

// last begins the end of a life. It reports whether that is in the middle of a record.
func (l *life) last() bool {
	switch l.fate {
	case breaks, dies:
		l.inHand = true
		return true
	case isClosed:
		l.history.add(sawGone, l.member, 0, 0, 0)
		l.closed.Go(func() { l.refusable(l.consumer.Close()) })
	}
	return false
}

// end is what comes after the loop.
func (l *life) end() {
	l.mu.Lock()
	l.fates[l.fate]++
	l.mu.Unlock()
	if l.fate == dies {
		l.history.add(sawGone, l.member, 0, 0, 0)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dead = append(l.dead, l.consumer)
		return
	}
	l.closed.Wait()
	l.refusable(l.consumer.Close())
}

// work takes some time, and now and then so much that the member is taken for stuck.
func (l *life) work(ctx context.Context) {
	switch n := l.rng.IntN(1000); {
	case n == 0:
		l.mu.Lock()
		l.fates["stalls"]++
		l.mu.Unlock()
		_ = clock.Sleep(ctx, clock.Real, pollInterval+time.Duration(l.rng.Int64N(int64(pollInterval))))
	case n < 100:
		_ = clock.Sleep(ctx, clock.Real, time.Duration(l.rng.Int64N(int64(pollInterval)/500)))
	}
}

func (l *life) begin(m *Message) {
	if v := int(m.Value.(float64)); v%chaosPartitions != m.Partition {
		l.expect(fmt.Errorf("value %d in partition %d", v, m.Partition))
	}
	l.history.add(sawBegin, l.member, int32(m.Partition), m.Offset, 0)
}

func (l *life) done(m *Message) { l.history.add(sawFinish, l.member, int32(m.Partition), m.Offset, 0) }

// finish ends work on a message, and commits it in the member's way.
func (l *life) finish(m *Message) {
	l.done(m)
	switch {
	case l.commits == each, l.commits == nowAndThen && l.rng.IntN(10) == 0:
		l.refusable(m.Commit(context.Background()))
	case l.commits == async:
		m.CommitAsync().Then(func(_ RecordMetadata, err error) { l.refusable(err) })
	}
}

// refusable keeps errors of commits other than those that a member gets when it has lost the partition.
func (l *life) refusable(err error) { l.expect(err, ErrRebalanceInProgress, ErrFenced, ErrClosed) }
