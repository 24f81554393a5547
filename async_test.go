package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/engine"
)

// pending reports whether a delivery's outcome is not known.
func pending(d *Delivery) bool {
	select {
	case <-d.Done():
		return false
	default:
		return true
	}
}

func TestLinger(t *testing.T) {
	const linger = 50 * time.Millisecond
	for name, end := range map[string]func(*timers, *AsyncProducer) error{
		"time": func(tm *timers, p *AsyncProducer) error {
			tm.Advance(linger - 1)
			tm.Advance(1)
			return nil
		},
		"Flush": func(_ *timers, p *AsyncProducer) error { return p.Flush(context.Background()) },
		"Close": func(_ *timers, p *AsyncProducer) error { return p.Close() },
		"size": func(_ *timers, p *AsyncProducer) error {
			return result(p.Send(context.Background(), Message{Value: string(make([]byte, 1850))}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, tm := t.TempDir(), newTimers()
			c := open(t, WithDir(dir), WithClock(tm))
			p := c.AsyncProducer("t", WithLinger(linger), WithBatchSize(2000))
			var ds []*Delivery
			for range 5 {
				ds = append(ds, p.Send(t.Context(), Message{Value: "v"}))
			}
			tm.await(linger)
			for _, d := range ds {
				require.True(t, pending(d))
			}
			require.NoError(t, end(tm, p))
			for i, d := range ds {
				md, err := d.Wait(t.Context())
				require.NoError(t, err)
				require.EqualValues(t, i, md.Offset)
				require.Equal(t, DurabilityFsync, md.Durability)
			}
			require.Len(t, batches(t, dir, "t-0"), 1)
		})
	}
}

func TestLingerBeginsWithEachBatch(t *testing.T) {
	tm := newTimers()
	p := open(t, WithInMemory(), WithClock(tm)).AsyncProducer("t", WithLingerMs(20))
	for range 3 {
		d := p.Send(t.Context(), Message{Value: "v"})
		tm.await(20 * time.Millisecond)
		tm.Advance(19 * time.Millisecond)
		require.True(t, pending(d))
		tm.Advance(time.Millisecond)
		require.NoError(t, result(d))
	}
}

func TestAsyncOrder(t *testing.T) {
	c := open(t, WithInMemory())
	p := c.AsyncProducer("t", WithAcks(AcksLeader), WithBatchSize(500))
	for i := range 3000 {
		p.Send(t.Context(), Message{Value: fmt.Sprint(i)})
		if i%100 == 0 {
			require.NoError(t, p.Flush(t.Context()))
		}
	}
	require.NoError(t, p.Close())
	for i, v := range values(t, c, "t")[0] {
		require.Equal(t, fmt.Sprint(i), v)
	}
}

func TestThenInOrder(t *testing.T) {
	tm := newTimers()
	p := open(t, WithInMemory(), WithClock(tm)).AsyncProducer("t", WithLinger(time.Hour))
	var called []string
	then := func(d *Delivery, name string) {
		d.Then(func(md RecordMetadata, err error) { called = append(called, fmt.Sprint(name, md.Offset, err)) })
	}
	a := p.Send(t.Context(), Message{Value: "a"})
	b := p.Send(t.Context(), Message{Value: "b"})
	then(b, "b")
	then(a, "a")
	then(b, "again")
	require.NoError(t, p.Flush(t.Context()))
	require.Equal(t, []string{"a0 <nil>", "b1 <nil>", "again1 <nil>"}, called)
	then(a, "late")
	require.Equal(t, "late0 <nil>", called[3])
}

func TestFailedBatch(t *testing.T) {
	c := open(t, WithInMemory(), WithRetries(0))
	fail := engine.Errorf(ErrReadOnly, "damaged")
	script(c, func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error) {
		d, err := do(rs[:min(2, len(rs))]) // the others fail
		require.NoError(t, err)
		return d, fail
	})
	p := c.AsyncProducer("t", WithLinger(time.Hour))
	var ds []*Delivery
	for i := range 4 {
		ds = append(ds, p.Send(t.Context(), Message{Value: fmt.Sprint(i), Key: "k"}))
	}
	require.ErrorIs(t, p.Flush(t.Context()), fail)
	require.NoError(t, p.Flush(t.Context()))
	require.NoError(t, p.Close())
	i := 0
	for r := range p.Reports() {
		md, err := ds[i].Wait(t.Context())
		require.Equal(t, md, r.RecordMetadata)
		require.Equal(t, err, r.Err)
		require.Equal(t, fmt.Sprint(i), r.Message.Value)
		require.Equal(t, "k", r.Message.Key)
		if i < 2 {
			require.NoError(t, err)
			require.EqualValues(t, i, md.Offset)
		} else {
			require.ErrorIs(t, err, ErrReadOnly)
			require.EqualValues(t, -1, md.Offset)
			require.Equal(t, -1, md.Partition)
		}
		i++
	}
	require.Equal(t, 4, i)
	require.Zero(t, p.Dropped())
}

