package log

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// verify compares a log that was opened after a crash with the oracle. least is the end that it must have reached.
func (w *world) verify(t require.TestingT, l *Log, least int64) {
	require.Empty(t, l.Damage())
	require.NoError(t, l.Failed())
	end := l.End()
	require.GreaterOrEqual(t, end, least)
	require.Contains(t, []int64{w.start, w.starting}, max(l.Start(), min(w.start, w.starting)))
	i := slices.IndexFunc(w.batches, func(e entry) bool { return e.next > end })
	if i < 0 {
		i = len(w.batches)
	}
	kept := w.batches[:i]
	if i > 0 {
		require.Equal(t, kept[i-1].next, end, "the log must end with a batch")
	} else {
		require.Zero(t, end)
	}
	w.verifyRecords(t, l, kept)
	w.verifyTransactions(t, l, kept)
}

func (w *world) verifyRecords(t require.TestingT, l *Log, kept []entry) {
	var want, got []string
	for _, e := range kept {
		for j := range e.next - e.first {
			if offset := e.first + j; offset >= l.Start() && len(e.values) > 0 {
				want = append(want, fmt.Sprint(offset, "!", e.values[j]))
			}
		}
	}
	for from := l.Start(); from < l.End(); {
		data, next, err := l.Read(from, l.End(), 4000)
		require.NoError(t, err)
		require.Greater(t, next, from)
		got = append(got, recordsOf(t, data, from)...)
		from = next
	}
	require.Equal(t, want, got)
}

// recordsOf are the offsets and values of the records in whole batches from an offset on, markers left out.
func recordsOf(t require.TestingT, data []byte, from int64) (list []string) {
	for len(data) > 0 {
		n, err := record.Peek(data)
		require.NoError(t, err)
		list = append(list, recordsIn(t, data[:n], from)...)
		data = data[n:]
	}
	return list
}

func recordsIn(t require.TestingT, b record.Batch, from int64) (list []string) {
	if b.IsControl() {
		return nil
	}
	var r record.Reader
	require.NoError(t, r.Reset(b, 1<<20))
	for rec := (record.Record{}); r.Next(&rec); {
		if rec.Offset >= from {
			list = append(list, fmt.Sprint(rec.Offset, "!", string(rec.Value)))
		}
	}
	require.NoError(t, r.Err())
	return list
}

// verifyTransactions compares the last stable offset and the aborted transactions of which records can be read. Of those
// that began before the start it is not known any more where, once their index was rebuilt.
func (w *world) verifyTransactions(t require.TestingT, l *Log, kept []entry) {
	open := map[int64]index.AbortedTxn{}
	aborted := map[index.AbortedTxn]bool{}
	for _, e := range kept {
		txn, isOpen := open[e.producer]
		switch e.kind {
		case transactional:
			if !isOpen {
				txn = index.AbortedTxn{ProducerID: e.producer, First: e.first}
			}
			open[e.producer] = txn
		case commit, abort:
			delete(open, e.producer)
			txn.Last = e.first
			if isOpen && e.kind == abort && w.visible(txn, l.Start()) >= 0 {
				txn.First = w.visible(txn, l.Start())
				aborted[txn] = true
			}
		}
	}
	stable := l.End()
	for _, txn := range open {
		stable = min(stable, txn.First)
	}
	require.Equal(t, stable, l.LastStable())
	got, err := l.Aborted(l.Start(), l.End())
	require.NoError(t, err)
	found := 0
	for _, txn := range got {
		txn.LastStable = 0
		if txn.First = w.visible(txn, l.Start()); txn.First >= 0 {
			require.True(t, aborted[txn], "%+v of %v", txn, aborted)
			found++
		}
	}
	require.Equal(t, len(aborted), found, "%v of %v", got, aborted)
}

// visible is the first offset of a transaction's records from an offset on, or -1.
func (w *world) visible(txn index.AbortedTxn, from int64) int64 {
	i := slices.IndexFunc(w.batches, func(e entry) bool {
		return e.producer == txn.ProducerID && e.kind == transactional && e.next > max(from, txn.First) && e.first < txn.Last
	})
	if i < 0 {
		return -1
	}
	return max(w.batches[i].first, from)
}

// reopen opens what is left of the log after a crash, compares it, appends to it, and opens it once more.
func (w *world) reopen(t require.TestingT, fs vfs.FS, least int64) {
	c := *w
	c.o.FS = fs
	require.NoError(t, c.open())
	c.verify(t, c.l, least)
	c.batches = slices.DeleteFunc(slices.Clone(c.batches), func(e entry) bool { return e.next > c.l.End() })
	c.acked, c.start, c.starting = c.l.End(), c.l.Start(), c.l.Start()
	require.NoError(t, c.append(plain, -1, "appended after the crash"))
	require.NoError(t, c.close())
	require.NoError(t, c.open())
	require.Empty(t, c.l.Notes())
	c.verify(t, c.l, c.acked)
	require.NoError(t, c.l.Close())
	require.Zero(t, c.o.Pool.Open())
}
