package segment

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// changes are what a test does to a copy of a segment's files besides the damage: with the index, without it.
var changes = map[string]func(t *testing.T, fs vfs.FS){
	"with indexes": func(*testing.T, vfs.FS) {},
	"without indexes": func(t *testing.T, fs vfs.FS) {
		for _, ext := range Extensions[1:3] {
			require.NoError(t, fs.Remove(Name(base)+ext))
		}
	},
}

// TestEveryBit flips each bit of a segment. A read never returns the batch that it is in and always all others, unless
// the bit is of the epoch, which does not matter to readers.
func TestEveryBit(t *testing.T) {
	for _, shapes := range [][]shape{same(24, shape{2, 200, 5}), same(4, shape{6, 800, 5})} {
		m := newSegment(t, shapes...)
		m.FlushIndexes()
		for name, change := range changes {
			t.Run(fmt.Sprintf("%d batches %s", len(shapes), name), func(t *testing.T) { m.checkEveryBit(t, change) })
		}
	}
}

func (m *made) checkEveryBit(t *testing.T, change func(*testing.T, vfs.FS)) {
	for i, b := range m.batches {
		if i%8 > 1 && i < len(m.batches)-1 || i == 9 {
			continue // neither at an index entry nor at an end
		}
		for at := range int64(len(b)) {
			if at >= 70 && (at+int64(i))%401 != 0 {
				continue // values are all alike
			}
			for bit := range int64(8) {
				c := m.copied(t)
				edit(t, c.fs, Name(base)+LogExt, flipBit(m.at[i]+at, bit))
				change(t, c.fs)
				lost, damage := c.readable(t, base, 1000)
				what := fmt.Sprintf("batch %d byte %d bit %d: %v", i, at, bit, damage)
				if at >= 12 && at < 16 {
					require.Empty(t, lost, what)
					require.Empty(t, damage, what)
					continue
				}
				require.Equal(t, []int{i}, lost, what)
				require.Len(t, damage, 1, what)
				require.Equal(t, []int64{m.at[i], b.BaseOffset(), b.LastOffset() + 1},
					[]int64{damage[0].Position, damage[0].First, damage[0].Next}, what)
				for j, other := range m.batches { // and from anywhere else
					if bit != at%8 {
						continue
					}
					_, err := c.Read(nil, other.BaseOffset(), m.Next(), 1)
					require.Equal(t, i == j, err != nil, what)
				}
				require.NoError(t, c.Close())
			}
		}
	}
}

// TestTwoDamages: in different intervals of the index each costs its own batch only.
func TestTwoDamages(t *testing.T) {
	m := newSegment(t, same(60, shape{2, 200, 5})...)
	m.FlushIndexes()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		i := rng.IntN(len(m.batches))
		j := rng.IntN(len(m.batches))
		i, j = min(i, j), max(i, j)
		c := m.copied(t)
		for _, n := range []int{i, j} {
			at := rng.Int64N(61)
			if at >= 12 && at < 16 {
				at = 0
			}
			edit(t, c.fs, Name(base)+LogExt, flipBit(m.at[n]+at, rng.Int64N(8)))
		}
		lost, _ := c.readable(t, base, 1000)
		if i == j {
			require.Subset(t, []int{i}, lost)
			continue
		}
		require.Contains(t, lost, i)
		require.Contains(t, lost, j)
		if m.at[j]-m.at[i] > 2*indexInterval {
			require.Equal(t, []int{i, j}, lost)
		}
		require.GreaterOrEqual(t, lost[0], i)
		require.LessOrEqual(t, lost[len(lost)-1], j+1+2*indexInterval/len(m.batches[0]))
	}
}

// TestBatchesInValues: somebody stores batches as values, with the very offsets that are expected here. When the length
// of the batch around them is damaged they must not come out.
func TestBatchesInValues(t *testing.T) {
	m := newSegment(t, same(10, shape{1, 100, 5})...)
	next := m.Next()
	inner := append(append([]byte{}, build(t, shape{1, 9, 1}, next+1)...), build(t, shape{1, 9, 1}, next+2)...)
	var b record.Builder
	for range 2 {
		require.NoError(t, b.Append(5, nil, inner, []record.Header{{Key: "h", Value: inner}}))
	}
	outer, err := b.Finish()
	require.NoError(t, err)
	outer.SetBaseOffset(next)
	m.add(t, outer)
	for range 40 {
		m.add(t, build(t, shape{1, 100, 5}, m.Next()))
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			for at := range int64(record.HeaderSize + 20) {
				c := m.copied(t)
				edit(t, c.fs, Name(base)+LogExt, flipBit(m.at[10]+at, 1))
				change(t, c.fs)
				lost, _ := c.readable(t, base, 1000)
				require.Subset(t, []int{10}, lost)
			}
		})
	}
}

