package index_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestModel compares an index with a slice, over random appends, flushes, reopenings and rebuilds.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := open(t, vfs.NewMem())
		o := index.NewOffset(f, index.State{})
		var keys, positions []int64
		encoded := func(n int) (b []byte) {
			for i := range n {
				b = binary.BigEndian.AppendUint32(b, uint32(keys[i]))
				b = binary.BigEndian.AppendUint32(b, uint32(positions[i]))
			}
			return b
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					last, position := int64(0), int64(0)
					if n := len(keys); n > 0 {
						last, position = keys[n-1], positions[n-1]
					}
					keys = append(keys, last+rapid.Int64Range(1, 20).Draw(t, "key"))
					positions = append(positions, position+rapid.Int64Range(4096, 9000).Draw(t, "position"))
					o.Append(uint32(keys[len(keys)-1]), uint32(positions[len(positions)-1]))
				}
			},
			"flush": func(t *rapid.T) { require.NoError(t, o.Flush()) },
			"reopen": func(t *rapid.T) {
				require.NoError(t, o.Flush())
				o = index.NewOffset(f, o.State())
			},
			"rebuild": func(t *rapid.T) {
				n := o.Written()
				require.NoError(t, o.Replace(n, encoded(len(keys))))
			},
			"": func(t *rapid.T) {
				require.EqualValues(t, len(keys), o.State().Entries)
				if len(keys) == 0 {
					return
				}
				key := rapid.Int64Range(0, keys[len(keys)-1]+5).Draw(t, "lookup")
				i, found := slices.BinarySearch(keys, key)
				if found {
					i++
				}
				want := index.Place{Last: -1, Bound: -1, BoundLast: -1}
				if i > 0 {
					want.Position, want.Last = positions[i-1], keys[i-1]
				}
				if i < len(keys) {
					want.Bound, want.BoundLast = positions[i], keys[i]
				}
				got, err := o.Lookup(uint32(key))
				require.NoError(t, err)
				require.Equal(t, want, got)
			},
		})
	})
}

func FuzzParseAborted(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, 34))
	f.Add(make([]byte, 33))
	f.Add(append(make([]byte, 34), 0, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		ts, err := index.ParseAborted(b)
		if err != nil {
			return
		}
		require.Len(t, ts, len(b)/34)
		a := index.NewAborted(nil, index.State{})
		for _, x := range ts {
			a.Append(x)
		}
		require.Equal(t, string(b), string(a.Entries()))
	})
}

func BenchmarkLookup(b *testing.B) {
	fs, err := vfs.OS(b.TempDir())
	require.NoError(b, err)
	o := offsets(open(b, fs), 16<<10)
	require.NoError(b, o.Seal())
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i += 7919 {
		if _, err := o.Lookup(i * 10 % (160 << 10)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	fs, err := vfs.OS(b.TempDir())
	require.NoError(b, err)
	o := index.NewOffset(open(b, fs), index.State{})
	b.ReportAllocs()
	for i := uint32(1); b.Loop(); i++ {
		o.Append(i, i)
	}
}

// BenchmarkLoad is the first use of the index of a 64 MiB segment.
func BenchmarkLoad(b *testing.B) {
	fs, err := vfs.OS(b.TempDir())
	require.NoError(b, err)
	f := open(b, fs)
	o := offsets(f, 16<<10)
	require.NoError(b, o.Seal())
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, index.NewOffset(f, o.State()).Load())
	}
}
