package forward_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/forward"
)

// partitionZero is the local partition that send appends to.
func (w *world) partitionZero() kafka.PartitionInfo {
	info, err := w.local.Engine().DescribeTopic(w.t.Context(), "t")
	require.NoError(w.t, err)
	return info.Partitions[0]
}

func (w *world) bytes() (n int64) {
	info, err := w.local.Engine().DescribeTopic(w.t.Context(), "t")
	require.NoError(w.t, err)
	for _, p := range info.Partitions {
		n += p.Bytes
	}
	return n
}

const smallDisk = 64 << 10

// TestMaxDisk: forwarded records go first; then the oldest, which are counted, or none.
func TestMaxDisk(t *testing.T) {
	t.Run("of what was forwarded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			f := w.forwarder(forward.MaxDisk(smallDisk, forward.KeepAll))
			stop := start(t, f)
			for range 20 {
				w.send(100, 200)
				settle(2 * time.Second)
				require.LessOrEqual(t, w.bytes(), int64(smallDisk))
			}
			require.Greater(t, w.bytes(), int64(smallDisk/2), "no more is deleted than has to be")
			require.NoError(t, stop())
			require.Equal(t, 2000, w.received())
			require.Zero(t, f.Stats().Dropped)
			require.False(t, f.Stats().Full)
		})
	})
	for name, offline := range map[string]bool{"drop while it waits": false, "drop from the start on": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var down atomic.Bool
				down.Store(offline)
				w.flaky.Fault = func(string, bool) error {
					if down.Load() {
						return errLost
					}
					return nil
				}
				f := w.forwarder(forward.MaxDisk(smallDisk, forward.DropOldest))
				stop := start(t, f)
				if !offline {
					w.send(100, 200)
				}
				settle(time.Second)
				sent := w.received()
				down.Store(true)
				for range 20 {
					w.send(100, 200)
					settle(2 * time.Second)
					require.LessOrEqual(t, w.bytes(), int64(smallDisk))
				}
				dropped := f.Stats().Dropped
				require.Equal(t, w.partitionZero().Start-int64(sent), dropped, "all below the start was dropped, or sent")
				require.Positive(t, dropped)
				require.Equal(t, int64(2000)-dropped, f.Stats().Lag)
				down.Store(false)
				settle(time.Minute)
				require.Zero(t, f.Stats().Lag)
				require.Equal(t, dropped, f.Stats().Dropped)
				require.Equal(t, sent+2000-int(dropped), w.received())
				require.NoError(t, stop())

				again := w.forwarder()
				stop = start(t, again)
				settle(time.Second)
				require.Equal(t, dropped, again.Stats().Dropped, "the target remembers")
				require.NoError(t, stop())
			})
		})
	}
	t.Run("keep", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, kafka.WithQuota(2*smallDisk))
			var down atomic.Bool
			down.Store(true)
			w.flaky.Fault = func(string, bool) error {
				if down.Load() {
					return errLost
				}
				return nil
			}
			f := w.forwarder(forward.MaxDisk(smallDisk, forward.KeepAll))
			stop := start(t, f)
			w.send(500, 200)
			settle(2 * time.Second)
			require.True(t, f.Stats().Full)
			require.Zero(t, w.partitionZero().Start)
			down.Store(false)
			settle(time.Minute)
			require.False(t, f.Stats().Full)
			require.Equal(t, 500, w.received())
			require.LessOrEqual(t, w.bytes(), int64(smallDisk))
			require.NoError(t, stop())
		})
	})
}

// TestDeletedWhileConnected: records that are deleted before their turn are counted, those that were sent are not.
func TestDeletedWhileConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(400, 1000)
		f := w.forwarder(forward.MaxBytesPerSecond(20_000))
		stop := start(t, f)
		settle(2 * time.Second)
		require.NoError(t, w.local.Admin().DeleteRecords(t.Context(), "t", 0, 350))
		settle(time.Minute)
		require.Zero(t, f.Stats().Lag)
		require.Equal(t, 400, w.received()+int(f.Stats().Dropped))
		require.Positive(t, f.Stats().Dropped)
		require.NoError(t, stop())
	})
}
