package segment

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

var shapes = map[string][]shape{
	"one record each":        same(60, shape{1, 150, 5}),
	"several records each":   same(40, shape{7, 100, 5}),
	"just below an interval": same(10, shape{3, 1300, 5}),
	"as large as two":        same(8, shape{50, 160, 5}),
	"large between small":    append(same(20, shape{1, 90, 5}), append(same(1, shape{3, 30000, 5}), same(20, shape{2, 90, 5})...)...),
	"larger than any buffer": {{1, 10, 5}, {2, 300 << 10, 5}, {1, 10, 5}, {400, 1000, 5}, {1, 10, 5}},
	"one":                    {{1, 10, 5}},
}

// TestRead compares what is read from every offset, up to several others and in chunks of all sizes.
func TestRead(t *testing.T) {
	for name, shapes := range shapes {
		t.Run(name, func(t *testing.T) {
			m := newSegment(t, shapes...)
			for _, s := range []*made{m, m.copied(t)} {
				for _, maxBytes := range []int{0, 1, 61, 500, 4096, 10000, 1 << 20} {
					s.checkReads(t, maxBytes)
				}
			}
		})
	}
}

func (m *made) checkReads(t *testing.T, maxBytes int) {
	i := 0
	step := max(1, (m.Next()-base)/25)
	for from := int64(base); from < m.Next(); from += step {
		for m.batches[i].LastOffset() < from {
			i++
		}
		for _, upTo := range []int64{from + 1, m.batches[i].LastOffset() + 1, from + 10, m.Next(), 1 << 62} {
			data, err := m.Read(nil, from, upTo, maxBytes)
			require.NoError(t, err)
			got := split(t, data)
			require.NotEmpty(t, got, "from %d up to %d", from, upTo)
			require.LessOrEqual(t, len(got), len(m.batches)-i)
			for j, b := range got {
				require.True(t, bytes.Equal(m.batches[i+j], b))
				require.True(t, j == 0 || b.BaseOffset() < upTo)
			}
			last := i + len(got) - 1
			atEnd := last == len(m.batches)-1 || m.batches[last+1].BaseOffset() >= upTo
			if !atEnd {
				require.LessOrEqual(t, len(data), max(maxBytes, len(got[0])))
			}
			if !atEnd && maxBytes > 8192 && len(data) > 0 {
				require.Greater(t, len(data)+len(m.batches[last+1])+4096+len(m.batches[i]), maxBytes, "no less than there is")
			}
		}
		data, err := m.Read(nil, from, from, maxBytes)
		require.NoError(t, err)
		require.True(t, len(data) == 0 || from > m.batches[i].BaseOffset())
	}
	for _, from := range []int64{m.Next(), m.Next() + 1, 1 << 40} {
		data, err := m.Read(nil, from, 1<<62, maxBytes)
		require.NoError(t, err)
		require.Empty(t, data)
	}
	data, err := m.Read(nil, 0, 1<<62, maxBytes)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(data, m.batches[0]))
}

// TestSequentialReads reads each byte once: a reader that goes on where it stopped needs neither the index nor the batch
// before.
func TestSequentialReads(t *testing.T) {
	m := newSegment(t, same(100, shape{5, 200, 5})...)
	var all []byte
	for from := int64(base); from < m.Next(); {
		data, err := m.Read(nil, from, m.Next(), 8<<10)
		require.NoError(t, err)
		if from > base {
			_, ok := m.hints.find(from - base)
			require.True(t, ok)
		}
		all = append(all, data...)
		batches := split(t, data)
		from = batches[len(batches)-1].LastOffset() + 1
	}
	require.Equal(t, bytes.Join(toBytes(m.batches), nil), all)
}

func toBytes(bs []record.Batch) (list [][]byte) {
	for _, b := range bs {
		list = append(list, b)
	}
	return list
}

// TestReadGaps reads a compacted segment: of every third batch, and with a gap at both ends.
func TestReadGaps(t *testing.T) {
	full := newSegment(t, same(200, shape{3, 120, 5})...)
	w, err := NewWriter(place(full.fs), base+100000)
	require.NoError(t, err)
	require.NoError(t, w.Discard())
	p := place(full.fs)
	p.Suffix = ".1.swap"
	w, err = NewWriter(p, base)
	require.NoError(t, err)
	m := &made{fs: full.fs}
	for i := 1; i < 198; i += 3 {
		m.at = append(m.at, w.Size())
		m.batches = append(m.batches, full.batches[i])
		require.NoError(t, w.Append(full.batches[i]))
	}
	m.Segment, err = w.Seal(full.Info())
	require.NoError(t, err)
	require.Equal(t, full.Next(), m.Next())
	for from := int64(base); from < m.Next(); from++ {
		for _, maxBytes := range []int{1, 3000, 1 << 20} {
			lost, damage := m.readable(t, from, maxBytes)
			require.Empty(t, lost)
			require.Empty(t, damage)
		}
	}
	for i, b := range m.batches[1:] {
		data, err := m.Read(nil, m.batches[i].LastOffset()+1, b.BaseOffset(), 1<<20)
		require.NoError(t, err)
		require.Empty(t, data, "there is nothing in the gap")
	}
}
