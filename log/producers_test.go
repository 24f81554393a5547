package log

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// from makes a batch of n records of a producer.
func from(t testing.TB, id int64, epoch int16, sequence int32, n int, ts int64) record.Batch {
	var b record.Builder
	b.Reset(record.Options{ProducerID: id, ProducerEpoch: epoch, BaseSequence: sequence})
	for range n {
		require.NoError(t, b.Append(ts, nil, []byte("v"), nil))
	}
	out, err := b.Finish()
	require.NoError(t, err)
	return out
}

func TestSequences(t *testing.T) {
	type send struct {
		epoch     int16
		sequence  int32
		n         int
		first     int64 // where it goes, or where it went
		duplicate bool
		err       error
	}
	ok := func(sequence int32, n int, first int64) send { return send{0, sequence, n, first, false, nil} }
	again := func(sequence int32, n int, first int64) send { return send{0, sequence, n, first, true, nil} }
	gap := func(sequence int32, n int) send { return send{0, sequence, n, 0, false, engine.ErrOutOfOrderSequence} }
	for _, c := range []struct {
		name  string
		sends []send
	}{
		{"in order", []send{ok(0, 2, 0), ok(2, 1, 2), ok(3, 5, 3)}},
		{"the newest again", []send{ok(0, 2, 0), again(0, 2, 0), ok(2, 1, 2), again(2, 1, 2)}},
		{"all of the window again", []send{ok(0, 1, 0), ok(1, 1, 1), ok(2, 1, 2), ok(3, 1, 3), ok(4, 1, 4),
			again(0, 1, 0), again(1, 1, 1), again(2, 1, 2), again(3, 1, 3), again(4, 1, 4), ok(5, 1, 5)}},
		{"older than the window", []send{ok(0, 1, 0), ok(1, 1, 1), ok(2, 1, 2), ok(3, 1, 3), ok(4, 1, 4), ok(5, 1, 5), gap(0, 1)}},
		{"a gap", []send{ok(0, 2, 0), gap(3, 1), ok(2, 1, 2)}},
		{"back", []send{ok(0, 2, 0), ok(2, 2, 2), gap(1, 1)}},
		{"again with another length", []send{ok(0, 2, 0), gap(0, 1), gap(0, 3)}},
		{"an unknown producer begins anywhere", []send{ok(77, 1, 0), ok(78, 1, 1)}},
		{"wraps after 2^31-1", []send{ok(math.MaxInt32-1, 1, 0), ok(math.MaxInt32, 2, 1), again(math.MaxInt32, 2, 1), ok(1, 1, 3)}},
		{"a new epoch begins at 0", []send{ok(0, 2, 0), {1, 2, 1, 0, false, engine.ErrOutOfOrderSequence}, {1, 0, 1, 2, false, nil},
			{0, 2, 1, 0, false, engine.ErrFenced}, {1, 0, 1, 2, true, nil}, {1, 1, 1, 3, false, nil}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(vfs.NewMem())
			require.NoError(t, w.create())
			// After each send everything is the same for one who opens the log, after a kill or a clean close.
			for i, s := range c.sends {
				for _, clean := range []bool{false, true} {
					other := *w
					mem := w.o.FS.(*vfs.Mem).KillClone()
					other.o.FS = mem
					require.NoError(t, other.open())
					if clean {
						require.NoError(t, other.l.Close())
						require.NoError(t, other.open())
					}
					checkSend(t, other.l, from(t, 9, s.epoch, s.sequence, s.n, 1), s.first, s.duplicate, s.err, i)
					require.NoError(t, other.l.Close())
				}
				checkSend(t, w.l, from(t, 9, s.epoch, s.sequence, s.n, 1), s.first, s.duplicate, s.err, i)
			}
			require.NoError(t, w.l.Close())
		})
	}
}

func checkSend(t *testing.T, l *Log, b record.Batch, first int64, duplicate bool, want error, i int) {
	end := l.End()
	a, err := l.Append(b, 1)
	if want != nil {
		require.ErrorIs(t, err, want, "send %d", i)
		require.Equal(t, end, l.End())
		return
	}
	require.NoError(t, err, "send %d", i)
	require.Equal(t, Appended{first, first + int64(b.Count()), duplicate}, a, "send %d", i)
}

