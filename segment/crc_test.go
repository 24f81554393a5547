package segment

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

func TestCombine(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		data := make([]byte, random.IntN(1<<random.IntN(18)+1))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		cut := random.IntN(len(data) + 1)
		first, second := crc32.Checksum(data[:cut], castagnoli), crc32.Checksum(data[cut:], castagnoli)
		require.Equal(t, crc32.Checksum(data, castagnoli), combine(first, second, len(data)-cut))
	}
}

func TestFold(t *testing.T) {
	var file []byte
	var crc uint32
	for _, size := range []int{1, combineFrom / 2, combineFrom, 3 * combineFrom, 10} {
		b := sized(t, size)
		file = append(file, b...)
		crc = fold(crc, b)
		require.Equal(t, crc32.Checksum(file, castagnoli), crc)
	}
}

// sized makes a batch of one value of so many bytes.
func sized(t testing.TB, n int) record.Batch {
	var bl record.Builder
	require.NoError(t, bl.Append(1, nil, make([]byte, n), nil))
	b, err := bl.Finish()
	require.NoError(t, err)
	return b
}

func BenchmarkFold(b *testing.B) {
	batch := sized(b, 110_000)
	b.Run("fold", func(b *testing.B) {
		b.ReportAllocs()
		for crc := uint32(0); b.Loop(); crc = fold(crc, batch) {
		}
	})
	b.Run("floor", func(b *testing.B) { // reading it again
		for crc := uint32(0); b.Loop(); crc = crc32.Update(crc, castagnoli, batch) {
		}
	})
}
