package log

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// numbered is a batch of one record with a number as its value.
func numbered(n int64) record.Batch {
	var b record.Builder
	if err := b.Append(1, nil, binary.BigEndian.AppendUint64(make([]byte, 0, 120), uint64(n))[:100], nil); err != nil {
		panic(err)
	}
	out, err := b.Finish()
	if err != nil {
		panic(err)
	}
	return out
}

func number(t require.TestingT, b record.Batch) int64 {
	var r record.Reader
	require.NoError(t, r.Reset(b, 1<<20))
	var rec record.Record
	require.True(t, r.Next(&rec))
	return int64(binary.BigEndian.Uint64(rec.Value))
}

// follow reads from the start on, waiting for what is appended, until the log ends at total or is closed. Each record
// must have its offset as number. It returns how far it came.
func follow(t *testing.T, l *Log, total int64) int64 {
	w := NewWaiter()
	l.AddWaiter(w)
	defer l.RemoveWaiter(w)
	from := int64(0)
	for from < total {
		w.Arm()
		data, next, err := l.Read(from, l.End(), 700)
		var e *engine.Error
		switch {
		case errors.As(err, &e) && e.Code == engine.ErrOffsetOutOfRange && from < l.Start():
			from = l.Start() // retention was faster
			continue
		case errors.As(err, &e) && e.Code == engine.ErrClosed:
			return from
		case err != nil:
			t.Error(err)
			return from
		}
		for len(data) > 0 {
			n, _ := record.Peek(data)
			if got := number(t, data[:n]); got != record.Batch(data).BaseOffset() {
				t.Errorf("record %d at offset %d", got, record.Batch(data).BaseOffset())
			}
			data = data[n:]
		}
		if next == from {
			<-w.C
		}
		from = next
	}
	return from
}

// TestConcurrent: one writer, readers that wait for it, syncers, retention, and small segments. No waiter misses an
// append: all readers arrive.
func TestConcurrent(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	l := w.l
	total := int64(3000 * *runs)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if n := follow(t, l, total); n != total {
				t.Errorf("a reader stopped at %d of %d", n, total)
			}
		})
	}
	for range 3 {
		all.Go(func() {
			for l.Durable() < total {
				end := l.End()
				if err := l.Sync(end); err != nil {
					t.Error(err)
					return
				}
				if l.Durable() < end {
					t.Error("not durable")
				}
			}
		})
	}
	all.Go(func() {
		for l.Start() < total-200 {
			if before := l.End() - 150; before > 0 {
				if err := l.DeleteRecords(before); err != nil {
					t.Error(err)
					return
				}
			}
			if err := l.Maintain(); err != nil {
				t.Error(err)
			}
			l.Bytes()
			if _, err := l.OffsetAt(1); err != nil {
				t.Error(err)
			}
		}
	})
	for n := range total {
		a, err := l.Append(numbered(n), 1)
		require.NoError(t, err)
		require.Equal(t, n, a.First)
		require.Equal(t, n+1, l.End(), "one reads what one wrote")
	}
	all.Wait()
	require.NoError(t, l.Close())
	require.Zero(t, w.o.Pool.Open())
	mem := w.o.FS.(*vfs.Mem).CrashClone(1)
	w.o.FS = mem
	require.NoError(t, w.open())
	require.Equal(t, total, w.l.End())
	require.Empty(t, w.l.Damage())
	require.NoError(t, w.l.Close())
}

// TestCloseInTheMiddle closes under the hands of writers, readers and syncers. What was appended is there afterwards,
// each of them learns that the log is closed, and nothing is left open.
func TestCloseInTheMiddle(t *testing.T) {
	for round := range int64(15 * *runs) {
		mem := vfs.NewMem()
		w := newWorld(mem)
		require.NoError(t, w.create())
		l := w.l
		var all sync.WaitGroup
		var acked, synced atomic.Int64
		for range 3 {
			all.Go(func() { follow(t, l, 1<<40) })
		}
		all.Go(func() {
			for n := int64(0); ; n++ {
				if _, err := l.Append(numbered(n), 1); err != nil {
					if !errors.Is(err, engine.ErrClosed) {
						t.Error(err)
					}
					return
				}
				acked.Store(n + 1)
			}
		})
		for range 2 {
			all.Go(func() {
				for {
					end := l.End()
					err := errors.Join(l.Sync(end), l.Maintain())
					if err == nil {
						synced.Store(max(synced.Load(), end))
						continue
					}
					if !errors.Is(err, engine.ErrClosed) {
						t.Error(err)
					}
					return
				}
			})
		}
		for acked.Load() < 40*round {
			runtime.Gosched()
		}
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
		all.Wait()
		require.Zero(t, w.o.Pool.Open())
		require.NoError(t, l.Sync(l.End()), "everything is durable")
		w.o.FS = mem.CrashClone(uint64(round))
		require.NoError(t, w.open())
		require.Empty(t, w.l.Notes())
		require.Equal(t, acked.Load(), w.l.End())
		require.NoError(t, w.l.Close())
	}
}

// TestConcurrentProducers: each record arrives once and in the order of its producer, whatever is retried.
func TestConcurrentProducers(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	const producers, each = 6, 200
	var all sync.WaitGroup
	for id := range int64(producers) {
		all.Go(func() {
			for n := range int32(each) {
				first, err := w.l.Append(from(t, id, 0, n, 1, 1), 1)
				if err == nil {
					err = w.l.Sync(first.Next)
				}
				again, errAgain := w.l.Append(from(t, id, 0, n, 1, 1), 1)
				if err != nil || errAgain != nil || !again.Duplicate || again.First != first.First {
					t.Error(first, again, err, errAgain)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, producers*each, w.l.End())
	require.Equal(t, w.l.End(), w.l.Durable())
	require.NoError(t, w.l.Close())
}

func TestWaiter(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	waiter := NewWaiter()
	woken := func() bool {
		select {
		case <-waiter.C:
			return true
		default:
			return false
		}
	}
	w.l.AddWaiter(waiter)
	require.NoError(t, w.append(plain, -1, "not armed"))
	require.False(t, woken())
	waiter.Arm()
	require.NoError(t, w.append(plain, -1, "a"))
	require.NoError(t, w.append(plain, -1, "b"))
	require.True(t, woken())
	require.False(t, woken(), "once")
	waiter.Arm()
	require.NoError(t, w.append(plain, -1, "c"))
	waiter.Arm()
	require.False(t, woken(), "armed again")
	require.NoError(t, w.close())
	require.True(t, woken(), "the end of the log is news, too")
	w.l.RemoveWaiter(waiter)
	require.Nil(t, w.l.waiters.Load())
}