// TestTruncated cuts the log at every byte. All before the cut can be read, and one error tells of the rest.
func TestTruncated(t *testing.T) {
	m := newSegment(t, same(12, shape{2, 200, 5})...)
	m.FlushIndexes()
	for size := range m.Size() {
		c := m.copied(t)
		edit(t, c.fs, Name(base)+LogExt, func(b []byte) []byte { return b[:size] })
		lost, damage := c.readable(t, base, 1000)
		whole := int(size / int64(len(m.batches[0])))
		require.Len(t, lost, len(m.batches)-whole, "cut at %d", size)
		require.Len(t, damage, 1)
		require.Equal(t, m.batches[whole].BaseOffset(), damage[0].First)
		require.Equal(t, m.Next(), damage[0].Next)
	}
	c := m.copied(t)
	require.NoError(t, c.fs.Remove(Name(base)+LogExt))
	lost, damage := c.readable(t, base, 1000)
	require.Len(t, lost, len(m.batches))
	require.Len(t, damage, 1)
}

// TestIndexesAreRebuilt: whatever becomes of the index files, the answers are the same, and so are the files afterwards.
func TestIndexesAreRebuilt(t *testing.T) {
	list := same(900, shape{2, 200, 5})
	for i := range list {
		list[i].ms = int64(i) * 10
	}
	m := newSegment(t, list...)
	require.NoError(t, m.Seal())
	good := map[string][]byte{}
	for _, ext := range Extensions[1:3] {
		b, err := vfs.ReadFile(m.fs, Name(base)+ext, 1<<20)
		require.NoError(t, err)
		require.Greater(t, len(b), 64*8)
		good[ext] = b
	}
	kinds := map[string]func([]byte) []byte{
		"flipped":        flipBit(300, 3),
		"cut":            func(b []byte) []byte { return b[:len(b)-5] },
		"empty":          func([]byte) []byte { return nil },
		"zeros":          func(b []byte) []byte { return make([]byte, len(b)) },
		"of another one": func(b []byte) []byte { return append(b[8:len(b):len(b)], b[:8]...) },
		"first flipped":  flipBit(0, 0),
		"longer and bad": func(b []byte) []byte { return append(flipBit(9, 1)(b), make([]byte, 5000)...) },
		"deleted":        nil,
	}
	for name, change := range kinds {
		for _, ext := range Extensions[1:3] {
			t.Run(name+ext, func(t *testing.T) {
				c := m.copied(t)
				if change == nil {
					require.NoError(t, c.fs.Remove(Name(base)+ext))
				} else {
					edit(t, c.fs, Name(base)+ext, change)
				}
				for i := 0; i < len(m.batches); i += 37 {
					b := m.batches[i]
					data, err := c.Read(nil, b.BaseOffset(), c.Next(), 1)
					require.NoError(t, err)
					require.Equal(t, []byte(b), data[:len(b)])
					offset, found, err := c.OffsetAt(int64(i)*10, base, c.Next())
					require.NoError(t, err)
					require.True(t, found)
					require.Equal(t, b.BaseOffset(), offset)
				}
				for ext, want := range good {
					got, err := vfs.ReadFile(c.fs, Name(base)+ext, 1<<20)
					require.NoError(t, err)
					require.Equal(t, want, got)
				}
				require.Equal(t, m.Info(), c.Info())
			})
		}
	}
}

// TestIndexChangesWhileOpen: a block that was fine when it was loaded leads to the wrong place later.
func TestIndexChangesWhileOpen(t *testing.T) {
	m := newSegment(t, same(300, shape{2, 200, 5})...)
	c := m.copied(t)
	lost, _ := c.readable(t, base, 4096)
	require.Empty(t, lost)
	f, err := c.fs.OpenFile(Name(base)+OffsetExt, os.O_RDWR)
	require.NoError(t, err)
	b := make([]byte, 8*30)
	_, err = f.ReadAt(b, 0)
	require.NoError(t, err)
	for i := 3; i < len(b); i += 8 {
		b[i]++
		b[i+4] += 3
	}
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	for i := range m.batches {
		lost, damage := c.readable(t, m.batches[i].LastOffset(), 1<<20)
		require.Empty(t, lost)
		require.Empty(t, damage)
	}
}
