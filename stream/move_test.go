package stream_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/stream"
)

// TestMovedAndKilled: instances come and go, so that tasks move while they work, and then everything is killed. The
// results are those of one instance that nothing disturbed.
func TestMovedAndKilled(t *testing.T) {
	for name, build := range killed {
		t.Run(name, func(t *testing.T) {
			start := vfs.NewMem()
			e := openEngine(t, start)
			seed(t, e, 400)
			require.NoError(t, e.Close())
			want, ops := calm(t, start, build)
			for chain := range uint64(*kills) / 3 {
				rng := rand.New(rand.NewPCG(chain, 11))
				mem := start.KillClone()
				for range 2 {
					mem = movedRun(t, mem, build, rng, ops)
				}
				e := openEngine(t, mem)
				require.NoError(t, build(e, stream.WithUntilEnd()).Run(t.Context()))
				requireSame(t, want, outputs(t, e), "chain", chain)
				require.NoError(t, e.Close())
			}
		})
	}
}

// movedRun begins with one instance. At some calls of the file system a second one starts, the first one is stopped, a
// third one starts, and everything is killed: it returns what that leaves.
func movedRun(t *testing.T, mem *vfs.Mem, build topology, rng *rand.Rand, ops int64) *vfs.Mem {
	var (
		left  atomic.Pointer[vfs.Mem]
		e     engine.Engine
		live  int
		ended = make(chan error)
		stops [3]context.CancelFunc
	)
	power, loss := rng.IntN(3) == 0, rng.Uint64()
	take := func() {
		m := mem.KillClone()
		if power {
			m = m.CrashClone(loss)
		}
		left.CompareAndSwap(nil, m)
	}
	instance := func(i int) {
		ctx, cancel := context.WithCancel(t.Context())
		stops[i] = cancel
		live++
		go func() { ended <- build(e, stream.WithUntilEnd()).Run(ctx) }()
	}
	second, stop, third, kill := 1+rng.Int64N(ops/2), ops/4+rng.Int64N(ops/2), ops/2+rng.Int64N(ops/2), 1+rng.Int64N(2*ops)
	steps := make(chan func(), 4) // made outside of the file system's call
	f := vfs.Faulty(mem, func(op vfs.Op) error {
		switch op.N {
		case kill:
			take()
		case second:
			steps <- func() { instance(1) }
		case stop:
			steps <- func() { stops[0]() }
		case third:
			steps <- func() { instance(2) }
		}
		return nil
	})
	e = openEngine(t, f)
	instance(0)
	for live > 0 {
		select {
		case step := <-steps:
			step()
		case err := <-ended:
			require.NoError(t, err)
			live--
		}
	}
	require.NoError(t, e.Close())
	take()
	for _, stop := range stops {
		if stop != nil {
			stop()
		}
	}
	return left.Load()
}