// Retries are recognised for a week since the append, whatever time the records themselves bear.
func TestProducersExpire(t *testing.T) {
	for name, ts := range map[string]int64{"no time": -1, "long ago": 1, "in the future": 1 << 45} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(vfs.NewMem())
			require.NoError(t, w.create())
			send := func() (Appended, error) { return w.l.Append(from(t, 9, 0, 0, 1, ts), w.clock.Now().UnixMilli()) }
			_, err := send()
			require.NoError(t, err)
			w.clock.Advance(producerExpiry)
			require.NoError(t, w.l.Maintain())
			a, err := send()
			require.NoError(t, err)
			require.True(t, a.Duplicate)
			w.clock.Advance(2 * time.Millisecond)
			require.NoError(t, w.l.Maintain())
			a, err = send()
			require.NoError(t, err)
			require.False(t, a.Duplicate)
			require.NoError(t, w.l.Close())
		})
	}
}

// The last stable offset stands still while a transaction is open; what was aborted is known ever after.
func TestTransactions(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	step := func(k kind, id, stable int64, values ...string) {
		t.Helper()
		require.NoError(t, w.append(k, id, values...))
		require.Equal(t, stable, w.l.LastStable())
	}
	step(plain, -1, 1, "a")
	step(transactional, 1, 1, "b", "c")
	step(plain, -1, 1, "d")
	step(transactional, 2, 1, "e")
	require.Equal(t, []Producer{{ID: 1, Open: 1}, {ID: 2, Open: 4}}, slices.DeleteFunc(w.l.Producers(), func(p Producer) bool { return p.Open < 0 }))
	require.ErrorIs(t, w.l.DeleteRecords(2), engine.ErrOffsetOutOfRange, "not into an open transaction")
	step(abort, 1, 4)
	step(transactional, 1, 4, "f")
	step(commit, 2, 6)
	step(abort, 1, 9)
	step(abort, 3, 10) // of one that has no records here
	want := []abortedTxn{{1, 1, 5, 4}, {1, 6, 8, 9}}
	check := func() {
		t.Helper()
		got, err := w.l.Aborted(0, w.l.End())
		require.NoError(t, err)
		require.Len(t, got, len(want))
		for i, x := range want {
			require.Equal(t, x, abortedTxn{got[i].ProducerID, got[i].First, got[i].Last, got[i].LastStable})
		}
		got, err = w.l.Aborted(6, 7)
		require.NoError(t, err)
		require.Len(t, got, 1)
	}
	check()
	require.NoError(t, w.close())
	require.NoError(t, w.open())
	check()
	require.NoError(t, w.close())
	require.NoError(t, w.o.FS.Remove(w.o.Dir+"/"+segment.Name(0)+segment.AbortedExt))
	require.NoError(t, w.open())
	check()
	require.NoError(t, w.close())
	_, err := w.l.Aborted(0, 1)
	require.ErrorIs(t, err, engine.ErrClosed, "no answer is not the answer that nothing was aborted")
}

// abortedTxn is one without names.
type abortedTxn [4]int64

// A snapshot that tells of more than the log holds is not believed, nor one of another partition or a damaged one.
func TestSnapshots(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	for i := range int32(20) {
		_, err := w.l.Append(from(t, 9, 0, i, 1, 1), 1)
		require.NoError(t, err)
	}
	w.acked = w.l.End()
	require.NoError(t, w.close())
	offsets, err := listSnapshots(w.o.FS, w.o.Dir)
	require.NoError(t, err)
	require.Equal(t, []int64{20}, offsets)
	good, err := vfs.ReadFile(w.o.FS, w.o.Dir+"/"+snapshotName(20), 1<<20)
	require.NoError(t, err)
	for at := -1; at < len(good); at++ {
		mem := w.o.FS.(*vfs.Mem).KillClone()
		if at >= 0 {
			edit(t, mem, w.o.Dir+"/"+snapshotName(20), flip(int64(at)))
		}
		other := *w
		other.o.FS = mem
		require.NoError(t, vfs.WriteFileAtomic(mem, w.o.Dir+"/"+snapshotName(25), good))
		require.NoError(t, other.open())
		a, err := other.l.Append(from(t, 9, 0, 19, 1, 1), 1)
		require.NoError(t, err)
		require.True(t, a.Duplicate)
		require.NoError(t, other.l.Close())
		_, err = mem.Stat(w.o.Dir + "/" + snapshotName(25))
		require.Error(t, err)
	}
}

func FuzzDecodeSnapshot(f *testing.F) {
	var ps producers
	ps.note(from(f, 1, 2, 3, 4, 5), 6)
	ps.note(from(f, 7, 8, 9, 1, 2), 3)
	f.Add(ps.encode(10, 0), uint32(0))
	f.Add((&producers{}).encode(0, 1), uint32(1))
	f.Add([]byte(nil), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, seed uint32) {
		if ps, offset, ok := decodeSnapshot(b, seed); ok {
			again, at, ok := decodeSnapshot(ps.encode(offset, seed), seed)
			require.True(t, ok)
			require.Equal(t, offset, at)
			require.Equal(t, ps, again)
		}
	})
}
