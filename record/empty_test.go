package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppendEmptied(t *testing.T) {
	for _, codec := range []Compression{None, Gzip} {
		t.Run(codec.String(), func(t *testing.T) {
			var b Builder
			b.Reset(Options{
				Compression: codec, ProducerID: 7, ProducerEpoch: 2, BaseSequence: 5, Transactional: true,
				PartitionLeaderEpoch: 3, DeleteHorizonMs: 99,
			})
			b.SetBaseOffset(40)
			for i := range 100 {
				require.NoError(t, b.Append(int64(1000+i), []byte("key"), []byte("a value that compresses"), nil))
			}
			full, err := b.Finish()
			require.NoError(t, err)

			e := full.AppendEmptied([]byte("before"))
			require.NoError(t, e.Verify())
			require.Equal(t, HeaderSize, len(e))
			require.Zero(t, e.Count())
			require.Equal(t, None, e.Compression())
			require.False(t, e.HasDeleteHorizon())
			require.True(t, e.IsTransactional())
			require.Equal(t, full.MaxTimestamp(), e.MaxTimestamp())
			require.Equal(t, [2]int64{40, 139}, [2]int64{e.BaseOffset(), e.LastOffset()})
			require.Equal(t, full.LastSequence(), e.LastSequence())
			require.Equal(t, int32(3), e.PartitionLeaderEpoch())

			var r Reader
			require.NoError(t, r.Reset(e, 0))
			var rec Record
			require.False(t, r.Next(&rec))
			require.NoError(t, r.Err())
		})
	}
}
