package local_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var errInjected = errors.New("injected")

// crashAt runs transactions and returns what a kill before the nth call of the file system left, and what was known then.
// It returns nil when there were fewer calls.
func crashAt(t *testing.T, seed uint64, n int64, run func(w *txWorld)) (*vfs.Mem, map[int]txState) {
	mem := vfs.NewMem()
	w := newTxWorld(t.Context(), seed)
	var mu sync.Mutex
	var killed *vfs.Mem
	var known map[int]txState
	var calls int64
	ready := false
	f := vfs.Faulty(mem, func(vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if !ready {
			return nil
		}
		if calls++; calls == n {
			killed, known = mem.KillClone(), w.snapshot()
		}
		return nil
	})
	require.NoError(t, w.open(f))
	mu.Lock()
	ready = true
	mu.Unlock()
	run(w)
	require.NoError(t, w.e.Close())
	return killed, known
}

// TestTransactionsCrash: a kill, a power loss, or a power loss during the recovery after a kill, at a random point.
func TestTransactionsCrash(t *testing.T) {
	for run := range uint64(*txRuns) {
		rng := rand.New(rand.NewPCG(run, 1))
		killed, known := crashAt(t, run, 1+rng.Int64N(250), func(w *txWorld) {
			for range 12 {
				w.transact(w.rng.IntN(3) > 0)
			}
		})
		if killed == nil {
			continue
		}
		place := fmt.Sprintf("run %d", run)
		if run%2 == 1 {
			killed = killed.CrashClone(run)
		}
		switch run % 3 {
		case 0:
			killed = crashRecovery(t, killed, rng)
		case 1:
			killed, known = secondLife(t, killed, known, rng)
		}
		checkTransactions(t.Context(), t, killed, known, place)
		checkGoesOn(t.Context(), t, killed, known, place)
	}
}

// secondLife opens a directory, runs more transactions, and returns what a power loss at a random call leaves: what
// recovery wrote without an fsync is lost again.
func secondLife(t *testing.T, mem *vfs.Mem, known map[int]txState, rng *rand.Rand) (*vfs.Mem, map[int]txState) {
	w := newTxWorld(t.Context(), rng.Uint64())
	w.goOn(known)
	var mu sync.Mutex
	var crashed *vfs.Mem
	var after map[int]txState
	n, seed, calls := 30+rng.Int64N(120), rng.Uint64(), int64(0)
	crash := func() { crashed, after = mem.CrashClone(seed), w.snapshot() }
	f := vfs.Faulty(mem, func(vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == n {
			crash()
		}
		return nil
	})
	w.e = open(t, options(f))
	w.p = producer(t, w.e, engine.AcksAll)
	for range 4 {
		w.transact(w.rng.IntN(3) > 0)
	}
	mu.Lock()
	defer mu.Unlock()
	if crashed == nil {
		crash()
	}
	return crashed, after
}

// crashRecovery opens a directory and returns what a power loss at a random call leaves of it.
func crashRecovery(t *testing.T, mem *vfs.Mem, rng *rand.Rand) *vfs.Mem {
	var mu sync.Mutex
	var crashed *vfs.Mem
	n, seed, calls := 1+rng.Int64N(100), rng.Uint64(), int64(0)
	f := vfs.Faulty(mem, func(vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == n {
			crashed = mem.CrashClone(seed)
		}
		return nil
	})
	require.NoError(t, open(t, options(f)).Close())
	if crashed == nil {
		crashed = mem.CrashClone(seed)
	}
	return crashed
}

// TestPowerLossAtEveryCallOfATransaction: at each call of the file system during a commit and an abort.
func TestPowerLossAtEveryCallOfATransaction(t *testing.T) {
	for _, commit := range []bool{true, false} {
		for n := int64(1); ; n++ {
			killed, known := crashAt(t, 7, n, func(w *txWorld) {
				w.transact(commit)
				w.transact(commit)
			})
			if killed == nil {
				require.Greater(t, n, int64(8))
				break
			}
			for seed := range uint64(20) {
				place := fmt.Sprintf("commit %v, call %d, seed %d", commit, n, seed)
				crashed := killed.CrashClone(seed)
				checkTransactions(t.Context(), t, crashed, known, place)
				if seed == 0 {
					checkGoesOn(t.Context(), t, crashed, known, place)
				}
			}
		}
	}
}

// TestTransactionsFault: a call of the file system fails, once or from then on; then the process is killed.
func TestTransactionsFault(t *testing.T) {
	for run := range uint64(*txRuns) {
		rng := rand.New(rand.NewPCG(run, 2))
		errs := []error{errInjected, syscall.ENOSPC, &vfs.ShortWrite{N: rng.IntN(40), Err: syscall.ENOSPC}}
		err, persistent := errs[rng.IntN(len(errs))], rng.IntN(2) == 0
		mem := vfs.NewMem()
		w := newTxWorld(t.Context(), run)
		var mu sync.Mutex
		var calls int64
		n, ready := 1+rng.Int64N(250), false
		f := vfs.Faulty(mem, func(op vfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if !ready {
				return nil
			}
			if calls++; calls == n || persistent && calls > n {
				return err
			}
			return nil
		})
		require.NoError(t, w.open(f))
		mu.Lock()
		ready = true
		mu.Unlock()
		for range 12 {
			w.transact(w.rng.IntN(3) > 0)
		}
		place := fmt.Sprintf("run %d: call %d fails: %v, persistent %v", run, n, err, persistent)
		known := w.snapshot()
		left := mem.KillClone()
		if run%2 == 1 {
			left = left.CrashClone(run)
		}
		_ = w.e.Close()
		checkTransactions(t.Context(), t, left, known, place)
		checkGoesOn(t.Context(), t, left, known, place)
	}
}

// TestRecoveredMarkersAreNotTrusted: markers that recovery wrote are only with the operating system, so the decision stays
// although a later transaction, in another partition, would have taken it along.
func TestRecoveredMarkersAreNotTrusted(t *testing.T) {
	for n := int64(1); ; n++ {
		killed, known := crashAt(t, 11, n, func(w *txWorld) { w.transact(true) })
		if killed == nil {
			require.Greater(t, n, int64(8))
			return
		}
		e := open(t, options(killed))
		p := producer(t, e, engine.AcksAll)
		require.NoError(t, e.CreateTopic(t.Context(), "other", engine.TopicConfig{}))
		for range 3 {
			require.NoError(t, p.Begin(t.Context()))
			send(t, p, "other", rec("x"))
			require.NoError(t, p.End(t.Context(), true))
		}
		for seed := range uint64(10) {
			place := fmt.Sprintf("call %d, seed %d", n, seed)
			checkTransactions(t.Context(), t, killed.CrashClone(seed), known, place)
		}
	}
}
