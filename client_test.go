package kafka

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func open(t testing.TB, opts ...Option) *Client {
	t.Helper()
	c, err := NewClient(t.Context(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestSendAndReceive(t *testing.T) {
	for name, opt := range map[string]Option{"memory": WithInMemory(), "disk": WithDir(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			c := open(t, opt)
			p := c.Producer("orders")
			for i := range 10 {
				md, err := p.Produce(t.Context(), Message{Key: "k", Value: map[string]any{"n": i}, Headers: map[string]string{"a": "b"}})
				require.NoError(t, err)
				require.Equal(t, int64(i), md[0].Offset)
				require.Equal(t, DurabilityFsync, md[0].Durability)
			}
			n := 0
			k := c.Consumer("orders", "g")
			for m := range k.Messages(t.Context()) {
				require.Equal(t, map[string]any{"n": float64(n)}, m.Value)
				require.Equal(t, "k", m.Key)
				require.Equal(t, map[string]string{"a": "b"}, m.Headers)
				require.NoError(t, m.Commit(t.Context()))
				if n++; n == 5 {
					break
				}
			}
			require.NoError(t, k.Err())
			require.NoError(t, k.Close())
			k = c.Consumer("orders", "g", WithUntilEnd())
			for m := range k.Messages(t.Context()) {
				require.Equal(t, map[string]any{"n": float64(n)}, m.Value)
				n++
			}
			require.NoError(t, k.Err())
			require.Equal(t, 10, n)
		})
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		c, err := NewClient(t.Context(), WithDir(dir), WithDefaultPartitions(3))
		require.NoError(t, err)
		for j := range 50 {
			require.NoError(t, c.Producer("t").Send(t.Context(), Message{Key: fmt.Sprint(j), Value: "x"}))
		}
		n := 0
		for range c.Consumer("t", "", WithUntilEnd()).Messages(t.Context()) {
			n++
		}
		require.Equal(t, 50*(i+1), n)
		require.NoError(t, c.Close())
	}
}