func TestWhatIsNotTaken(t *testing.T) {
	c := open(t, WithInMemory())
	p := c.AsyncProducer("t")
	require.ErrorIs(t, result(p.Send(t.Context(), Message{Value: make(chan int)})), ErrSerialization)
	require.ErrorIs(t, result(p.Send(t.Context(), Message{Topic: "other"})), ErrInvalidArgument)
	require.ErrorIs(t, result(p.SendTo(t.Context(), -1, Message{})), ErrPartitionNotFound)
	md, err := p.SendTo(t.Context(), 0, Message{Value: "v"}).Wait(t.Context())
	require.NoError(t, err)
	require.Zero(t, md.Partition)
	require.ErrorIs(t, result(p.SendTo(t.Context(), 9, Message{})), ErrPartitionNotFound)
	require.ErrorIs(t, result(p.Send(t.Context(), Message{Value: make([]byte, 2<<20)})), ErrMessageTooLarge)
	require.ErrorIs(t, p.Close(), ErrPartitionNotFound, "the first that was taken and failed")
	require.NoError(t, p.Close())
	require.ErrorIs(t, result(p.Send(t.Context(), Message{Value: "v"})), ErrClosed)
	require.NoError(t, p.Flush(t.Context()))
	n := 0
	for range p.Reports() {
		n++
	}
	require.Equal(t, 6, n, "all but the one after Close")

	unused := c.AsyncProducer("t")
	require.NoError(t, unused.Flush(t.Context()))
	require.NoError(t, unused.Close())
	_, more := <-unused.Reports()
	require.False(t, more)
}

func TestFullBufferBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, WithInMemory(), WithCodec(Raw))
		gate := make(chan struct{})
		script(c, func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error) {
			<-gate
			return do(rs)
		})
		p := c.AsyncProducer("t", WithAcks(AcksLeader))
		value := make([]byte, 1_000_000)
		for range mostBuffered / (len(value) + recordOverhead) {
			p.Send(t.Context(), Message{Value: value})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, result(p.Send(ctx, Message{Value: value})), ErrTimeout)
		require.ErrorIs(t, p.Flush(ctx), ErrTimeout)
		blocked := make(chan error, 1)
		go func() { blocked <- result(p.Send(t.Context(), Message{Value: value})) }()
		synctest.Wait()
		require.Empty(t, blocked)
		close(gate)
		require.NoError(t, <-blocked)
		require.NoError(t, p.Close())
	})
}

func TestCloseWhileSendersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, WithInMemory(), WithCodec(Raw))
		gate := make(chan struct{})
		script(c, func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error) {
			<-gate
			return do(rs)
		})
		p := c.AsyncProducer("t", WithAcks(AcksLeader))
		value := make([]byte, 1_000_000)
		errs := make(chan error, 50)
		for range cap(errs) {
			go func() { errs <- result(p.Send(t.Context(), Message{Value: value})) }()
		}
		synctest.Wait()
		closed := make(chan error, 2)
		go func() { closed <- p.Close() }()
		go func() { closed <- c.Close() }()
		synctest.Wait()
		close(gate)
		require.NoError(t, errors.Join(<-closed, <-closed))
		sent := 0
		for range cap(errs) {
			if err := <-errs; err == nil {
				sent++
			} else {
				require.ErrorIs(t, err, ErrClosed)
			}
		}
		require.Positive(t, sent)
	})
}

