package segment

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

const base = 1000

// made is a segment and the batches that were appended to it.
type made struct {
	*Segment
	fs      *vfs.Mem
	batches []record.Batch
	at      []int64 // their positions
}

func place(fs vfs.FS) Place {
	return Place{FS: fs, Pool: vfs.NewPool(fs, 16), Dir: "."}
}

// shape of one batch: how many records with values of how many bytes, and the time of the first; each later record is
// a millisecond later.
type shape struct {
	records, bytes int
	ms             int64
}

func build(t require.TestingT, s shape, offset int64) record.Batch {
	var b record.Builder
	for i := range s.records {
		value := make([]byte, s.bytes)
		for j := range value {
			value[j] = byte(offset + int64(i+j))
		}
		require.NoError(t, b.Append(s.ms+int64(i), nil, value, nil))
	}
	out, err := b.Finish()
	require.NoError(t, err)
	out.SetBaseOffset(offset)
	out.SetPartitionLeaderEpoch(1)
	return out
}

func newSegment(t require.TestingT, shapes ...shape) *made {
	fs := vfs.NewMem()
	s, err := Create(place(fs), base)
	require.NoError(t, err)
	m := &made{Segment: s, fs: fs}
	for _, sh := range shapes {
		m.add(t, build(t, sh, s.Next()))
	}
	return m
}

func (m *made) add(t require.TestingT, b record.Batch) {
	m.batches, m.at = append(m.batches, b), append(m.at, m.Size())
	require.NoError(t, m.Append(b, 1))
}

// copied is the segment as the next process would open it, on a copy of the disk.
func (m *made) copied(t testing.TB) *made {
	m.FlushIndexes()
	fs := m.fs.KillClone()
	return &made{Segment: Open(place(fs), m.Info()), fs: fs, batches: m.batches, at: m.at}
}

func same(n int, s shape) (list []shape) {
	for range n {
		list = append(list, s)
	}
	return list
}

func edit(t require.TestingT, fs vfs.FS, name string, change func([]byte) []byte) {
	b, err := vfs.ReadFile(fs, name, 1<<30)
	require.NoError(t, err)
	b = change(b)
	f, err := fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	require.NoError(t, err)
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func flipBit(at, bit int64) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 1 << bit; return b }
}

// split cuts data into batches.
func split(t require.TestingT, data []byte) (list []record.Batch) {
	for len(data) > 0 {
		n, err := record.Peek(data)
		require.NoError(t, err)
		list = append(list, record.Batch(data[:n]))
		data = data[n:]
	}
	return list
}

// readable reads all of it from an offset on, as a consumer does, going on behind damage. Whatever it reads must be one
// of the batches. It returns the numbers of those it did not read, and the damage.
func (m *made) readable(t require.TestingT, from int64, maxBytes int) (lost []int, damage []*engine.CorruptionError) {
	number := map[int64]int{}
	lostSet := map[int]bool{}
	for i, b := range m.batches {
		number[b.BaseOffset()] = i
		if b.LastOffset() >= from {
			lostSet[i] = true
		}
	}
	for from < m.Next() {
		data, err := m.Read(nil, from, m.Next(), maxBytes)
		var c *engine.CorruptionError
		if errors.As(err, &c) {
			require.LessOrEqual(t, c.First, from, "%v", c)
			require.Greater(t, c.Next, from, "reading must go on: %v", c)
			damage = append(damage, c)
			from = c.Next
			continue
		}
		require.NoError(t, err)
		if len(data) == 0 {
			break
		}
		for _, b := range split(t, data) {
			i, ok := number[b.BaseOffset()]
			require.True(t, ok, "a batch at %d was never appended", b.BaseOffset())
			require.Equal(t, m.batches[i][12+4:], b[12+4:], "batch %d", i)
			require.GreaterOrEqual(t, b.LastOffset(), from)
			delete(lostSet, i)
			from = b.LastOffset() + 1
		}
	}
	for i := range m.batches {
		if lostSet[i] {
			lost = append(lost, i)
		}
	}
	return lost, damage
}
