package local_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// visitor looks at what a crash at one place would leave: what a kill leaves, and what was known before.
type visitor func(t require.TestingT, n int64, place string, killed *vfs.Mem, known map[string]*topicState)

// crashes visits every call of the file system that a life makes.
func crashes(t *testing.T, visit visitor) {
	t.Helper()
	mem := vfs.NewMem()
	w := newWorld(t.Context())
	r := &recorder{}
	f := vfs.Faulty(mem, func(op vfs.Op) error {
		r.attempt(func() {
			known := w.snapshot() // first: what is acknowledged after it may be in the clone, and need not
			visit(r, op.N, fmt.Sprintf("before call %d, %s %s", op.N, op.Kind, op.Name), mem.KillClone(), known)
		})
		return nil
	})
	w.life(f)
	r.attempt(func() { visit(r, f.Ops()+1, "after everything", mem.KillClone(), w.snapshot()) })
	require.Greater(t, f.Ops(), int64(300), "the scenario does what it should")
	if r.failed {
		t.Fatal(r.report)
	}
}

// recorder keeps the first failure of checks that are made deep inside of what is tested, on any goroutine, where a test
// cannot be ended.
type recorder struct {
	mu     sync.Mutex
	failed bool
	report string
}

type stopAttempt struct{}

func (r *recorder) Errorf(format string, args ...any) { r.report += fmt.Sprintf(format, args...) }

func (r *recorder) FailNow() {
	r.failed = true
	panic(stopAttempt{})
}

// attempt makes checks, one after the other, until one failed.
func (r *recorder) attempt(checks func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed {
		return
	}
	defer func() {
		if p := recover(); p != nil && p != (stopAttempt{}) {
			panic(p)
		}
	}()
	checks()
}

func TestKillAtEveryCall(t *testing.T) {
	crashes(t, func(t require.TestingT, _ int64, place string, killed *vfs.Mem, known map[string]*topicState) {
		check(t, killed, known, afterKill, place)
	})
}

func TestPowerLossAtEveryCall(t *testing.T) {
	crashes(t, func(t require.TestingT, n int64, place string, killed *vfs.Mem, known map[string]*topicState) {
		for seed := uint64(n) * 2; seed < uint64(n)*2+2; seed++ {
			check(t, killed.CrashClone(seed), known, afterPowerLoss, fmt.Sprintf("power loss %s, seed %d", place, seed))
		}
	})
}

// A crash while Open recovers, then Open again: nothing more is lost.
func TestPowerLossDuringRecovery(t *testing.T) {
	crashes(t, func(t require.TestingT, n int64, place string, killed *vfs.Mem, known map[string]*topicState) {
		if n%40 != 0 {
			return
		}
		mem := killed.CrashClone(uint64(n))
		inner := &recorder{}
		e, err := local.Open(options(vfs.Faulty(mem, func(op vfs.Op) error {
			if op.N%10 == 0 {
				inner.attempt(func() {
					check(inner, mem.CrashClone(uint64(op.N)), known, afterPowerLoss,
						fmt.Sprintf("%s, then in recovery before call %d, %s %s", place, op.N, op.Kind, op.Name))
				})
			}
			return nil
		})))
		require.NoError(t, err, place)
		require.NoError(t, e.Close(), place)
		require.False(t, inner.failed, inner.report)
	})
}
