package scenario

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// mostFailures end a long run. Each other one is noted, and it goes on.
const mostFailures = 10

var long = flag.Duration("scenario.for", 2*time.Second, "how long TestLong goes on")

// TestLong does everything at once: clients that are killed, lose power and meet faults, processes that kill themselves,
// and one client on a real disk that lives on. What it takes of memory, goroutines and descriptors does not grow.
func TestLong(t *testing.T) {
	first := firstSeed(t)
	end := clock.Real.Now().Add(*long)
	var failures atomic.Int32
	failed := func(format string, args ...any) {
		failures.Add(1)
		t.Errorf(format, args...)
	}
	goesOn := func() bool { return clock.Real.Now().Before(end) && failures.Load() < mostFailures }
	var work sync.WaitGroup
	work.Go(func() {
		for n := first; goesOn(); n++ {
			s := drawScript(n, true)
			if _, err := play(newMachine(), s); err != nil {
				failed("-scenario.seed=%d: %v\n\n%s", n, err, s)
			}
		}
	})
	work.Go(func() {
		for n := first; goesOn(); n++ {
			s := slices.DeleteFunc(drawScript(n, true), func(v verb) bool { return v.name == "rot" || v.name == "power" })
			dir, err := os.MkdirTemp(t.TempDir(), "")
			if err == nil {
				_, err = playKilled(&process{t: t, dir: dir, now: epoch}, s)
			}
			if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
				failed("-scenario.seed=%d, killed: %v\n\n%s", n, err, s)
			}
		}
	})
	steady(t, first, goesOn, failed)
	work.Wait()
}

// steady lets one client live as long as there is time, with topics that retention and deletion keep small. After a failure
// another one takes its place.
func steady(t *testing.T, first uint64, goesOn func() bool, failed func(string, ...any)) {
	g := generator{rand.New(rand.NewPCG(first, 0)), false}
	tidy, err := parseScript("commit x\ncommit y\ntruncate a p=0 keep=3\ntruncate a p=1 keep=3\ntruncate b p=0 keep=3\n" +
		"truncate b p=1 keep=3\ntruncate compacted p=0 keep=3\ntruncate compacted p=1 keep=3\ndelete c\ncheck\n")
	require.NoError(t, err)
	var before, after usage
	rounds := 0
	live := func() error {
		m := &machine{disk: t.TempDir(), clock: clock.NewManual(epoch)}
		defer m.discard()
		r := &run{model: newModel(), target: m}
		for ; goesOn(); rounds++ {
			if rounds == 20 {
				before = used()
			}
			s := slices.DeleteFunc(g.draw(60), func(v verb) bool { return v.name == "stream" || v.name == "close" })
			for _, v := range append(s, tidy...) {
				if err := r.play(v); err != nil {
					return fmt.Errorf("%s: %w", v, err)
				}
			}
		}
		return nil
	}
	for goesOn() {
		if err := live(); err != nil {
			failed("-scenario.seed=%d, the client that lives on: round %d, %v", first, rounds, err)
		}
	}
	if rounds <= 40 {
		return // too short to tell
	}
	after = used()
	t.Logf("%d rounds; at the beginning %+v, at the end %+v", rounds, before, after)
	require.LessOrEqual(t, after.heap, before.heap+before.heap/2+8<<20)
	require.LessOrEqual(t, after.goroutines, before.goroutines+20)
	require.LessOrEqual(t, after.descriptors, before.descriptors+20)
}

// usage is what this process takes. Others work beside the client that lives on, so it varies.
type usage struct {
	heap                    uint64
	goroutines, descriptors int
}

func used() (u usage) {
	runtime.GC()
	runtime.GC() // what finalizers let go of
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	list, _ := os.ReadDir("/proc/self/fd")
	return usage{stats.HeapAlloc, runtime.NumGoroutine(), len(list)}
}