func TestUnreadReports(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprint("channel before: ", early), func(t *testing.T) {
			c := open(t, WithInMemory(), WithCodec(Raw))
			p := c.AsyncProducer("t", WithAcks(AcksLeader))
			if early {
				p.Reports()
			}
			const n = mostReports + 12_345
			for range n {
				p.Send(t.Context(), Message{Value: "v"})
			}
			require.NoError(t, p.Close())
			next := int64(-1)
			read := int64(0)
			for r := range p.Reports() {
				require.NoError(t, r.Err)
				if next >= 0 && r.Offset != next {
					t.Fatalf("offset %d after %d", r.Offset, next-1)
				}
				next = r.Offset + 1
				read++
			}
			require.EqualValues(t, n, next, "the newest are kept")
			require.EqualValues(t, mostReports, read)
			require.EqualValues(t, n, read+p.Dropped())
		})
	}
}

func TestReportsOfLargeMessages(t *testing.T) {
	for _, early := range []bool{false, true} {
		c := open(t, WithInMemory(), WithCodec(Raw))
		p := c.AsyncProducer("t", WithAcks(AcksLeader))
		if early {
			p.Reports()
		}
		value := make([]byte, 1_000_000)
		for range 50 {
			require.NoError(t, result(p.Send(t.Context(), Message{Value: value})))
		}
		require.NoError(t, p.Close())
		read := 0
		for range p.Reports() {
			read++
		}
		require.Equal(t, mostReportBytes/len(value), read)
		require.EqualValues(t, 50-read, p.Dropped())
		require.NoError(t, c.Close())
	}
}

func TestReportsAreReadMeanwhile(t *testing.T) {
	c := open(t, WithInMemory())
	p := c.AsyncProducer("t", WithAcks(AcksLeader))
	const n = 5000
	read := make(chan int64)
	go func() {
		next := int64(0)
		for r := range p.Reports() {
			if r.Err == nil && r.Offset == next {
				next++
			}
		}
		read <- next
	}()
	for range n {
		p.Send(t.Context(), Message{Value: "v"})
	}
	require.NoError(t, p.Close())
	require.EqualValues(t, n, <-read)
}

func TestConcurrentAsync(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c, err := NewClient(t.Context(), WithInMemory(), WithDefaultPartitions(3))
	require.NoError(t, err)
	p := c.AsyncProducer("t", WithAcks(AcksLeader), WithLingerMs(1), WithBatchSize(5000))
	var done sync.WaitGroup
	var taken, refused [8]int
	for i := range taken {
		done.Go(func() {
			for j := range 500 {
				d := p.Send(t.Context(), Message{Key: fmt.Sprint(i), Value: fmt.Sprintf("%d:%03d", i, j)})
				d.Then(func(RecordMetadata, error) {})
				if j%100 == 99 && p.Flush(t.Context()) != nil {
					t.Error("flush")
				}
				if i == 7 && j == 400 && p.Close() != nil {
					t.Error("close")
				}
				if err := result(d); err == nil {
					taken[i]++
				} else if refused[i]++; !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	sum := 0
	for i := range taken {
		require.Equal(t, 500, taken[i]+refused[i])
		sum += taken[i]
	}
	got := 0
	for _, vs := range values(t, c, "t") {
		got += len(vs)
	}
	require.Equal(t, sum, got)
	require.NoError(t, c.Close())
}

// A client closes what its user has left open, and loses nothing that was taken.
func TestClientClosesAsyncProducers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	c, err := NewClient(t.Context(), WithDir(dir))
	require.NoError(t, err)
	d := c.AsyncProducer("t", WithLinger(time.Hour)).Send(t.Context(), Message{Value: "v"})
	require.NoError(t, c.Close())
	require.NoError(t, result(d))
	require.Len(t, batches(t, dir, "t-0"), 1)
}
