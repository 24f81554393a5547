package codec_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// secret stands for payload, which no error may quote.
const secret = "s3cret"

var errOwn = errors.New("own error about " + secret)

type (
	failing    struct{}
	garbled    struct{}
	failText   struct{}
	failRead   struct{}
	loop       *loop
	Chans      struct{ In map[string][]chanHolder }
	chanHolder struct{ C chan int }
)

func (failing) MarshalJSON() ([]byte, error)   { return nil, errOwn }
func (garbled) MarshalJSON() ([]byte, error)   { return []byte(`{"` + secret), nil }
func (failText) MarshalText() ([]byte, error)  { return nil, errOwn }
func (*failRead) UnmarshalJSON([]byte) error   { return errOwn }
func (*failText) UnmarshalText([]byte) error   { return errOwn }
func (failing) MarshalBinary() ([]byte, error) { return nil, errOwn }
func (*failRead) UnmarshalBinary([]byte) error { return errOwn }

func cyclicMap() any      { m := map[string]any{secret: nil}; m[secret] = m; return m }
func cyclicSlice() any    { s := []any{nil}; s[0] = s; return s }
func cyclicStruct() any   { n := &Node{V: 1}; n.Next = n; return n }
func cyclicAny() any      { var a any; a = &a; return a }
func cyclicPointer() loop { var p loop; p = &p; return p }

// nested is v in that many arrays.
func nested(depth int, v any) any {
	for range depth {
		v = []any{v}
	}
	return v
}

// shortElements has n elements of one byte each.
func shortElements(n int) any { return make([]any, n) }

// refused checks what all errors of this package have in common.
func refused(t *testing.T, err error, code engine.Code, want string) {
	t.Helper()
	require.ErrorIs(t, err, code)
	require.ErrorContains(t, err, want)
	require.NotContains(t, err.Error(), secret)
	require.Less(t, len(err.Error()), 300, err.Error())
	var e *engine.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, -1, e.Partition)
}

func TestEncodeErrors(t *testing.T) {
	for _, tc := range []struct {
		name          string
		v             any
		msgpack, json string // parts of the messages; empty where the codec can encode it
	}{
		{"chan", make(chan int), "chan int: chan int cannot be encoded", "chan int cannot be encoded"},
		{"func", func() {}, "func() cannot be encoded", "func() cannot be encoded"},
		{"complex", 1i, "complex128 cannot be encoded", "complex128 cannot be encoded"},
		{"deep inside", Chans{map[string][]chanHolder{secret: {{}, {}}}},
			"codec_test.Chans.In{}[0].C: chan int cannot be encoded", "codec_test.Chans.In{}[0].C: chan int"},
		{"deep inside any", map[string]any{secret: []any{1, make(chan int)}},
			"map[string]interface {}{}[1]: chan int", "map[string]interface {}{}[1]: chan int"},
		{"map by struct", map[Point]int{}, "keys must be strings", "keys must be strings"},
		{"cycle through a map", cyclicMap(), "{}{}{}…: nested deeper than 1000 levels", "refers to itself"},
		{"cycle through a slice", cyclicSlice(), "[0][0][0]", "refers to itself"},
		{"cycle through a struct", cyclicStruct(), "Node.Next.Next", "refers to itself"},
		{"cycle through any", cyclicAny(), "refers to itself", "refers to itself"},
		{"cycle of pointers", cyclicPointer(), "refers to itself", "refers to itself"},
		{"too deep", nested(1001, nil), "nested deeper than 1000 levels", ""},
		{"too deep for JSON", nested(10001, nil), "nested deeper than 1000 levels", "nested deeper than 10000 levels"},
		{"own JSON fails", []any{failing{}}, "[0]: MarshalJSON of codec_test.failing failed", "MarshalJSON"},
		{"own JSON is none", garbled{}, "did not return JSON", "did not return JSON"},
		{"own text fails", failText{}, "MarshalText of codec_test.failText failed", "MarshalText"},
		{"own key fails", map[failText]int{{}: 1}, "MarshalText of codec_test.failText failed", "MarshalText"},
		{"NaN", math.NaN(), "", "a float64 has no JSON form"},
		{"no number", json.Number(secret), "does not hold a number", "does not hold a number"},
		{"number and space", json.Number("1 "), "does not hold a number", "does not hold a number"},
		{"integer of many digits", json.Number(strings.Repeat("9", 30)), "an integer of 30 digits", ""},
		{"beyond a float64", json.RawMessage("1e999"), "beyond a float64", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for c, want := range map[codec.Codec]string{codec.MsgPack: tc.msgpack, codec.JSON: tc.json} {
				dst := []byte("kept")
				out, err := c.Append(dst, tc.v)
				if want == "" {
					require.NoError(t, err)
					continue
				}
				refused(t, err, engine.ErrSerialization, want)
				require.Equal(t, dst, out)
			}
		})
	}
}

func TestCauseOfErrors(t *testing.T) {
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON, codec.Raw} {
		_, err := c.Append(nil, failing{})
		require.ErrorIs(t, err, errOwn, c.Name())
		refused(t, err, engine.ErrSerialization, "failed with *errors.errorString")
		err = c.Unmarshal([]byte("5"), new(failRead))
		require.ErrorIs(t, err, errOwn, c.Name())
		refused(t, err, engine.ErrSerialization, "*errors.errorString")
	}
}

func TestUnmarshalErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		from any
		into any
		want string
	}{
		{"text into int", map[string]any{"X": secret}, new(Point),
			"at byte 3 of 10: codec_test.Point.X: a string does not fit int"},
		{"in a slice", map[string]any{"items": []any{nil, map[string]any{"qty": true}}}, new(Order),
			"Order.items[1].qty: a bool does not fit int64"},
		{"in a map", map[string]any{secret: secret}, new(map[string]int), "map[string]int{}: a string does not fit int"},
		{"too big", 300, new(int8), "an integer does not fit int8"},
		{"negative", -1, new(uint), "an integer does not fit uint"},
		{"beyond int64", uint64(math.MaxUint64), new(int64), "does not fit int64"},
		{"beyond uint8", 256, new(uint8), "does not fit uint8"},
		{"fraction", 1.5, new(int), "a float does not fit int"},
		{"float beyond int64", 0x1p63, new(int64), "does not fit int64"},
		{"float beyond uint64", 0x1p64, new(uint64), "does not fit uint64"},
		{"float beyond float32", 1e300, new(float32), "does not fit float32"},
		{"NaN into int", math.NaN(), new(int), "does not fit int"},
		{"number into text", 1, new(string), "an integer does not fit string"},
		{"number into bool", 1, new(bool), "does not fit bool"},
		{"array into struct", []any{1}, new(Point), "an array does not fit codec_test.Point"},
		{"map into slice", map[string]any{}, new([]int), "a map does not fit []int"},
		{"map into array", map[string]any{}, new([1]int), "a map does not fit [1]int"},
		{"array into map", []any{}, new(map[string]int), "an array does not fit map[string]int"},
		{"text into bytes of a method", "x", new([]jsonByte), "a string does not fit []codec_test.jsonByte"},
		{"into chan", 1, new(chan int), "does not fit chan int"},
		{"into interface with methods", 1, new(error), "an integer does not fit error"},
		{"into a map by struct", map[string]any{"a": 1}, new(map[Point]int), "a map does not fit map[codec_test.Point]int"},
		{"key that is no int", map[string]any{secret: 1}, new(map[int]int), "the key of a map does not fit int"},
		{"key too big", map[string]any{"256": 1}, new(map[uint8]int), "the key of a map does not fit uint8"},
		{"key of a failing method", map[string]any{secret: 1}, new(map[failText]int),
			"UnmarshalText of codec_test.failText failed"},
		{"text of a failing method", secret, new(failText), "UnmarshalText of codec_test.failText failed"},
		{"number for a method of text", 1, new(netip.Addr), "an integer does not fit netip.Addr"},
		{"text for a number", secret, new(json.Number), "a string does not fit json.Number"},
		{"infinity for a number", math.Inf(1), new(json.Number), "a float does not fit json.Number"},
		{"infinity for JSON", math.Inf(1), new(json.RawMessage), "has no JSON form"},
		{"text for a time", secret, new(time.Time), "not a time"},
		{"number for a time", 1, new(time.Time), "an integer does not fit time.Time"},
		{"number for the string option", map[string]any{"I": 1}, new(quoted), "quoted.I: an integer does not hold int"},
		{"text for the string option", map[string]any{"I": secret}, new(quoted), "quoted.I: a string does not hold int"},
		{"embedded pointer that cannot be set", map[string]any{"Shown": "x"}, new(LowerP), "cannot be set"},
		{"embedded pointer with a tag that cannot be set", map[string]any{"low": map[string]any{}},
			new(struct {
				*lower `json:"low"`
			}), "cannot be set"},
		{"target that refers to itself", 1, ptr(cyclicAny()), "refers to itself"},
		{"slice of large elements", shortElements(1 << 12), new([][1 << 20]byte),
			"4096 elements of [1048576]uint8 take more than"},
		{"type without end", 1, new(loop), "refers to itself"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := codec.MsgPack.Append(nil, tc.from)
			require.NoError(t, err)
			refused(t, codec.MsgPack.Unmarshal(data, tc.into), engine.ErrSerialization, tc.want)
		})
	}
}

func TestTargetMustBeAPointer(t *testing.T) {
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON, codec.Raw} {
		for _, v := range []any{nil, 1, Point{}, (*Point)(nil), (*any)(nil), (*[]byte)(nil), (*string)(nil)} {
			refused(t, c.Unmarshal([]byte("1"), v), engine.ErrInvalidArgument, "pointer that is not nil")
		}
	}
}

func TestJSONErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "at byte 0 of 0"},
		{"cut short", `{"a": "` + secret, "at byte 13 of 13"},
		{"trailing", `1 "` + secret + `"`, "at byte 3 of 10"},
		{"trailing after a long number", `1234567890123456 1`, "at byte 18 of 18"},
		{"wrong byte", `[1, x]`, "at byte 5 of 6: the syntax is wrong"},
		{"too deep", strings.Repeat("[", 10001), "of 10001"},
		{"number out of range", "1e999", "at byte 5 of 5: a value does not fit float64"},
		{"long number out of range", "1234567890123456e999", "decoding failed with *strconv.NumError"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := codec.JSON.Decode([]byte(tc.text))
			refused(t, err, engine.ErrSerialization, tc.want)
			var v any
			refused(t, codec.JSON.Unmarshal([]byte(tc.text), &v), engine.ErrSerialization, tc.want)
		})
	}
	err := codec.JSON.Unmarshal([]byte(`{"items":[{"qty":"`+secret+`"}]}`), new(Order))
	refused(t, err, engine.ErrSerialization, "Order.items.qty: a value does not fit int64")
}

func TestRawErrors(t *testing.T) {
	_, err := codec.Raw.Append(nil, 5)
	refused(t, err, engine.ErrSerialization, "int cannot be encoded: pass []byte")
	refused(t, codec.Raw.Unmarshal(nil, new(int)), engine.ErrInvalidArgument, "cannot decode into *int")
	_, err = codec.ByName("xml")
	refused(t, err, engine.ErrInvalidArgument, `"xml"`)
}
