package segment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// compactedSegment has gaps between its offsets.
func compactedSegment(t *testing.T) *made {
	m := newSegment(t)
	m.info.Compacted = true
	for _, offset := range []int64{base + 3, base + 10, base + 11, base + 40} {
		m.add(t, build(t, shape{1, 100, 5}, offset))
	}
	return m
}

// TestRecognise: a file that is not the one that was recorded is refused as a whole, and one that is damaged is not.
func TestRecognise(t *testing.T) {
	plain := newSegment(t, same(4, shape{1, 100, 5})...)
	other := newSegment(t, same(4, shape{1, 100, 6})...)
	another := func([]byte) []byte { return contentsOf(t, other) }
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	for _, c := range []struct {
		name    string
		m       *made
		change  func([]byte) []byte
		foreign string
	}{
		{"the same", plain, func(b []byte) []byte { return b }, ""},
		{"another's", plain, another, "another file"},
		{"another's, cut in the second batch", plain, func([]byte) []byte { return contentsOf(t, other)[:300] }, "another file"},
		{"another's, longer", plain, func([]byte) []byte { return append(contentsOf(t, other), 1) }, "another file"},
		{"a bit of the first batch", plain, flipBit(80, 3), ""},
		{"a bit of its checksum", plain, flipBit(17, 3), ""},
		{"a bit of its offset", plain, flipBit(3, 3), ""},
		{"a bit of its length", plain, flipBit(8, 3), ""},
		{"cut in the first batch", plain, cut(100), ""},
		{"empty", plain, cut(0), ""},
		{"zeros", plain, func(b []byte) []byte { clear(b); return b }, ""},
		{"compacted, the same", compactedSegment(t), func(b []byte) []byte { return b }, ""},
		{"compacted, another's", compactedSegment(t), another, "checksum of the file"},
		{"compacted, another's that is shorter", compactedSegment(t), func([]byte) []byte { return contentsOf(t, other)[:200] }, "another file"},
		{"compacted, a low bit of an offset", compactedSegment(t), flipBit(7, 2), "checksum of the file"},
		{"compacted, a high bit of an offset", compactedSegment(t), flipBit(3, 2), "checksum of the file"},
		{"compacted, a bit of a record", compactedSegment(t), flipBit(80, 2), ""},
		{"compacted, cut", compactedSegment(t), cut(200), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.m.copied(t)
			edit(t, s.fs, Name(base)+LogExt, c.change)
			for range 2 {
				err := s.Recognise()
				if c.foreign == "" {
					require.NoError(t, err)
					continue
				}
				var damage *engine.CorruptionError
				require.ErrorAs(t, err, &damage)
				require.Contains(t, damage.Reason, c.foreign)
				require.Equal(t, []int64{base, s.Next()}, []int64{damage.First, damage.Next})
				_, err = s.Read(nil, base, s.Next(), 1000)
				require.ErrorAs(t, err, &damage)
			}
		})
	}
}

func contentsOf(t *testing.T, m *made) []byte {
	b := make([]byte, m.Size())
	_, err := m.file.ReadAt(b, 0)
	require.NoError(t, err)
	return b
}

// TestRecogniseReadsOnce: what was recognised, or made by this process, is not read again.
func TestRecogniseReadsOnce(t *testing.T) {
	m := newSegment(t, same(2, shape{1, 100, 5})...)
	require.True(t, m.recognition.done.Load())
	s := m.copied(t)
	require.False(t, s.recognition.done.Load())
	_, err := s.Read(nil, base, s.Next(), 1000)
	require.NoError(t, err)
	require.True(t, s.recognition.done.Load())
}
