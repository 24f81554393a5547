package record

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Records keep their whole buffer alive, so that it may not be much larger than they are, whatever had to be guessed.
// A zstd frame of a small batch does not tell its size, and the bound that its blocks give is 128 KiB.
func TestBuffersFitTheirRecords(t *testing.T) {
	for _, codec := range []Compression{Gzip, Snappy, LZ4, Zstd} {
		for _, size := range []int{1, 200, 1000, 5000, 100_000, 1_000_000} {
			t.Run(fmt.Sprintf("%v/%d", codec, size), func(t *testing.T) {
				want := bytes.Repeat([]byte("records "), size/8+1)[:size]
				src, err := compress(nil, want, codec, 0)
				require.NoError(t, err)
				got, err := decompress(codec, src, 1<<20)
				require.NoError(t, err)
				require.Equal(t, want, got)
				require.LessOrEqual(t, cap(got), 2*size+64)
			})
		}
	}
}
