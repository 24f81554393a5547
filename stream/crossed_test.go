package stream

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestCrossed(t *testing.T) {
	for name, c := range map[string]crossed{
		"an element": {
			flags: crossedElement | crossedTombstone, lane: 3, upTo: -5, time: 1 << 50, topic: []byte("t"), partition: 1<<31 - 1,
			offset: 7, element: []byte{1, 2},
		},
		"a signal": {lane: mostLanes - 1, upTo: never},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCrossed(c.append(nil))
			require.NoError(t, err)
			require.Equal(t, c, got)
		})
	}
	whole := (&crossed{flags: crossedElement, topic: []byte("topic")}).append(nil)
	for n := range len(whole) {
		_, err := parseCrossed(whole[:n])
		require.ErrorIs(t, err, engine.ErrCorrupt, "%d bytes", n)
	}
	_, err := parseCrossed((&crossed{lane: mostLanes}).append(nil))
	require.ErrorIs(t, err, engine.ErrCorrupt)
}

func FuzzCrossed(f *testing.F) {
	f.Add((&crossed{flags: crossedElement, lane: 1, topic: []byte("topic"), offset: -1, element: []byte("x")}).append(nil))
	f.Add((&crossed{lane: 1, upTo: 9}).append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCrossed(b)
		if err != nil {
			require.ErrorIs(t, err, engine.ErrCorrupt)
			return
		}
		again, err := parseCrossed(c.append(nil))
		require.NoError(t, err)
		require.Equal(t, string(c.element), string(again.element))
		c.element, again.element = nil, nil
		require.Equal(t, c, again)
	})
}
