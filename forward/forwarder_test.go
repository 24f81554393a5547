package forward_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/forward"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
)

var errLost = engine.Errorf(engine.ErrDisconnected, "the test cut the connection")

// settle waits until everything rests but the clock, having let d pass.
func settle(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rng := rand.New(rand.NewPCG(1, 0))
		carrytest.Fill(t, w.local.Engine(), "t", 500, rng)
		f := w.forwarder()
		require.Equal(t, forward.Stopped, f.Stats().State)
		require.Positive(t, f.Stats().Lag)
		stop := start(t, f)
		settle(2 * time.Second)
		carrytest.Equal(t, w.local.Engine(), w.target.Engine(), "t")
		s := f.Stats()
		require.Equal(t, forward.Forwarding, s.State)
		require.Zero(t, s.Lag)
		require.Zero(t, s.Dropped)
		require.True(t, s.ExactlyOnce)
		require.Equal(t, int64(w.received()), s.Records)
		require.Positive(t, s.Bytes)
		require.NoError(t, s.Err)

		before := time.Now()
		w.send(3, 10)
		synctest.Wait()
		require.Equal(t, int(s.Records)+3, w.received(), "at once")
		require.Equal(t, before, f.Stats().LastSent)
		require.NoError(t, stop())
		require.Equal(t, forward.Stopped, f.Stats().State)

		group, err := w.local.Admin().DescribeGroup(t.Context(), "_forward.device")
		require.NoError(t, err)
		require.Zero(t, group.TotalLag, "the copy of the position")
		w.send(4, 10)
		again := w.forwarder()
		stop = start(t, again)
		settle(time.Second)
		require.NoError(t, stop())
		require.Equal(t, int64(4), again.Stats().Records)
		carrytest.Equal(t, w.local.Engine(), w.target.Engine(), "t")

		info, err := w.target.Engine().DescribeTopic(t.Context(), "t")
		require.NoError(t, err)
		require.Equal(t, "raw", info.Config.Codec)
		require.Equal(t, int64(64<<20), info.Config.SegmentBytes, "segments are the target's matter")
	})
}

// TestUnreachable: nothing is lost, attempts get rarer, and Stats say how it stands.
func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var attempts atomic.Int64
		var down atomic.Bool
		down.Store(true)
		w.flaky.Fault = func(verb string, after bool) error {
			if !down.Load() {
				return nil
			}
			if verb == "open" {
				attempts.Add(1)
			}
			return errLost
		}
		w.send(10, 10)
		f := w.forwarder()
		stop := start(t, f)
		settle(time.Minute)
		s := f.Stats()
		require.Equal(t, forward.Waiting, s.State)
		require.ErrorIs(t, s.Err, kafka.ErrDisconnected)
		require.Equal(t, int64(10), s.Lag)
		require.Equal(t, int(attempts.Load()), s.Failures)
		require.Greater(t, s.Failures, 5)
		require.Less(t, s.Failures, 15)
		settle(time.Hour)
		require.Less(t, int(attempts.Load()), 15+260, "at most every 15 seconds")
		down.Store(false)
		settle(30 * time.Second)
		require.Equal(t, 10, w.received())
		s = f.Stats()
		require.NoError(t, s.Err)
		require.Zero(t, s.Failures)

		down.Store(true)
		w.send(5, 10)
		synctest.Wait()
		require.Equal(t, forward.Waiting, f.Stats().State)
		require.Equal(t, int64(5), f.Stats().Lag)
		require.NoError(t, stop(), "also while it waits")
	})
}

// TestBandwidth: what is sent keeps to the bound, also where one record is more than a second's worth.
func TestBandwidth(t *testing.T) {
	for _, c := range []struct {
		name    string
		n, size int
		rate    int64
		takes   time.Duration
		atOnce  int // records that may go at once
	}{
		{"many small ones", 1000, 100, 10_000, 9 * time.Second, 100},
		{"larger than a second's worth", 10, 5000, 1000, 44 * time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.send(c.n, c.size)
				begin := time.Now()
				f := w.forwarder(forward.MaxBytesPerSecond(c.rate))
				stop := start(t, f)
				synctest.Wait()
				require.LessOrEqual(t, w.received(), c.atOnce)
				require.Positive(t, w.received())
				for f.Stats().Lag > 0 {
					settle(100 * time.Millisecond)
					most := time.Since(begin).Seconds()*float64(c.rate) + float64(max(c.rate, int64(c.size)))
					require.LessOrEqual(t, float64(f.Stats().Bytes), most+1)
				}
				require.InDelta(t, c.takes.Seconds(), time.Since(begin).Seconds(), 1.5)
				require.NoError(t, stop())
			})
		})
	}
}

// TestMaxAge: what has become too old is left out, counted once, and remembered.
func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(7, 10)
		settle(2 * time.Hour)
		w.send(3, 10)
		for range 2 {
			f := w.forwarder(forward.MaxAge(time.Hour))
			stop := start(t, f)
			settle(10 * time.Second)
			require.Equal(t, 3, w.received())
			require.Equal(t, int64(7), f.Stats().Dropped)
			require.Zero(t, f.Stats().Lag)
			require.NoError(t, stop())
		}
	})
}

func TestOneRunAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		f := w.forwarder()
		stop := start(t, f)
		synctest.Wait()
		require.ErrorContains(t, f.Run(t.Context()), "runs already")
		require.NoError(t, stop())
		stop = start(t, f)
		w.send(1, 1)
		settle(time.Second)
		require.Equal(t, 1, w.received(), "one after the other")
		require.NoError(t, stop())
	})
}

func TestLocalClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ended := make(chan error, 1)
		go func() { ended <- w.forwarder().Run(t.Context()) }()
		synctest.Wait()
		require.NoError(t, w.local.Close())
		require.ErrorIs(t, <-ended, kafka.ErrClosed)
	})
}

// TestFenced: of two forwarders with one name the newer goes on. A cluster that ends a transaction by itself does not end
// the forwarder.
func TestFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ended := make(chan error, 1)
		go func() { ended <- w.forwarder().Run(t.Context()) }()
		synctest.Wait()
		stop := start(t, w.forwarder())
		synctest.Wait()
		w.send(5, 10)
		require.ErrorIs(t, <-ended, kafka.ErrFenced)
		require.Equal(t, 5, w.received())

		var once atomic.Bool
		w.flaky.Fault = func(verb string, after bool) error {
			if verb == "End" && !after && once.CompareAndSwap(false, true) {
				return engine.Errorf(engine.ErrFenced, "the transaction took too long")
			}
			return nil
		}
		w.send(5, 10)
		settle(time.Minute)
		require.True(t, once.Load())
		require.Equal(t, 10, w.received())
		require.NoError(t, stop())
	})
}

// TestGrows: partitions that the local topic gets are forwarded once the target has them, too.
func TestGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stop := start(t, w.forwarder())
		synctest.Wait()
		require.NoError(t, w.target.Admin().CreatePartitions(t.Context(), "t", 3))
		require.NoError(t, w.local.Admin().CreatePartitions(t.Context(), "t", 3))
		_, err := w.local.Producer("t").SendTo(t.Context(), 2, kafka.Message{Value: []byte("x")})
		require.NoError(t, err)
		settle(time.Minute)
		require.Equal(t, 1, w.received())
		require.NoError(t, stop())
	})
}

func TestEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := w.forwarder()
	require.NoError(t, f.Run(ctx))
	require.NoError(t, f.Stats().Err)
}
