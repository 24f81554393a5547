package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// keyed sends n numbers with one of a few keys each, or none.
func keyed(t testing.TB, c *Client, topic string, n int) {
	t.Helper()
	ms := make([]Message, n)
	for i := range ms {
		ms[i] = Message{Value: i}
		if i%5 > 0 {
			ms[i].Key = fmt.Sprint("key-", i%23)
		}
	}
	require.NoError(t, c.Producer(topic).SendBatch(t.Context(), ms))
}

// ledger is what was processed.
type ledger struct {
	sync.Mutex
	times map[float64]int
	last  map[string]float64 // value by key
	order []string           // violations
}

func newLedger() *ledger { return &ledger{times: map[float64]int{}, last: map[string]float64{}} }

func (l *ledger) add(m *Message) {
	l.Lock()
	defer l.Unlock()
	v := m.Value.(float64)
	l.times[v]++
	if m.Key == "" {
		return
	}
	if last, ok := l.last[m.Key]; ok && last > v {
		l.order = append(l.order, fmt.Sprintf("%s: %v after %v", m.Key, v, last))
	}
	l.last[m.Key] = v
}

// dawdle takes a random while without a clock.
func dawdle(rng *rand.Rand) {
	for range rng.IntN(20) {
		runtime.Gosched()
	}
}

func TestParallelKeepsOrderPerKey(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(3))
	keyed(t, c, "t", 2000)
	k := c.Consumer("t", "g", WithUntilEnd())
	l := newLedger()
	var running, most atomic.Int32
	require.NoError(t, k.Parallel(t.Context(), 16, func(ctx context.Context, m *Message) error {
		n := running.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		dawdle(rand.New(rand.NewPCG(1, uint64(m.Offset))))
		l.add(m)
		running.Add(-1)
		return nil
	}))
	require.Len(t, l.times, 2000)
	require.Empty(t, l.order)
	require.Greater(t, most.Load(), int32(1))
	require.LessOrEqual(t, most.Load(), int32(16))
	var sum int64
	for _, offset := range committed(t, c, "g", "t") {
		sum += offset
	}
	require.Equal(t, int64(2000), sum, "everything is committed")
}

// A message that is not done holds back the commit of those behind it, and bounds what is in flight.
func TestParallelCommitsThePrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, WithInMemory())
		seed(t, c, "t", 100)
		k := c.Consumer("t", "g")
		ctx, cancel := context.WithCancel(t.Context())
		gate, started := make(chan struct{}), make(chan int64, 100)
		done := make(chan error)
		go func() {
			done <- k.Parallel(ctx, 4, func(ctx context.Context, m *Message) error {
				started <- m.Offset
				if m.Offset == 3 {
					<-gate
				}
				return nil
			}, WithMaxInFlight(10))
		}()
		for range 13 { // 0, 1 and 2, which are done, and ten from 3 on
			<-started
		}
		synctest.Wait()
		require.Empty(t, started)
		require.EqualValues(t, 3, committed(t, c, "g", "t")[0])
		close(gate)
		synctest.Wait()
		require.EqualValues(t, 100, committed(t, c, "g", "t")[0])
		cancel()
		require.NoError(t, <-done)
	})
}

func TestParallelStopsAtAnError(t *testing.T) {
	c := open(t, WithInMemory())
	seed(t, c, "t", 100)
	oops := errors.New("oops")
	for name, fn := range map[string]func(){
		"error":  func() {},
		"panic":  func() { panic(oops) },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			k := c.Consumer("t", "group-"+name, WithUntilEnd())
			l := newLedger()
			call := func() error {
				return k.Parallel(t.Context(), 4, func(ctx context.Context, m *Message) error {
					if m.Offset == 50 && len(l.last) == 0 {
						fn()
						return oops
					}
					l.add(m)
					return nil
				})
			}
			switch name {
			case "panic":
				require.PanicsWithError(t, "oops", func() { _ = call() })
			case "Goexit":
				require.ErrorIs(t, call(), errHandlerExit)
			default:
				require.ErrorIs(t, call(), oops)
				require.ErrorIs(t, k.Err(), oops)
			}
			require.Equal(t, int64(50), committed(t, c, "group-"+name, "t")[0], "those before it were still processed")
			l.last["repaired"] = 1
			require.NoError(t, call())
			require.Len(t, l.times, 100, "nothing is left out, from the one that failed on")
			require.Equal(t, int64(100), committed(t, c, "group-"+name, "t")[0])
			require.NoError(t, k.Close())
		})
	}
}

