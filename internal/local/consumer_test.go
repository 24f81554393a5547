package local_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// polled is what a Poll in the background returned.
type polled struct {
	fetches []engine.Fetch
	err     error
}

// poll polls in the background.
func poll(ctx context.Context, k engine.Consumer) <-chan polled {
	c := make(chan polled, 1)
	go func() {
		fetches, err := k.Poll(ctx, 100)
		c <- polled{fetches, err}
	}()
	return c
}

func (p polled) values() (vs []string) {
	for _, f := range p.fetches {
		for _, r := range f.Records {
			vs = append(vs, string(r.Value))
		}
	}
	return vs
}

// TestPartitionsComeWhileConsuming: a reader that waits, and members of groups, get partitions that are made later.
func TestPartitionsComeWhileConsuming(t *testing.T) {
	for name, c := range map[string]engine.ConsumerConfig{
		"standalone":  {},
		"range":       {Group: "g"},
		"cooperative": {Group: "g", Assignors: []string{"cooperative-sticky"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := memory(t)
			p := producer(t, e, engine.AcksLeader)
			send(t, p, "t", recTo(0, "first"))
			c.Topics = []string{"t", "t"} // twice is once
			k := consumer(t, e, c)
			require.Equal(t, []string{"first"}, values(t, k, 1))
			for n := 2; n < 6; n++ {
				if c.Group != "" { // an eager rebalance goes back to what was committed
					require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", int32(n-2)): 1}))
				}
				waiting := poll(t.Context(), k)
				require.NoError(t, e.CreatePartitions(t.Context(), "t", n))
				value := fmt.Sprint("in partition ", n-1)
				send(t, p, "t", recTo(int32(n-1), value))
				got := <-waiting
				require.NoError(t, got.err)
				require.Equal(t, []string{value}, got.values())
				require.Len(t, k.Assignment(), n)
			}
		})
	}
}

func TestTopicDeletedWhileConsuming(t *testing.T) {
	for _, group := range []string{"", "g"} {
		t.Run("group "+group, func(t *testing.T) {
			e := memory(t)
			p := producer(t, e, engine.AcksLeader)
			send(t, p, "goes", rec("a"), rec("b"))
			send(t, p, "stays", rec("c"))
			k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"goes", "stays"}, Group: group})
			require.ElementsMatch(t, []string{"a", "b", "c"}, values(t, k, 3))
			if group != "" {
				require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("goes", 0): 2, tp("stays", 0): 1}))
			}
			waiting := poll(t.Context(), k)
			require.NoError(t, e.DeleteTopic(t.Context(), "goes"))
			if group == "" {
				require.ErrorIs(t, (<-waiting).err, engine.ErrTopicNotFound, "once")
				waiting = poll(t.Context(), k)
			}
			send(t, p, "stays", rec("d"))
			require.Equal(t, []string{"d"}, (<-waiting).values())
			if group != "" { // an eager rebalance goes back to what was committed
				require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("stays", 0): 2}))
			}
			send(t, p, "goes", rec("new")) // made anew, by use
			require.Equal(t, []string{"new"}, values(t, k, 1), "from its start, whatever was committed before")
			require.NoError(t, e.DeleteTopic(t.Context(), "stays"))
			require.NoError(t, e.DeleteTopic(t.Context(), "goes"))
			if group == "" {
				for range 3 {
					_, err := k.Poll(t.Context(), 1)
					require.ErrorIs(t, err, engine.ErrTopicNotFound, "there is nothing left to read")
				}
			}
		})
	}
}

// TestDeletedTopicLeavesNoOffsets commits to a topic while it is deleted and made anew, and then looks whether any of
// that has reached the new one.
func TestDeletedTopicLeavesNoOffsets(t *testing.T) {
	mem := vfs.NewMem()
	e := open(t, options(mem))
	p := producer(t, e, engine.AcksLeader)
	for round := range 30 {
		for range 20 {
			send(t, p, "t", rec("old"))
		}
		var members sync.WaitGroup
		for g := range 3 {
			k := must(e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"t"}, Group: fmt.Sprint("g", g)}))
			values(t, k, 1)
			members.Go(func() {
				defer k.Close(t.Context())
				for offset := int64(1); offset < 20; offset++ {
					if k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", 0): offset}) != nil {
						return
					}
				}
			})
		}
		require.NoError(t, e.DeleteTopic(t.Context(), "t"))
		members.Wait()
		again := open(t, options(mem.KillClone()))
		for _, engine := range []*local.Engine{e, again} {
			groups, err := engine.ListGroups(t.Context())
			require.NoError(t, err)
			for _, g := range groups {
				require.Empty(t, g.Offsets, "round %d", round)
			}
		}
		require.NoError(t, again.Close())
	}
}

