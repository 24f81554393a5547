package log

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func TestSequenceAndOffset(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	l := w.l
	_, _, ok := l.Sequence(7)
	require.False(t, ok)
	require.EqualValues(t, -1, l.OffsetOf(7, 0, 0))
	for i := range int32(7) {
		_, err := l.Append(from(t, 7, 0, 3*i, 3, 1), 1)
		require.NoError(t, err)
	}
	check := func(l *Log) {
		epoch, last, ok := l.Sequence(7)
		require.True(t, ok)
		require.EqualValues(t, 0, epoch)
		require.EqualValues(t, 20, last)
		require.EqualValues(t, 20, l.OffsetOf(7, 0, 20))
		require.EqualValues(t, 6, l.OffsetOf(7, 0, 6), "the oldest of the window")
		require.EqualValues(t, -1, l.OffsetOf(7, 0, 5), "older than the window")
		require.EqualValues(t, -1, l.OffsetOf(7, 0, 21), "not sent yet")
		require.EqualValues(t, -1, l.OffsetOf(7, 1, 20), "another epoch")
	}
	check(l)
	require.NoError(t, l.Close())
	require.NoError(t, w.open())
	check(w.l)
	require.NoError(t, w.l.Close())
}

func TestNamedProducersDoNotExpire(t *testing.T) {
	w := newWorld(vfs.NewMem())
	require.NoError(t, w.create())
	l := w.l
	for _, id := range []int64{7, FirstNamed, math.MaxInt64} {
		_, err := l.Append(from(t, id, 0, 0, 1, 1), w.clock.Now().UnixMilli())
		require.NoError(t, err)
	}
	w.clock.Advance(producerExpiry + time.Hour)
	require.NoError(t, l.Maintain())
	for id, known := range map[int64]bool{7: false, FirstNamed: true, math.MaxInt64: true} {
		_, _, ok := l.Sequence(id)
		require.Equal(t, known, ok, "%x", id)
	}
	for id := range int64(mostNamed) {
		_, err := l.Append(from(t, FirstNamed+1+id, 0, 0, 1, 1), w.clock.Now().UnixMilli())
		require.NoError(t, err)
	}
	require.NoError(t, l.Maintain())
	_, _, ok := l.Sequence(FirstNamed)
	require.False(t, ok, "too many to remember silent ones")
	_, _, ok = l.Sequence(FirstNamed + 1)
	require.True(t, ok, "it was not silent")
	require.NoError(t, l.Close())
}
