package codec_test

import (
	"bytes"
	"encoding/hex"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// Bytes, in hex, that are not one whole value.
var hostile = []struct{ name, data, want string }{
	{"empty", "", "at byte 0 of 0: the value is cut short"},
	{"array of 4 Gi elements", "ddffffffff", "at byte 0 of 5: an array claims 4294967295 elements, 0 bytes remain"},
	{"map of 4 Gi pairs", "dfffffffff", "a map claims 4294967295 elements"},
	{"map of 2 Gi pairs", "df80000000", "a map claims 2147483648 elements"},
	{"binary of 4 GiB", "c6ffffffff", "binary claims 4294967295 bytes, 0 remain"},
	{"string of 4 GiB", "dbffffffff", "a string claims 4294967295 bytes, 0 remain"},
	{"extension of 4 GiB", "c9ffffffffff", "an extension claims 4294967295 bytes, 0 remain"},
	{"string cut short", "a561626364", "a string claims 5 bytes, 4 remain"},
	{"number cut short", "cf00", "the value is cut short"},
	{"float cut short", "cb00000000000000", "the value is cut short"},
	{"extension without a type", "c700", "the value is cut short"},
	{"fixed extension cut short", "d6ff0000", "claims 4 bytes, 2 remain"},
	{"map without its value", "81a161", "the value is cut short"},
	{"array cut short inside", "9291c0", "cut short"},
	{"nested promises", strings.Repeat("dd00000010", 4), "an array claims 16 elements"},
	{"unused code", "91c1", "at byte 1 of 2: the code 0xc1"},
	{"trailing", "c0c0", "at byte 1 of 2: 1 bytes follow the value"},
	{"too deep", strings.Repeat("91", 1001) + "c0", "at byte 1000 of 1002: nested deeper than 1000 levels"},
	{"much too deep", strings.Repeat("91", 1<<20) + "c0", "nested deeper"},
	{"deep maps", strings.Repeat("81a0", 1<<18) + "c0", "nested deeper"},
	{"unknown extension", "d40500", "extension type 5 is not known"},
	{"timestamp of 1 byte", "d4ff00", "a timestamp has 1 bytes"},
	{"timestamp with too many nanoseconds", "d7ffffffffff00000000", "nanoseconds"},
	{"timestamp of 12 bytes with too many nanoseconds", "c70cff" + "3b9aca00" + "0000000000000000", "nanoseconds"},
	{"key that is a map", "8180c0", "a map is the key of a map"},
	{"key that is nil", "81c0c0", "nil is the key of a map"},
	{"key that is a float", "81ca00000000c0", "a float is the key of a map"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestHostileBytes(t *testing.T) {
	for _, tc := range hostile {
		t.Run(tc.name, func(t *testing.T) {
			data := unhex(t, tc.data)
			_, err := codec.MsgPack.Decode(data)
			refused(t, err, engine.ErrSerialization, tc.want)
			refused(t, codec.MsgPack.Unmarshal(data, new(map[string]any)), engine.ErrSerialization, "msgpack: at byte")
			refused(t, codec.MsgPack.Unmarshal(data, new([]Order)), engine.ErrSerialization, "msgpack: at byte")
		})
	}
}

// Refusing allocates an error, whatever the bytes claim.
func TestHostileBytesAllocateLittle(t *testing.T) {
	for _, tc := range hostile {
		data := unhex(t, tc.data)
		allocated := allocatedBy(func() {
			_, _ = codec.MsgPack.Decode(data)
			_ = codec.MsgPack.Unmarshal(data, new([]string))
		})
		require.Less(t, allocated, uint64(64<<10), tc.name)
	}
}

// Accepting allocates in proportion to the input: the worst are arrays of one-byte values and maps of small pairs.
func TestAcceptedBytesAllocateInProportion(t *testing.T) {
	array := append(unhex(t, "dd00100000"), bytes.Repeat([]byte{0xc0}, 1<<20)...)
	maps := append(unhex(t, "dd00080000"), bytes.Repeat([]byte{0x80, 0x80}, 1<<18)...)
	sameKeys := append(unhex(t, "df00080000"), bytes.Repeat([]byte{0xa0, 0xc0}, 1<<19)...)
	for name, data := range map[string][]byte{"array": array, "maps": maps, "same keys": sameKeys} {
		allocated := allocatedBy(func() {
			_, err := codec.MsgPack.Decode(data)
			require.NoError(t, err)
		})
		require.Less(t, allocated, 80*uint64(len(data)), name)
	}
}

func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Each value of the table of all shapes, cut at every byte of the first 1,024, is refused.
func TestEveryCutIsRefused(t *testing.T) {
	for _, tc := range sameAsJSON {
		data, err := codec.MsgPack.Append(nil, tc.v)
		require.NoError(t, err)
		for n := range min(len(data), 1024) {
			_, err := codec.MsgPack.Decode(data[:n])
			require.ErrorIs(t, err, engine.ErrSerialization, tc.name)
		}
	}
}

// Other writers use forms that ours does not.
func TestFormsOfOtherWriters(t *testing.T) {
	for _, tc := range []struct {
		name, data string
		want       any
	}{
		{"wide small integer", "cf0000000000000005", 5.0},
		{"signed wide", "d3fffffffffffffffb", -5.0},
		{"int8", "d080", -128.0},
		{"int16", "d18000", -32768.0},
		{"int32", "d280000000", -2147483648.0},
		{"positive int64", "d30000000000000005", 5.0},
		{"float32", "ca3fc00000", 1.5},
		{"wide string", "db0000000161", "a"},
		{"wide array", "dd00000001c3", []any{true}},
		{"wide map", "df00000001a161c2", map[string]any{"a": false}},
		{"binary", "c50001ff", []byte{255}},
		{"integer keys", "8401c0d080c0cfffffffffffffffffc003c0", map[string]any{
			"1": nil, "-128": nil, "18446744073709551615": nil, "3": nil}},
		{"binary keys", "81c40161c0", map[string]any{"a": nil}},
		{"equal keys", "82a16101a16102", map[string]any{"a": 2.0}},
		{"1,000 levels", strings.Repeat("91", 1000) + "c0", nested(1000, nil)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := codec.MsgPack.Decode(unhex(t, tc.data))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	var byInt map[int]any
	require.NoError(t, codec.MsgPack.Unmarshal(unhex(t, "8201c0d080c0"), &byInt))
	require.Equal(t, map[int]any{1: nil, -128: nil}, byInt)
}
