package codec_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/dot-do/kafka-embedded/internal/codec"
)

type payment struct {
	OrderID string    `json:"order_id"`
	Amount  float64   `json:"amount"`
	Count   int64     `json:"count"`
	Paid    bool      `json:"paid"`
	At      time.Time `json:"at"`
}

var (
	benchMap    any = map[string]any{"order_id": "ORD-1234567", "amount": 99.5}
	benchStruct     = payment{"ORD-1234567", 99.5, 3, true, time.Unix(1700000000, 123456789).UTC()}
)

// BenchmarkAppend and BenchmarkDecode compare with the msgpack library used directly.
func BenchmarkAppend(b *testing.B) {
	for name, v := range map[string]any{"map": benchMap, "struct": &benchStruct} {
		for _, c := range []codec.Codec{codec.MsgPack, codec.JSON} {
			b.Run(name+"/"+c.Name(), func(b *testing.B) {
				b.ReportAllocs()
				var buf []byte
				var err error
				for b.Loop() {
					if buf, err = c.Append(buf[:0], v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(name+"/library", func(b *testing.B) {
			b.ReportAllocs()
			var buf bytes.Buffer
			enc := msgpack.NewEncoder(&buf)
			enc.SetCustomStructTag("json")
			for b.Loop() {
				buf.Reset()
				if err := enc.Encode(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	packed, err := codec.MsgPack.Append(nil, benchStruct)
	require.NoError(b, err)
	text, err := json.Marshal(benchStruct)
	require.NoError(b, err)
	untyped := func(decode func() (any, error)) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	typed := func(data []byte, decode func([]byte, any) error) func(*testing.B) {
		return untyped(func() (any, error) {
			var p payment
			err := decode(data, &p)
			return nil, err
		})
	}
	b.Run("untyped/msgpack", untyped(func() (any, error) { return codec.MsgPack.Decode(packed) }))
	b.Run("untyped/json", untyped(func() (any, error) { return codec.JSON.Decode(text) }))
	b.Run("untyped/library", untyped(func() (v any, err error) {
		err = msgpack.Unmarshal(packed, &v)
		return v, err
	}))
	b.Run("typed/msgpack", typed(packed, codec.MsgPack.Unmarshal))
	b.Run("typed/json", typed(text, codec.JSON.Unmarshal))
	b.Run("typed/library", typed(packed, func(data []byte, v any) error {
		dec := msgpack.GetDecoder()
		dec.Reset(bytes.NewReader(data))
		dec.SetCustomStructTag("json")
		err := dec.Decode(v)
		msgpack.PutDecoder(dec)
		return err
	}))
}

func TestEncodingCommonValuesDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	buf := make([]byte, 0, 1024)
	for name, v := range map[string]any{
		"map": benchMap, "struct": &benchStruct, "string": "s", "nested": map[string]any{"a": []any{benchMap, nil, true}},
	} {
		n := testing.AllocsPerRun(100, func() {
			_, err := codec.MsgPack.Append(buf, v)
			require.NoError(t, err)
		})
		require.LessOrEqual(t, n, 0.5, name) // a collection may empty the pool in between
	}
}
