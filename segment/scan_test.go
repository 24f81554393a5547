package segment

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

func scanAll(sc *Scanner) (n int, err error) {
	for {
		if _, err = sc.Scan(); err != nil {
			return n, err
		}
		n++
	}
}

func TestChain(t *testing.T) {
	batch := func(offset int64, records int, epoch int32) record.Batch {
		b := build(t, shape{records, 1, 1}, offset)
		b.SetPartitionLeaderEpoch(epoch)
		return b
	}
	for _, c := range []struct {
		name  string
		chain Chain
		b     record.Batch
		ok    bool
	}{
		{"next", Chain{Next: 5}, batch(5, 2, 0), true},
		{"any", Chain{Next: -1}, batch(5, 2, 0), true},
		{"gap", Chain{Next: 5}, batch(6, 2, 0), false},
		{"gap that may be", Chain{Next: 5, Gaps: true}, batch(6, 2, 0), true},
		{"back", Chain{Next: 5, Gaps: true}, batch(4, 2, 0), false},
		{"higher epoch", Chain{Next: 5, Epoch: 3}, batch(5, 2, 9), true},
		{"lower epoch", Chain{Next: 5, Epoch: 3}, batch(5, 2, 2), false},
		{"any epoch", Chain{Next: 5, Epoch: -1}, batch(5, 2, -7), true},
		{"negative", Chain{Next: -1}, batch(-5, 2, 0), false},
		{"overflow", Chain{Next: -1}, batch(1<<63-1, 2, 0), false},
	} {
		before := c.chain
		err := c.chain.Follow(c.b)
		require.Equal(t, c.ok, err == nil, "%s: %v", c.name, err)
		if !c.ok {
			require.Equal(t, before, c.chain)
			continue
		}
		require.Equal(t, c.b.LastOffset()+1, c.chain.Next)
	}
}

// TestScanner: batches of all sizes, up to zeros, to the limit, and to where the file ends too early.
func TestScanner(t *testing.T) {
	for name, shapes := range shapes {
		t.Run(name, func(t *testing.T) {
			m := newSegment(t, shapes...)
			all := bytes.Join(toBytes(m.batches), nil)
			size := int64(len(all))
			scan := func(b []byte, limit int64) (int, *Scanner, error) {
				sc := NewScanner(bytes.NewReader(b), 0, limit, Chain{Next: base, Epoch: 1})
				n, err := scanAll(sc)
				return n, sc, err
			}
			n, sc, err := scan(all, size)
			require.Equal(t, io.EOF, err)
			require.Equal(t, len(shapes), n)
			require.Equal(t, size, sc.Position())
			require.Equal(t, m.Next(), sc.Next)

			n, _, err = scan(append(all[:size:size], make([]byte, 1000)...), size+1000)
			require.Equal(t, io.EOF, err, "zeros end it")
			require.Equal(t, len(shapes), n)

			var bad *Invalid
			n, _, err = scan(all, size+7)
			require.ErrorAs(t, err, &bad)
			require.Equal(t, len(shapes), n, "what is there is returned first")
			require.Equal(t, size, bad.Position)

			n, _, err = scan(all[:size-1], size-1)
			require.ErrorAs(t, err, &bad)
			require.Equal(t, len(shapes)-1, n)
			require.Equal(t, m.at[len(m.at)-1], bad.Position)

			failing := vfs.Faulty(m.fs, vfs.Only(vfs.FailNth(1, io.ErrClosedPipe, true), vfs.OpRead))
			f, err := failing.OpenFile(Name(base)+LogExt, 0)
			require.NoError(t, err)
			_, err = NewScanner(f, 0, size, Chain{}).Scan()
			require.ErrorIs(t, err, io.ErrClosedPipe, "an error of the file system is no damage")
		})
	}
}

// fuzzLog turns bytes into a log that is partly sound: sound batches, with what the fuzzer wants in between.
func fuzzLog(t require.TestingT, b []byte, n uint8) []byte {
	log := bytes.Clone(b)
	for i := range int64(n % 4) {
		log = append(log, build(t, shape{2, 20, 3}, 10+2*i)...)
	}
	return append(log, b...)
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte(nil), uint8(3))
	f.Add(make([]byte, 100), uint8(1))
	f.Add([]byte(build(f, shape{3, 10, 5}, 7)), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		log := fuzzLog(t, b, n)
		sc := NewScanner(bytes.NewReader(log), 0, int64(len(log)), Chain{Next: -1, Epoch: -1})
		next := int64(-1)
		for {
			at := sc.Position()
			batch, err := sc.Scan()
			if err != nil {
				var bad *Invalid
				require.True(t, errors.Is(err, io.EOF) || errors.As(err, &bad))
				return
			}
			require.NoError(t, batch.Verify())
			require.Equal(t, log[at:sc.Position()], []byte(batch))
			require.True(t, next < 0 || batch.BaseOffset() == next)
			next = batch.LastOffset() + 1
		}
	})
}

func FuzzResync(f *testing.F) {
	f.Add([]byte(nil), uint8(1))
	f.Add(make([]byte, 200), uint8(2))
	f.Add([]byte(build(f, shape{3, 10, 5}, 7))[:60], uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		log := fuzzLog(t, b, n)
		r := bytes.NewReader(log)
		at, offset, ok := Resync(r, 0, int64(len(log)), 10)
		if !ok {
			require.Zero(t, n%4, "there is a sound batch")
			return
		}
		found, err := record.Parse(log[at:])
		require.NoError(t, err)
		require.NoError(t, found.Verify())
		require.Equal(t, offset, found.BaseOffset())
		require.GreaterOrEqual(t, offset, int64(10))
		require.LessOrEqual(t, at, int64(len(b)), "the first one")
	})
}

// A log of which every byte looks like the start of a large batch costs a bounded time.
func TestResyncIsBounded(t *testing.T) {
	const size = 8 << 20
	b := bytes.Repeat([]byte{0, 0x10, 0, 2, 0, 0, 0, 2}, size/8)
	_, _, ok := Resync(bytes.NewReader(b), 0, size, 0)
	require.False(t, ok)
}