// TestKickedMemberJoinsAgain: who does not poll within the interval loses its partitions, and gets them again with the
// next Poll, from what was committed.
func TestKickedMemberJoinsAgain(t *testing.T) {
	for _, instance := range []string{"", "static"} {
		t.Run(instance, func(t *testing.T) {
			m := clock.NewManual(epoch)
			e := open(t, local.Options{FS: vfs.NewVolatile(), Clock: m})
			send(t, producer(t, e, engine.AcksLeader), "t", rec("a"), rec("b"))
			var lost []engine.TopicPartition
			k := consumer(t, e, engine.ConsumerConfig{
				Topics: []string{"t"}, Group: "g", InstanceID: instance, MaxPollInterval: time.Minute, SessionTimeout: 10 * time.Second,
				OnLost: func(tps []engine.TopicPartition) { lost = append(lost, tps...) },
			})
			require.Equal(t, []string{"a"}, values(t, k, 1))
			require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", 0): 1}))
			for range 5 {
				m.Advance(11 * time.Second) // slower than the session timeout, within the interval
			}
			require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", 0): 1}), "slow, not dead")
			m.Advance(10 * time.Second)
			require.ErrorIs(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", 0): 2}), engine.ErrFenced)
			require.Equal(t, []string{"b"}, values(t, k, 1))
			require.Equal(t, []engine.TopicPartition{tp("t", 0)}, lost)
			require.NoError(t, k.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", 0): 2}))
		})
	}
}

// TestSupersededStaticMember: of two with one instance id the later one goes on, and they do not take turns.
func TestSupersededStaticMember(t *testing.T) {
	e := memory(t)
	send(t, producer(t, e, engine.AcksLeader), "t", rec("a"))
	c := engine.ConsumerConfig{Topics: []string{"t"}, Group: "g", InstanceID: "one"}
	first, second := consumer(t, e, c), consumer(t, e, c)
	values(t, first, 1)
	values(t, second, 1)
	for range 3 {
		_, err := first.Poll(t.Context(), 1)
		require.ErrorIs(t, err, engine.ErrFenced)
	}
	require.NoError(t, second.Commit(t.Context(), map[engine.TopicPartition]int64{tp("t", 0): 1}))
}

// TestUntilEndInGroups: members that come and go read everything and then stop; nobody waits for ever.
func TestUntilEndInGroups(t *testing.T) {
	for _, assignor := range []string{"range", "cooperative-sticky"} {
		for _, members := range []int{1, 3, 7} { // more than there are partitions
			t.Run(fmt.Sprint(assignor, members), func(t *testing.T) {
				e := open(t, local.Options{FS: vfs.NewVolatile(), Clock: clock.Real})
				require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 4}))
				p := producer(t, e, engine.AcksLeader)
				for i := range int32(200) {
					send(t, p, "t", recTo(i%3, fmt.Sprint(i))) // one partition stays empty
				}
				var work sync.WaitGroup
				var mu sync.Mutex
				got := map[string]bool{}
				for range members {
					work.Go(func() {
						k := must(e.OpenConsumer(t.Context(), engine.ConsumerConfig{
							Topics: []string{"t"}, Group: "g", Assignors: []string{assignor}, UntilEnd: true,
						}))
						for {
							fetches, err := k.Poll(t.Context(), 10)
							if err == io.EOF {
								break
							}
							mu.Lock()
							for _, v := range (polled{fetches: fetches}).values() {
								got[v] = true
							}
							mu.Unlock()
							for _, f := range fetches {
								_ = k.Commit(t.Context(), map[engine.TopicPartition]int64{f.TopicPartition: f.Next})
							}
						}
						_ = k.Close(t.Context())
					})
				}
				work.Wait()
				require.Len(t, got, 200)
			})
		}
	}
}

func TestFetchMinBytes(t *testing.T) {
	m := clock.NewManual(epoch)
	e := open(t, local.Options{FS: vfs.NewVolatile(), Clock: m})
	p := producer(t, e, engine.AcksLeader)
	send(t, p, "t", rec("0123456789"))
	k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, FetchMinBytes: 25, FetchMaxWait: time.Second})
	waiting := poll(t.Context(), k)
	m.WaitForTimers(2) // its own and that of the maintenance
	send(t, p, "t", rec("0123456789"))
	send(t, p, "t", rec("01234"))
	require.Len(t, (<-waiting).values(), 3, "as soon as there is enough")

	send(t, p, "t", rec("a"))
	waiting = poll(t.Context(), k)
	m.WaitForTimers(2)
	m.Advance(999 * time.Millisecond)
	select {
	case <-waiting:
		t.Fatal("it did not wait")
	default:
	}
	m.Advance(time.Millisecond)
	require.Equal(t, []string{"a"}, (<-waiting).values(), "what there is when the wait is over")

	ctx, cancel := context.WithCancel(t.Context())
	send(t, p, "t", rec("b"))
	waiting = poll(ctx, k)
	m.WaitForTimers(2)
	cancel()
	got := <-waiting
	require.NoError(t, got.err)
	require.Equal(t, []string{"b"}, got.values(), "what was taken is not lost")
}