func TestParallelHeedsItsContext(t *testing.T) {
	m := clock.NewManual(epoch)
	for _, tc := range []struct {
		name  string
		drain time.Duration
		want  int64
	}{{"at once", 0, 0}, {"drained", time.Minute, 1}} {
		t.Run(tc.name, func(t *testing.T) {
			c := open(t, WithInMemory(), WithClock(m))
			seed(t, c, "t", 10)
			k := c.Consumer("t", "g")
			ctx, cancel := context.WithCancel(t.Context())
			started, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error)
			go func() {
				done <- k.Parallel(ctx, 1, func(ctx context.Context, m *Message) error {
					close(started)
					if tc.drain == 0 {
						<-ctx.Done()
						return ctx.Err()
					}
					<-goOn
					return ctx.Err()
				}, WithDrain(tc.drain))
			}()
			<-started
			cancel()
			close(goOn)
			require.NoError(t, <-done)
			require.Equal(t, tc.want, committed(t, c, "g", "t")[0])
			for m := range k.Messages(t.Context()) {
				require.Equal(t, tc.want, m.Offset, "the next loop goes on with what was not processed")
				break
			}
		})
	}
}

func TestDrainEnds(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- NewWorker(c, "t", "g", func(ctx context.Context, _ *Message) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}).Run(ctx)
	}()
	<-ctx.Done()
	for ended := false; !ended; {
		m.Advance(10 * time.Second)
		select {
		case err := <-done:
			require.NoError(t, err)
			ended = true
		default:
			runtime.Gosched()
		}
	}
	require.Empty(t, committed(t, c, "g", "t"))
}

func TestHandlersAreRetriedAndDeadLettersSent(t *testing.T) {
	m := clock.NewManual(epoch)
	c := open(t, WithInMemory(), WithClock(m))
	seed(t, c, "t", 3)
	attempts := [3]int{}
	patient := WithMaxPollInterval(1000 * time.Hour) // the test's clock runs ahead
	handler := func(ctx context.Context, m *Message) error {
		if attempts[m.Offset]++; m.Offset == 1 || m.Offset == 2 && attempts[2] == 1 {
			return errors.New("no such customer")
		}
		return nil
	}
	done := make(chan error)
	for i, run := range []func(k *Consumer) error{
		func(k *Consumer) error { return k.Parallel(t.Context(), 1, handler) },
		func(k *Consumer) error { return k.Subscribe(t.Context(), Handler{OnNext: handler}).Wait() },
		func(k *Consumer) error {
			w := NewWorker(c, "t", k.reader.config.Group, handler, WithUntilEnd(), patient, WithAttempts(9), WithDeadLetter("dead", 3))
			return w.Run(t.Context())
		},
	} {
		attempts = [3]int{}
		k := c.Consumer("t", fmt.Sprint("g", i), WithUntilEnd(), patient, WithDeadLetter("dead", 3), WithAutoCommit(true))
		before := m.Timers()
		go func() { done <- run(k) }()
		for ended := false; !ended; {
			select {
			case err := <-done:
				require.NoError(t, err)
				ended = true
			default:
				if m.Timers() > before {
					m.Advance(100 * time.Millisecond)
				}
				runtime.Gosched()
			}
		}
		require.Equal(t, [3]int{1, 3, 2}, attempts)
		require.Equal(t, int64(3), committed(t, c, fmt.Sprint("g", i), "t")[0])
		require.NoError(t, k.Close())
	}
	n := 0
	for m := range c.Consumer("dead", "", WithUntilEnd()).Messages(t.Context()) {
		require.Equal(t, 1.0, m.Value)
		require.Equal(t, map[string]string{
			HeaderOriginalTopic: "t", HeaderOriginalPartition: "0", HeaderOriginalOffset: "1", HeaderError: "no such customer",
		}, m.Headers)
		n++
	}
	require.Equal(t, 3, n)
}

// When partitions move to another member nothing is processed twice: what runs is waited for and committed.
func TestParallelHandsOver(t *testing.T) {
	for _, assignor := range []string{AssignorRange, AssignorCooperativeSticky} {
		t.Run(assignor, func(t *testing.T) {
			c := open(t, WithInMemory(), WithDefaultPartitions(4))
			keyed(t, c, "t", 1000)
			l := newLedger()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var second sync.Once
			var group sync.WaitGroup
			errs := make([]error, 2)
			var run func(i int)
			run = func(i int) {
				k := c.Consumer("t", "g", WithAssignor(assignor), WithMaxPollRecords(20))
				errs[i] = k.Parallel(ctx, 8, func(ctx context.Context, m *Message) error {
					dawdle(rand.New(rand.NewPCG(2, uint64(m.Offset))))
					l.add(m)
					l.Lock()
					n := len(l.times)
					l.Unlock()
					if n >= 100 {
						second.Do(func() { group.Go(func() { run(1) }) })
					}
					if n == 1000 {
						cancel()
					}
					return nil
				}, WithMaxInFlight(40))
			}
			group.Go(func() { run(0) })
			group.Wait()
			require.NoError(t, errors.Join(errs...))
			require.Len(t, l.times, 1000)
			require.Empty(t, l.order)
			for v, n := range l.times {
				require.Equal(t, 1, n, "value %v", v)
			}
		})
	}
}

