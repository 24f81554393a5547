package index_test

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func open(t require.TestingT, fs vfs.FS) vfs.File {
	f, err := fs.OpenFile("index", os.O_RDWR|os.O_CREATE)
	require.NoError(t, err)
	return f
}

// A block is 64 entries: these sizes lie around the borders of one, two and of the first read of a load.
var sizes = []int{0, 1, 2, 63, 64, 65, 127, 128, 129, 64 * 64, 64*64 + 1, 5000}

// offsets holds entries (10, 100), (20, 200), …
func offsets(f vfs.File, n int) *index.Offset {
	o := index.NewOffset(f, index.State{})
	for i := range n {
		o.Append(uint32(10*(i+1)), uint32(100*(i+1)))
	}
	return o
}

func checkOffsets(t require.TestingT, o *index.Offset, n int) {
	for i := -1; i < n; i++ {
		want := index.Place{Position: int64(100 * (i + 1)), Last: int64(10 * (i + 1)), Bound: int64(100 * (i + 2)), BoundLast: int64(10 * (i + 2))}
		if i < 0 {
			want.Position, want.Last = 0, -1
		}
		if i == n-1 {
			want.Bound, want.BoundLast = -1, -1
		}
		for _, rel := range []int{10 * (i + 1), 10*(i+1) + 1, 10*(i+1) + 9} {
			got, err := o.Lookup(uint32(rel))
			require.NoError(t, err)
			require.Equal(t, want, got, "%d of %d", rel, n)
		}
	}
	got, err := o.Lookup(1<<32 - 1)
	require.NoError(t, err)
	require.EqualValues(t, -1, got.Bound)
}

func TestOffsetLookup(t *testing.T) {
	for _, n := range sizes {
		fs := vfs.NewMem()
		f := open(t, fs)
		o := offsets(f, n)
		checkOffsets(t, o, n)
		require.NoError(t, o.Flush())
		checkOffsets(t, o, n)
		require.NoError(t, o.Seal())
		size, err := f.Size()
		require.NoError(t, err)
		require.EqualValues(t, 8*n, size)
		checkOffsets(t, index.NewOffset(open(t, fs), o.State()), n)
	}
}

// An index that was opened again is appended to, before or after it is first searched.
func TestReopenAndAppend(t *testing.T) {
	for _, n := range sizes {
		for _, search := range []bool{false, true} {
			fs := vfs.NewMem()
			o := offsets(open(t, fs), n)
			require.NoError(t, o.Flush())
			again := index.NewOffset(open(t, fs), o.State())
			if search {
				checkOffsets(t, again, n)
			}
			for i := n; i < n+100; i++ {
				again.Append(uint32(10*(i+1)), uint32(100*(i+1)))
			}
			checkOffsets(t, again, n+100)
			require.Equal(t, offsets(open(t, vfs.NewMem()), n+100).State(), again.State())
		}
	}
}

// A file in which any byte differs, or that is cut anywhere, is not believed; one that is longer is.
func TestMismatch(t *testing.T) {
	const n = 70
	fs := vfs.NewMem()
	o := offsets(open(t, fs), n)
	require.NoError(t, o.Seal())
	good, err := vfs.ReadFile(fs, "index", 1<<20)
	require.NoError(t, err)
	check := func(b []byte) error {
		fs := vfs.NewMem()
		f := open(t, fs)
		_, err := f.WriteAt(b, 0)
		require.NoError(t, err)
		again := index.NewOffset(f, o.State())
		_, err = again.Lookup(5)
		if err != nil {
			require.ErrorIs(t, again.Load(), index.ErrMismatch)
			require.NoError(t, again.Replace(again.Written(), slices.Clone(good)))
			checkOffsets(t, again, n)
			require.Equal(t, o.State(), again.State())
			now, err := vfs.ReadFile(fs, "index", 1<<20)
			require.NoError(t, err)
			require.Equal(t, good, now)
		}
		return err
	}
	for at := range good {
		require.ErrorIs(t, check(good[:at]), index.ErrMismatch)
		bad := slices.Clone(good)
		bad[at] ^= 1
		require.ErrorIs(t, check(bad), index.ErrMismatch)
	}
	require.NoError(t, check(append(slices.Clone(good), 1, 2, 3)))
}

// What has changed since it was loaded is found when it is asked for.
func TestRecheck(t *testing.T) {
	f := open(t, vfs.NewMem())
	o := offsets(f, 200)
	require.NoError(t, o.Flush())
	require.NoError(t, o.Load())
	_, err := f.WriteAt([]byte{1}, 0)
	require.NoError(t, err)
	require.NoError(t, o.Load())
	require.ErrorIs(t, o.Recheck(), index.ErrMismatch)
	require.ErrorIs(t, o.Load(), index.ErrMismatch)
}