// TestCloseWhilePolling: a Poll that waits ends when its consumer, or its engine, is closed.
func TestCloseWhilePolling(t *testing.T) {
	for _, group := range []string{"", "g"} {
		for name, end := range map[string]func(*local.Engine, engine.Consumer) error{
			"consumer": func(_ *local.Engine, k engine.Consumer) error { return k.Close(context.Background()) },
			"engine":   func(e *local.Engine, _ engine.Consumer) error { return e.Close() },
		} {
			t.Run(name+group, func(t *testing.T) {
				e := memory(t)
				require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{}))
				k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: group})
				waiting := poll(t.Context(), k)
				for len(k.Assignment()) == 0 {
					runtime.Gosched()
				}
				require.NoError(t, end(e, k))
				require.Equal(t, engine.ErrClosed, code(t, (<-waiting).err))
			})
		}
	}
}

// TestCommitFromCallbacks: finished work can be committed when partitions are given up, also while the engine waits to be
// closed.
func TestCommitFromCallbacks(t *testing.T) {
	e := memory(t)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2}))
	send(t, producer(t, e, engine.AcksLeader), "t", recTo(0, "a"), recTo(1, "b"))
	closing := make(chan struct{})
	var committed error
	var kept context.Context
	var k engine.Consumer
	k = consumer(t, e, engine.ConsumerConfig{
		Topics: []string{"t"}, Group: "g",
		OnRevoked: func(ctx context.Context, tps []engine.TopicPartition) {
			require.Len(t, tps, 2)
			close(closing)
			for {
				if _, err := e.ListTopics(context.Background()); err != nil {
					break // refused already
				}
				runtime.Gosched()
			}
			committed = k.Commit(ctx, map[engine.TopicPartition]int64{tp("t", 0): 1, tp("t", 1): 1})
			kept = ctx
		},
	})
	values(t, k, 2)
	done := make(chan error)
	go func() {
		<-closing
		done <- e.Close()
	}()
	require.NoError(t, k.Close(t.Context()))
	require.NoError(t, <-done)
	require.NoError(t, committed)
	require.Equal(t, engine.ErrClosed, code(t, k.Commit(kept, nil)), "the context is good within the callback only")
}

// TestConsumerFromManyGoroutines uses one consumer from everywhere while topics change; the race detector watches.
func TestConsumerFromManyGoroutines(t *testing.T) {
	for _, group := range []string{"", "g"} {
		t.Run("group "+group, func(t *testing.T) {
			e := open(t, local.Options{FS: vfs.NewVolatile(), Clock: clock.Real})
			p := producer(t, e, engine.AcksLeader)
			send(t, p, "t", rec("v"))
			send(t, p, "u", rec("v"))
			k, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"t", "u"}, Group: group})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			var work sync.WaitGroup
			each := func(fn func(i int)) {
				work.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						fn(i)
					}
				})
			}
			each(func(int) { _, _ = k.Poll(ctx, 10) })
			each(func(i int) { _ = k.Seek(ctx, tp("t", int32(i%2)), 0) })
			each(func(int) { _ = k.Commit(ctx, map[engine.TopicPartition]int64{tp("t", 0): 1}) })
			each(func(i int) { k.Pause(tp("u", 0)); k.Resume(tp("u", 0)); _, _ = k.Position(tp("u", 0)) })
			each(func(int) { _, _ = k.Ends(ctx); k.Assignment(); _, _ = k.Committed(ctx, tp("t", 0)) })
			other := func(int) {
				o := must(e.OpenConsumer(context.Background(), engine.ConsumerConfig{Topics: []string{"t"}, Group: "g", UntilEnd: true}))
				short, cancel := context.WithTimeout(ctx, time.Millisecond)
				_, _ = o.Poll(short, 5)
				cancel()
				_ = o.Close(context.Background())
			}
			each(other)
			for i := range 60 {
				send(t, p, "t", recTo(0, "v"))
				send(t, p, "u", recTo(0, "v"))
				if i%10 == 5 {
					require.NoError(t, e.CreatePartitions(t.Context(), "t", 2+i/10))
				}
				if i%20 == 19 {
					require.NoError(t, e.DeleteTopic(t.Context(), "u"))
				}
				e.Maintain(t.Context())
			}
			require.NoError(t, k.Close(context.Background()))
			cancel()
			work.Wait()
			require.Empty(t, k.Assignment())
		})
	}
}

// TestNoLostWakeup: a consumer that waits between any two of many appends gets every record without a timer.
func TestNoLostWakeup(t *testing.T) {
	e := memory(t)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 3}))
	p := producer(t, e, engine.AcksLeader)
	const n = 20_000
	go func() {
		for i := range int32(n) {
			_, _ = p.Produce(context.Background(), "t", []engine.Record{recTo(i%3, "v")})
		}
	}()
	k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g"})
	require.Len(t, values(t, k, n), n)
}

// TestIdleConsumers: a consumer that waits for nothing costs no goroutine and little memory.
func TestIdleConsumers(t *testing.T) {
	e := memory(t)
	send(t, producer(t, e, engine.AcksLeader), "t", rec("v"))
	const n = 2000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	consumers := make([]engine.Consumer, n)
	for i := range consumers {
		consumers[i] = must(e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"t"}, Group: fmt.Sprint("g", i)}))
		values(t, consumers[i], 1)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("%d bytes each, group included", each)
	require.Less(t, each, int64(6<<10))
	for _, k := range consumers {
		require.NoError(t, k.Close(t.Context()))
	}
}
