package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// The vectors of Kafka's UtilsTest.testMurmur2.
func TestMurmur2MatchesKafka(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		t.Run(key, func(t *testing.T) {
			require.Equal(t, want, engine.Murmur2([]byte(key)))
		})
	}
}

func TestPartitionForKey(t *testing.T) {
	for _, tc := range []struct {
		name string
		key  string
		n    int32
		want int32
	}{
		{"negative hash loses its sign", "21", 10, (-973932308 & 0x7fffffff) % 10},
		{"positive hash", "abc", 10, 479470107 % 10},
		{"one partition", "foobar", 1, 0},
		{"no partition", "foobar", 0, 0},
		{"negative count", "foobar", -3, 0},
		{"largest count", "abc", 1<<31 - 1, 479470107},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, engine.PartitionForKey([]byte(tc.key), tc.n))
		})
	}
}

func FuzzPartitionForKey(f *testing.F) {
	f.Add([]byte("order-17"), int32(12))
	f.Add([]byte{}, int32(1))
	f.Add([]byte{0xff}, int32(-1))
	f.Fuzz(func(t *testing.T, key []byte, n int32) {
		p := engine.PartitionForKey(key, n)
		require.GreaterOrEqual(t, p, int32(0))
		require.Less(t, p, max(n, 1))
	})
}

func BenchmarkPartitionForKey(b *testing.B) {
	b.ReportAllocs()
	key := []byte("customer-0000017")
	b.SetBytes(int64(len(key)))
	for b.Loop() {
		engine.PartitionForKey(key, 12)
	}
}
