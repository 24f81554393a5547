package codec

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The shortcut of skip passes over exactly what next takes off, for every code.
func TestShortcutAgreesWithNext(t *testing.T) {
	for c := range 256 {
		data := make([]byte, 64)
		data[0] = byte(c)
		next, short := reader{data: data}, reader{data: data}
		token := next.next()
		if !short.skipFixed() {
			continue
		}
		require.NotEqual(t, kindBad, token.kind, "code %#x", c)
		require.Equal(t, next.pos, short.pos, "code %#x", c)
		require.Equal(t, len(token.body), short.text, "code %#x", c)
		for n := range next.pos {
			cut := reader{data: data[:n]}
			require.False(t, cut.skipFixed(), "code %#x cut to %d bytes", c, n)
		}
	}
}
