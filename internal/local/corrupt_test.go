package local_test

import (
	"context"
	"flag"
	"hash/fnv"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	corruptAll  = flag.Bool("corrupt.all", false, "try every damage of TestCorruptDirectory, not a sample: about half an hour")
	corruptOnly = flag.String("corrupt.only", "", "try only the damage of this name")
)

// TestCorruptDirectory damages a directory in every way there is: whatever it is, nothing panics or hangs, no wrong record
// is given out, and each record that was promised comes, or an error that says where it was.
func TestCorruptDirectory(t *testing.T) {
	for _, kill := range []bool{false, true} {
		w := newTemplate(t, t.Context(), kill)
		for name, kind := range w.kinds() {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				total := 0
				for range kind.all {
					total++
				}
				take := func(m mutation) bool { return *corruptAll || sampled(m.name, kind.sample, total) }
				if *corruptOnly != "" {
					take = func(m mutation) bool { return m.name == *corruptOnly }
				}
				c := campaign{T: t, w: w}
				c.run(kind.all, take)
				t.Logf("%d of %d", c.tried.Load(), total)
			})
		}
	}
}

// sampled takes about so many of a total, always the same ones.
func sampled(name string, take, total int) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int64(h.Sum32())*int64(total) < int64(take)<<32
}

// campaign tries mutations on all processors.
type campaign struct {
	*testing.T
	w      *template
	tried  atomic.Int64
	failed atomic.Int64
}

const (
	mostFailures = 20              // are reported of one kind
	patience     = 5 * time.Minute // for one case, which takes milliseconds
)

func (c *campaign) run(all func(func(mutation) bool), take func(mutation) bool) {
	work := make(chan mutation)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for m := range work {
				c.try(m)
			}
		})
	}
	all(func(m mutation) bool {
		if take(m) {
			work <- m
		}
		return c.failed.Load() < mostFailures
	})
	close(work)
	workers.Wait()
}

func (c *campaign) try(m mutation) {
	c.tried.Add(1)
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	err := try(func(t require.TestingT) {
		mem := c.w.mem.KillClone()
		m.do(mem)
		c.w.check(t, ctx, mem, m.touched)
	})
	if err != nil {
		c.failed.Add(1)
		c.Errorf("-corrupt.only=%q: %v", m.name, err)
	}
}
