package codec_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// FuzzDecode: bytes that are accepted can be encoded again, and the result decodes to the same. Typed reads of any
// bytes do not panic, and fail with our errors only.
func FuzzDecode(f *testing.F) {
	for _, tc := range hostile {
		if len(tc.data) < 64 {
			f.Add(unhex(f, tc.data))
		}
	}
	for _, tc := range sameAsJSON {
		data, err := codec.MsgPack.Append(nil, tc.v)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, into := range []any{new(Order), new(Omit), new(Quoted), new(times), new(texty), new(holds), new([]twoWays)} {
			if err := codec.MsgPack.Unmarshal(data, into); err != nil {
				require.ErrorIs(t, err, engine.ErrSerialization)
			}
		}
		v, err := codec.MsgPack.Decode(data)
		if err != nil {
			require.ErrorIs(t, err, engine.ErrSerialization)
			return
		}
		again, err := codec.MsgPack.Append(nil, v)
		require.NoError(t, err)
		w, err := codec.MsgPack.Decode(again)
		require.NoError(t, err)
		final, err := codec.MsgPack.Append(nil, w)
		require.NoError(t, err)
		require.Equal(t, again, final) // bytes, since NaN differs from itself
	})
}

// FuzzJSON: our untyped read of JSON accepts what encoding/json accepts and differs in big integers only; the value
// survives msgpack.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,-0,1e3,null,true,"\u00e9"]}`, `9007199254740993`, `-9223372036854775808`, `18446744073709551616`,
		`1234567890123456e999`, `[1] 2`, `{"a":1,"a":2}`, `"1234567890123456"`, ``, ` `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want any
		wantErr := json.Unmarshal(data, &want)
		got, err := codec.JSON.Decode(data)
		require.Equal(t, wantErr == nil, err == nil)
		if err != nil {
			require.ErrorIs(t, err, engine.ErrSerialization)
			return
		}
		require.Equal(t, want, asFloats(got))
		packed, err := codec.MsgPack.Append(nil, got)
		if err != nil {
			require.ErrorContains(t, err, "nested deeper")
			return
		}
		back, err := codec.MsgPack.Decode(packed)
		require.NoError(t, err)
		require.Equal(t, got, back)
	})
}

// asFloats is v with its integers rounded to float64, as encoding/json has them.
func asFloats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = asFloats(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = asFloats(v[k])
		}
	}
	return v
}

// untyped generates values as an untyped read returns them.
func untyped(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.String().AsAny(),
		rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) }).AsAny(),
		rapid.Int64().Filter(func(n int64) bool { return n < -1<<53 || n > 1<<53 }).AsAny(),
		rapid.Uint64Min(math.MaxInt64 + 1).AsAny(),
		rapid.SliceOf(rapid.Byte()).AsAny(),
		rapid.Custom(func(t *rapid.T) any {
			return time.Unix(rapid.Int64().Draw(t, "sec")>>2, rapid.Int64Range(0, 999999999).Draw(t, "nsec")).UTC()
		}),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := untyped(depth - 1)
	return rapid.OneOf(append(scalars, rapid.SliceOf(inner).AsAny(), rapid.MapOf(rapid.String(), inner).AsAny())...)
}

func TestUntypedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := untyped(3).Draw(t, "value")
		data, err := codec.MsgPack.Append(nil, want)
		require.NoError(t, err)
		got, err := codec.MsgPack.Decode(data)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// What we write, the msgpack library reads, and the other way round.
func TestAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := untyped(2).Draw(t, "value")
		theirs, err := msgpack.Marshal(want)
		require.NoError(t, err)
		got, err := codec.MsgPack.Decode(theirs)
		require.NoError(t, err)
		require.Equal(t, want, got)

		ours, err := codec.MsgPack.Append(nil, want)
		require.NoError(t, err)
		var read any
		require.NoError(t, msgpack.Unmarshal(ours, &read))
		again, err := codec.MsgPack.Append(nil, read)
		require.NoError(t, err)
		require.Equal(t, ours, again)
	})
}

func TestTypedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Make[numbers]().Draw(t, "numbers")
		items := rapid.Make[map[int16][]Item]().Draw(t, "items")
		data, err := codec.MsgPack.Append(nil, want)
		require.NoError(t, err)
		var got numbers
		require.NoError(t, codec.MsgPack.Unmarshal(data, &got))
		require.Equal(t, want, got)
		data, err = codec.MsgPack.Append(nil, items)
		require.NoError(t, err)
		var back map[int16][]Item
		require.NoError(t, codec.MsgPack.Unmarshal(data, &back))
		require.Equal(t, items, back)
	})
}