// disks are file systems that tests open by URL.
var disks sync.Map

func init() {
	engine.Register("test", func(ctx context.Context, o engine.Options) (engine.Engine, error) {
		v, _ := disks.Load(o.URL)
		d := v.(disk)
		e, err := local.Open(local.Options{
			FS: d.fs, Clock: o.Clock, Logger: o.Logger, DefaultPartitions: o.DefaultPartitions, Codec: o.Codec,
		})
		return gated{e, d.commits}, err
	})
}

// disk is a file system, and a lock that is held around commits.
type disk struct {
	fs      vfs.FS
	commits sync.Locker
}

type gated struct {
	engine.Engine
	commits sync.Locker
}

type gatedConsumer struct {
	engine.Consumer
	commits sync.Locker
}

func (g gated) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (engine.Consumer, error) {
	k, err := g.Engine.OpenConsumer(ctx, c)
	return gatedConsumer{k, g.commits}, err
}

func (g gatedConsumer) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	g.commits.Lock()
	defer g.commits.Unlock()
	return g.Consumer.Commit(ctx, offsets)
}

func onDisk(t *testing.T, fs vfs.FS, commits sync.Locker) *Client {
	url := fmt.Sprintf("test:%p", fs)
	disks.Store(url, disk{fs, commits})
	t.Cleanup(func() { disks.Delete(url) })
	return open(t, WithURL(url), WithDefaultPartitions(4))
}

// A process with 16 workers, random latencies and failures dies at a random moment. After the restart every message was
// processed, or is a dead letter, before its offset was committed; none is lost.
func TestParallelKilledAtRandom(t *testing.T) {
	const records = 400
	for seed := range uint64(24) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			disk := vfs.NewMem()
			l := newLedger()
			c := onDisk(t, disk, l) // a clone of the disk is taken between commits: one is not taken in an instant
			keyed(t, c, "t", records)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var after *vfs.Mem
			killAt, power := rng.IntN(records), seed%2 == 1
			handler := func(ctx context.Context, m *Message) error {
				own := rand.New(rand.NewPCG(seed, uint64(m.Partition)<<32|uint64(m.Offset)))
				dawdle(own)
				if own.IntN(10) == 0 {
					return errors.New("never")
				}
				l.add(m)
				l.Lock()
				defer l.Unlock() // what is committed now was in the ledger before
				if after == nil && len(l.times) > killAt*8/10 {
					if after = disk.KillClone(); power {
						after = disk.CrashClone(seed)
					}
					cancel()
				}
				return nil
			}
			opts := []ConsumerOption{WithDeadLetter("dead", 2), WithBackoff(0, 0), WithMaxPollRecords(50), WithUntilEnd()}
			require.NoError(t, c.Consumer("t", "g", opts...).Parallel(ctx, 16, handler))
			require.NotNil(t, after)
			require.Empty(t, l.order)
			require.NoError(t, c.Close())

			c = onDisk(t, after, l)
			l.last = map[string]float64{}
			done := func() map[float64]int {
				all := map[float64]int{}
				for v, n := range l.times {
					all[v] += n
				}
				for m := range c.Consumer("dead", "", WithUntilEnd()).Messages(t.Context()) {
					all[m.Value.(float64)]++
				}
				return all
			}
			info, err := c.Admin().DescribeTopic(t.Context(), "dead")
			if errors.Is(err, ErrTopicNotFound) {
				require.NoError(t, c.Admin().CreateTopic(t.Context(), "dead", TopicConfig{}))
			} else {
				require.NotEmpty(t, info.Details)
			}
			survived, offsets := done(), committed(t, c, "g", "t")
			for m := range c.Consumer("t", "", WithUntilEnd()).Messages(t.Context()) {
				if m.Offset < offsets[m.Partition] {
					require.NotZero(t, survived[m.Value.(float64)], "offset %d of %d is committed", m.Offset, m.Partition)
				}
			}
			require.NoError(t, c.Consumer("t", "g", opts...).Parallel(t.Context(), 16, handler))
			require.Len(t, done(), records)
			require.Empty(t, l.order)
		})
	}
}