// Entries that were appended while others were made anew stay.
func TestReplaceKeepsLaterEntries(t *testing.T) {
	for _, c := range []struct{ written, later, made int }{{64, 10, 64}, {64, 200, 64}, {64, 10, 80}, {128, 0, 128}, {64, 70, 3}} {
		o := offsets(open(t, vfs.NewMem()), c.written)
		require.NoError(t, o.Flush())
		n := o.Written()
		for i := c.written; i < c.written+c.later; i++ {
			o.Append(uint32(10*(i+1)), uint32(100*(i+1)))
		}
		var made []byte
		for i := range c.made {
			made = binary.BigEndian.AppendUint32(made, uint32(10*(i+1)))
			made = binary.BigEndian.AppendUint32(made, uint32(100*(i+1)))
		}
		require.NoError(t, o.Replace(n, made))
		if c.made >= c.written {
			checkOffsets(t, o, c.written+c.later)
			require.Equal(t, offsets(nil, c.written+c.later).State(), o.State())
			continue
		}
		require.EqualValues(t, c.made+c.later, o.State().Entries)
		p, err := o.Lookup(uint32(10*c.written + 1))
		require.NoError(t, err)
		require.EqualValues(t, 100*c.made, p.Position)
	}
}

// A full disk keeps entries in memory until there is room.
func TestNoRoom(t *testing.T) {
	fs := vfs.NewMem()
	fs.SetCapacity(1)
	f := open(t, fs)
	o := offsets(f, 1000)
	require.Error(t, o.Flush())
	checkOffsets(t, o, 1000)
	require.Error(t, o.Seal())
	fs.SetCapacity(0)
	require.NoError(t, o.Seal())
	checkOffsets(t, o, 1000)
	checkOffsets(t, index.NewOffset(f, o.State()), 1000)
}

func TestTime(t *testing.T) {
	f := open(t, vfs.NewMem())
	x := index.NewTime(f, index.State{}, -1)
	for i, ms := range []int64{5, 5, 3, 9, 1 << 40, 1 << 40, 7} {
		x.Append(ms, uint32(i*10))
	}
	require.EqualValues(t, 3, x.State().Entries, "only strictly larger ones")
	require.EqualValues(t, int64(1<<40), x.Last())
	for range 2 {
		for _, c := range []struct{ ms, rel int64 }{
			{-1 << 63, 0}, {0, 0}, {5, 0}, {6, 1}, {9, 1}, {10, 31}, {1 << 40, 31}, {1<<40 + 1, 41}, {1<<63 - 1, 41},
		} {
			rel, err := x.Lookup(c.ms)
			require.NoError(t, err)
			require.EqualValues(t, c.rel, rel, "%d", c.ms)
		}
		require.NoError(t, x.Flush())
		x = index.NewTime(f, x.State(), x.Last())
		x.Append(8, 99)
	}
}

func TestAborted(t *testing.T) {
	for _, flush := range []bool{false, true} {
		fs := vfs.NewMem()
		f := open(t, fs)
		a := index.NewAborted(f, index.State{})
		var want []index.AbortedTxn
		for i := range int64(100) {
			txn := index.AbortedTxn{ProducerID: i, First: 10 * i, Last: 10*i + 15, LastStable: 10*i + 10}
			want = append(want, txn)
			a.Append(txn)
		}
		if flush {
			require.NoError(t, a.Seal())
			a = index.NewAborted(f, a.State())
		}
		got, complete, err := a.Collect(nil, 0, 1<<40)
		require.NoError(t, err)
		require.False(t, complete)
		require.Equal(t, want, got)
		got, complete, err = a.Collect(nil, 500, 505)
		require.NoError(t, err)
		require.True(t, complete)
		require.Equal(t, want[49:51], got)
		if flush {
			b, err := vfs.ReadFile(fs, "index", 1<<20)
			require.NoError(t, err)
			parsed, err := index.ParseAborted(b)
			require.NoError(t, err)
			require.Equal(t, want, parsed)
			_, err = f.WriteAt([]byte{9}, 34*70+5)
			require.NoError(t, err)
			_, _, err = a.Collect(nil, 0, 1)
			require.ErrorIs(t, err, index.ErrMismatch)
			a.Replace(want[:3])
			got, _, err = a.Collect(nil, 0, 1<<40)
			require.NoError(t, err)
			require.Equal(t, want[:3], got)
		}
	}
}
