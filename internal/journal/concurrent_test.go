package journal_test

import (
	"fmt"
	"path"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func TestConcurrentCommits(t *testing.T) {
	eachSystem(t, func(t *testing.T, f vfs.FS) {
		const workers, each = 32, 40
		o := options(f)
		o.MinGeneration = 8 << 10
		j := open(t, o)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				own := fmt.Sprint("own/", w)
				for i := range each {
					if err := j.Commit(i%8 == 0, put(own, fmt.Sprint(i)), put("last", own)); err != nil {
						t.Error(err)
					}
					err := j.CommitFunc(i%16 == 0, func() ([]journal.Change, error) {
						v, _ := j.Get("count")
						return []journal.Change{put("count", string(v)+"x")}, nil
					})
					if err != nil {
						t.Error(err)
					}
					if v, _ := j.Get(own); string(v) != fmt.Sprint(i) {
						t.Errorf("%s is %q after %d", own, v, i)
					}
					for range j.Scan("own/") {
					}
				}
			})
		}
		wg.Wait()
		v, _ := j.Get("count")
		require.Len(t, v, workers*each)
		require.NoError(t, j.Close())
		again := open(t, o)
		require.Equal(t, state(j), state(again))
		require.NoError(t, again.Close())
	})
}

// Close may come at any time: what was acknowledged before it is there, what comes after is refused.
func TestCloseDuringCommits(t *testing.T) {
	f := osFS(t)
	j := open(t, options(f))
	var acknowledged [16]atomic.Int64
	var wg sync.WaitGroup
	started := make(chan struct{}, len(acknowledged))
	for w := range acknowledged {
		wg.Go(func() {
			for i := int64(1); j.Commit(i%4 == 0, put(fmt.Sprint(w), fmt.Sprint(i))) == nil; i++ {
				acknowledged[w].Store(i)
				if i == 10 {
					started <- struct{}{}
				}
			}
		})
	}
	for range acknowledged {
		<-started
	}
	require.NoError(t, j.Close())
	wg.Wait()
	again := open(t, options(f))
	for w := range acknowledged {
		v, _ := again.Get(fmt.Sprint(w))
		require.Equal(t, fmt.Sprint(acknowledged[w].Load()), string(v))
	}
	require.Empty(t, again.Notes())
	require.NoError(t, again.Close())
}

// gate is a file system whose fsyncs of the entries wait for a signal.
func gate(f vfs.FS, enter, leave chan struct{}) vfs.FS {
	return vfs.Faulty(f, vfs.Only(func(op vfs.Op) error {
		if enter != nil && path.Base(op.Name) == "00000000000000000001" {
			enter <- struct{}{}
			<-leave
		}
		return nil
	}, vfs.OpSync))
}

// Commits go on during an fsync, and those that came meanwhile share the next one.
func TestFsyncsAreSharedAndHoldNobodyUp(t *testing.T) {
	mem := vfs.NewMem()
	require.NoError(t, open(t, options(mem)).Close())
	enter, leave := make(chan struct{}), make(chan struct{})
	j := open(t, options(gate(mem, enter, leave)))
	var wg sync.WaitGroup
	commit := func(n int) {
		wg.Go(func() {
			if err := j.Commit(true, put(fmt.Sprint(n), "")); err != nil {
				t.Error(err)
			}
		})
	}
	commit(0)
	<-enter
	const others = 63
	for n := range others {
		commit(n + 1)
	}
	require.NoError(t, j.Commit(false, put("x", "")), "a plain commit does not wait")
	for len(state(j)) < others+2 { // until all others are written: they wait for the fsync then
		require.NoError(t, j.Commit(false, put("x", "")))
	}
	leave <- struct{}{}
	<-enter
	leave <- struct{}{}
	wg.Wait()
	wg.Go(func() { // the fsync of Close
		<-enter
		leave <- struct{}{}
	})
	require.NoError(t, j.Close())
	wg.Wait()
}

// CommitFunc sees what stood in the queue before it.
func TestCommitFuncKeepsTheOrderOfTheQueue(t *testing.T) {
	j := open(t, options(vfs.NewMem()))
	for range 100 {
		var wg sync.WaitGroup
		require.NoError(t, j.CommitFunc(false, func() ([]journal.Change, error) {
			wg.Go(func() {
				if err := j.Commit(false, put("first", "")); err != nil {
					t.Error(err)
				}
			})
			for journal.Pending(j) < 1 {
			}
			return []journal.Change{del("first")}, nil
		}))
		require.NoError(t, j.CommitFunc(false, func() ([]journal.Change, error) {
			_, ok := j.Get("first")
			require.True(t, ok)
			return nil, nil
		}))
		wg.Wait()
	}
	require.NoError(t, j.Close())
}

// Those who wait while a commit is being written share one entry.
func TestConcurrentCommitsShareEntries(t *testing.T) {
	mem := vfs.NewMem()
	j := open(t, options(mem))
	before, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	const others = 20
	var wg sync.WaitGroup
	require.NoError(t, j.CommitFunc(false, func() ([]journal.Change, error) {
		for n := range others {
			wg.Go(func() {
				if err := j.Commit(false, put(fmt.Sprint(n), "")); err != nil {
					t.Error(err)
				}
			})
		}
		for journal.Pending(j) < others {
		}
		return []journal.Change{put("x", "")}, nil
	}))
	wg.Wait()
	after, err := journal.Inspect(mem, dir, id)
	require.NoError(t, err)
	require.Equal(t, before.Entries+2, after.Entries)
	require.Len(t, state(j), others+1)
	require.NoError(t, j.Close())
}
