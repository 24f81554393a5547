package segment

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestOffsetAt compares lookups by time with a walk over all records; timestamps go back and forth.
func TestOffsetAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newSegment(t)
		var times []int64
		for range rapid.IntRange(1, 120).Draw(t, "batches") {
			s := shape{rapid.IntRange(1, 4).Draw(t, "records"), rapid.IntRange(0, 900).Draw(t, "bytes"), rapid.Int64Range(0, 60).Draw(t, "ms")}
			m.add(t, build(t, s, m.Next()))
			for i := range s.records {
				times = append(times, s.ms+int64(i))
			}
		}
		for range 10 {
			ms := rapid.Int64Range(-1, 66).Draw(t, "since")
			from := rapid.Int64Range(base, m.Next()).Draw(t, "from")
			upTo := rapid.Int64Range(from, m.Next()).Draw(t, "up to")
			want := int64(-1)
			for o := from; o < m.Next() && want < 0; o++ {
				if times[o-base] >= ms {
					want = o
				}
			}
			got, found, err := m.OffsetAt(ms, from, upTo)
			require.NoError(t, err)
			require.Equal(t, want >= 0 && want < upTo, found)
			if found {
				require.Equal(t, want, got)
			}
		}
	})
}

// TestReadersBesideWriter: readers see whole batches up to the end, while the index is damaged and made anew.
func TestReadersBesideWriter(t *testing.T) {
	m := newSegment(t)
	const total = 1500
	var readers sync.WaitGroup
	var batches [][]byte
	for i := range total {
		batches = append(batches, build(t, shape{1, 100 + i%400, int64(i)}, base+int64(i)))
	}
	for range 4 {
		readers.Go(func() {
			for from := int64(base); from < base+total; {
				data, err := m.Read(nil, from, m.Next(), 3000)
				if err != nil {
					t.Error(err)
					return
				}
				for len(data) > 0 {
					want := batches[from-base]
					if string(data[:len(want)]) != string(want) {
						t.Errorf("batch %d differs", from)
						return
					}
					data = data[len(want):]
					from++
				}
			}
		})
	}
	readers.Go(func() {
		for m.Next() < base+total {
			if err := m.offsets.Flush(); err != nil {
				t.Error(err)
			}
			if err := m.rebuild(); err != nil {
				t.Error(err)
			}
		}
	})
	for _, b := range batches {
		require.NoError(t, m.Append(b, 1))
	}
	readers.Wait()
	clean := newSegment(t)
	for _, b := range batches {
		require.NoError(t, clean.Append(b, 1))
	}
	require.Equal(t, clean.Info(), m.Info())
}
