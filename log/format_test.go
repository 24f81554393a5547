package log

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

func FuzzManifest(f *testing.F) {
	m := manifest{seed: 5, swaps: map[int64]int64{}}
	b := m.frameRecord(nil, sealRecord(segment.Info{Next: 10, MaxTimestamp: -1, TimeIndexed: -1}))
	b = m.frameRecord(b, sealRecord(segment.Info{Base: 10, Next: 20, MaxTimestamp: -1, TimeIndexed: -1}))
	b = m.frameRecord(b, swapRecord(3, []segment.Info{{}, {Base: 10}}, segment.Info{Next: 20, MaxTimestamp: -1, TimeIndexed: -1}))
	b = m.frameRecord(b, startRecord(7))
	f.Add(b, uint32(5))
	f.Add(b[:len(b)-3], uint32(5))
	f.Add([]byte(nil), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, seed uint32) {
		m, valid := parseManifest(b, seed)
		require.LessOrEqual(t, valid, len(b))
		m.resumes(b[valid:])
		again, n := parseManifest(m.encode(), seed)
		require.Len(t, m.encode(), n)
		require.Equal(t, m.start, again.start)
		require.Equal(t, append([]segment.Info(nil), m.sealed...), append([]segment.Info(nil), again.sealed...))
		require.Equal(t, m.swaps, again.swaps)
	})
}

func FuzzCheckpoint(f *testing.F) {
	mem := vfs.NewMem()
	c := checkpoint{file: vfs.NewPool(mem, 1).File("c", os.O_RDWR|os.O_CREATE), seed: 9}
	for i := range int64(3) {
		require.NoError(f, c.write(watermark{info: segment.Empty(i), producers: i == 1}))
		b, err := vfs.ReadFile(mem, "c", 1<<20)
		require.NoError(f, err)
		f.Add(b, uint32(9))
	}
	f.Add([]byte(nil), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, seed uint32) { parseCheckpoint(b, seed) })
}

// TestCheckpointSlots: the newest valid slot counts, and a write that fails leaves it alone.
func TestCheckpointSlots(t *testing.T) {
	mem := vfs.NewMem()
	fail := false
	fs := vfs.Faulty(mem, func(op vfs.Op) error {
		if fail && op.Kind == vfs.OpWrite {
			return &vfs.ShortWrite{N: 20, Err: errFault}
		}
		return nil
	})
	c := checkpoint{file: vfs.NewPool(fs, 1).File("c", os.O_RDWR|os.O_CREATE)}
	for i := range int64(10) {
		require.NoError(t, c.write(watermark{info: segment.Empty(i)}))
		fail = true
		require.Error(t, c.write(watermark{info: segment.Empty(99)}))
		require.Error(t, c.write(watermark{info: segment.Empty(99)}))
		fail = false
		b, err := vfs.ReadFile(mem, "c", 1<<20)
		require.NoError(t, err)
		w, sequence, ok := parseCheckpoint(b, 0)
		require.True(t, ok)
		require.Equal(t, i, w.info.Base)
		require.Equal(t, c.sequence, sequence)
	}
}
