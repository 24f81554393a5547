package codec_test

import (
	"encoding/json"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/codec"
)

type (
	numbers struct {
		I   int
		I8  int8
		I64 int64
		U64 uint64
		F32 float32
		F64 float64
	}
	times struct {
		At   time.Time
		Ref  *time.Time
		Wait time.Duration
		By   map[time.Time]int
	}
	texty struct {
		Addr netip.Addr
		Refs []*netip.Addr
		By   map[netip.Addr]string
		Big  *big.Int
		Raw  json.RawMessage
		Num  json.Number
	}
	color string
	holds struct {
		B    []byte
		Nil  []byte
		A    [4]byte
		M    map[color][]color
		I    map[int8]uint16
		U    map[uint64]bool
		P    **string
		Any  any
		Kids []holds
	}
	quoted struct {
		I int      `json:",string"`
		F *float64 `json:",string"`
		S string   `json:",string"`
		N *int     `json:",string"`
	}
	twoWays struct{ s string }
)

func (w twoWays) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]string{"s": w.s}) }
func (w *twoWays) UnmarshalJSON(b []byte) error {
	var m map[string]string
	err := json.Unmarshal(b, &m)
	w.s = m["s"]
	return err
}

// A typed read gives back exactly what was written.
var typed = []struct {
	name string
	v    any
}{
	{"least numbers", numbers{math.MinInt32, math.MinInt8, math.MinInt64, 0, -math.MaxFloat32, -math.MaxFloat64}},
	{"greatest numbers", numbers{math.MaxInt32, math.MaxInt8, math.MaxInt64, math.MaxUint64, 0.1,
		math.SmallestNonzeroFloat64}},
	{"beside 2^53", numbers{I64: 1<<53 + 1, U64: 1<<53 + 1}},
	{"times", times{time.Unix(1, 999999999).UTC(), ptr(time.Unix(-62135596800, 0).UTC()), 1,
		map[time.Time]int{time.Unix(0, 1).UTC(): 1}}},
	{"far times", times{At: time.Date(300000, 1, 1, 0, 0, 0, 1, time.UTC)}},
	{"text and JSON methods", texty{
		netip.MustParseAddr("10.1.2.3"), []*netip.Addr{nil, ptr(netip.MustParseAddr("::1"))},
		map[netip.Addr]string{netip.MustParseAddr("::2"): "x"}, big.NewInt(math.MaxInt64),
		json.RawMessage(`{"a":[1,"x",null]}`), "-12.5"}},
	{"containers", holds{
		[]byte{1}, nil, [4]byte{1, 2, 3, 4}, map[color][]color{"red": {"a"}, "": {}}, map[int8]uint16{-128: 65535},
		map[uint64]bool{math.MaxUint64: true}, ptr(ptr("s")), map[string]any{"x": []any{1.5, "s", nil, int64(1 << 60)}},
		[]holds{{B: []byte{}}}}},
	{"string option", quoted{math.MaxInt32, ptr(0.1), "\"\x00 é", nil}},
	{"own JSON", []twoWays{{"a"}, {""}}},
	{"embedded", Deep{Embed{Base{Name: "n"}, 1}, 2}},
	{"embedded pointer", Pointer{&Base{"n", "o"}, 1}},
	{"embedded unexported", Lower{lower{Shown: "s"}, 1}},
	{"embedded unexported with a tag", LowerT{lower{Shown: "s"}}},
	{"recursive", Node{1, &Node{2, &Node{3, nil}}}},
	{"order", Order{"o", []Item{{"a", 1}, {"b", 2}}, map[string]string{"k": "v"}, []any{1.0}, 5, ptr(&Item{"d", 4})}},
	{"scalar", int64(math.MaxInt64)},
	{"string", "s"},
	{"bool", true},
	{"map", map[string]any{"a": map[string]any{"b": nil}}},
	{"many fields", manyFields()},
}

// manyFields is a struct with more fields than a fixmap counts, all but two of them omitted.
func manyFields() any {
	var fields []reflect.StructField
	for i := range 40 {
		fields = append(fields, reflect.StructField{
			Name: "F" + string(rune('a'+i/10)) + string(rune('0'+i%10)), Type: reflect.TypeFor[int](), Tag: `json:",omitempty"`})
	}
	v := reflect.New(reflect.StructOf(fields)).Elem()
	v.Field(3).SetInt(3)
	v.Field(39).SetInt(39)
	return v.Interface()
}

func TestTypedReadsLoseNothing(t *testing.T) {
	for _, tc := range typed {
		t.Run(tc.name, func(t *testing.T) {
			data, err := codec.MsgPack.Append(nil, tc.v)
			require.NoError(t, err)
			got := reflect.New(reflect.TypeOf(tc.v))
			require.NoError(t, codec.MsgPack.Unmarshal(data, got.Interface()))
			require.Equal(t, tc.v, got.Elem().Interface())
		})
	}
}

func TestNaNRoundTrips(t *testing.T) {
	data, err := codec.MsgPack.Append(nil, numbers{F32: float32(math.NaN()), F64: math.NaN()})
	require.NoError(t, err)
	var got numbers
	require.NoError(t, codec.MsgPack.Unmarshal(data, &got))
	require.True(t, math.IsNaN(got.F64) && math.IsNaN(float64(got.F32)))
}

// Unmarshal treats what is there, and what does not match exactly, as encoding/json does.
func TestUnmarshalIntoWhatIsThere(t *testing.T) {
	for _, tc := range []struct {
		name   string
		from   any
		into   func() any // a pointer
		agrees bool       // with encoding/json, which is then asked too
		want   any
	}{
		{"other case", map[string]any{"NAME": "n", "only": "o"}, func() any { return new(Base) }, true, Base{"n", "o"}},
		{"Kelvin sign", map[string]any{"\u212aid": 1.0},
			func() any { return new(struct{ Kid int }) }, true, struct{ Kid int }{1}},
		{"exact case first", map[string]any{"a": 1.0, "A": 2.0}, func() any {
			return new(struct {
				X int `json:"A"`
				Y int `json:"a"`
			})
		}, true, struct {
			X int `json:"A"`
			Y int `json:"a"`
		}{2, 1}},
		{"unknown fields", map[string]any{"x": []any{map[string]any{"y": nil}}, "Name": "n"},
			func() any { return new(Base) }, true, Base{Name: "n"}},
		{"absent fields stay", map[string]any{"Name": "n"},
			func() any { return &Base{"old", "kept"} }, true, Base{"n", "kept"}},
		{"nil leaves scalars", map[string]any{"X": nil}, func() any { return &Point{1, 2} }, true, Point{1, 2}},
		{"nil clears pointers", map[string]any{"Next": nil}, func() any { return &Node{1, &Node{}} }, true, Node{1, nil}},
		{"nil clears slices", nil, func() any { return ptr([]int{1}) }, true, []int(nil)},
		{"nil clears maps", nil, func() any { return &map[string]int{"a": 1} }, true, map[string]int(nil)},
		{"nil clears interfaces", []any{nil}, func() any { return ptr([1]any{1}) }, true, [1]any{nil}},
		{"nil leaves times", nil, func() any { return ptr(time.Unix(1, 0)) }, true, time.Unix(1, 0)},
		{"pointers are followed", map[string]any{"V": 2.0, "Next": map[string]any{"V": 3.0}},
			func() any { return &Node{1, &Node{1, &Node{4, nil}}} }, true, Node{2, &Node{3, &Node{4, nil}}}},
		{"maps are added to", map[string]any{"b": 2.0},
			func() any { return &map[string]int{"a": 1} }, true, map[string]int{"a": 1, "b": 2}},
		{"map values are replaced", map[string]any{"a": map[string]any{"X": 5.0}},
			func() any { return &map[string]Point{"a": {1, 2}} }, true, map[string]Point{"a": {5, 0}}},
		{"slices are cut", []any{7.0}, func() any { return ptr([]int{1, 2, 3}) }, true, []int{7}},
		{"slices grow", []any{7.0, 8.0}, func() any { return ptr([]int{1}) }, true, []int{7, 8}},
		{"elements begin at zero", []any{map[string]any{"X": 5.0}},
			func() any { return &[]Point{{1, 2}} }, false, []Point{{5, 0}}},
		{"short for an array", []any{7.0}, func() any { return &[3]int{1, 2, 3} }, true, [3]int{7, 0, 0}},
		{"long for an array", []any{7.0, 8.0, []any{9.0}}, func() any { return &[1]int{1} }, true, [1]int{7}},
		{"whole float into int", 3.0, func() any { return new(int8) }, true, int8(3)},
		{"int into float", 3, func() any { return new(float32) }, true, float32(3)},
		{"pointer in an interface", map[string]any{"Any": map[string]any{"X": 1.0}},
			func() any { return &holds{Any: &Point{0, 2}} }, true, holds{Any: &Point{1, 2}}},
		{"pointer in an interface with methods", "10.0.0.1", func() any { return ptr(any(&netip.Addr{})) }, true,
			any(ptr(netip.MustParseAddr("10.0.0.1")))},
		{"untyped", []any{1.0, "a"}, func() any { return new(any) }, true, []any{1.0, "a"}},
		{"array of numbers into bytes", []any{1.0, 2.0}, func() any { return new([]byte) }, true, []byte{1, 2}},
		{"text into bytes", "abc", func() any { return new([]byte) }, false, []byte("abc")},
		{"bytes into text", []byte("abc"), func() any { return new(string) }, false, "abc"},
		{"bytes into an array", []byte{1, 2}, func() any { return &[3]byte{9, 9, 9} }, false, [3]byte{1, 2, 0}},
		{"text into a number", "12", func() any { return new(json.Number) }, true, json.Number("12")},
		{"beyond int64 into a number", uint64(math.MaxUint64), func() any { return new(json.Number) }, true,
			json.Number("18446744073709551615")},
		{"beyond int64 into a float", uint64(math.MaxUint64), func() any { return new(float64) }, true, 0x1p64},
		{"embedded pointer that is there", map[string]any{"low": map[string]any{"Shown": "x"}}, func() any {
			return &struct {
				*lower `json:"low"`
			}{&lower{hidden: "h"}}
		}, true, struct {
			*lower `json:"low"`
		}{&lower{"x", "h"}}},
		{"nil for an embedded struct", map[string]any{"low": nil}, func() any { return &LowerT{lower{Shown: "x"}} }, true,
			LowerT{lower{Shown: "x"}}},
		{"float into a number", 1e21, func() any { return new(json.Number) }, true, json.Number("1e+21")},
		{"nil for a method of JSON", nil, func() any { return &twoWays{"old"} }, true, twoWays{""}},
		{"nil for a method of text", nil,
			func() any { return ptr(netip.MustParseAddr("::1")) }, true, netip.MustParseAddr("::1")},
		{"nil for the string option", map[string]any{"I": nil, "F": nil},
			func() any { return &quoted{I: 5, F: ptr(1.0)} }, true, quoted{I: 5}},
		{"beyond int64 as JSON", uint64(math.MaxUint64), func() any { return new(big.Int) }, true,
			*new(big.Int).SetUint64(math.MaxUint64)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := codec.MsgPack.Append(nil, tc.from)
			require.NoError(t, err)
			into := tc.into()
			require.NoError(t, codec.MsgPack.Unmarshal(data, into))
			require.Equal(t, tc.want, reflect.ValueOf(into).Elem().Interface())
			if !tc.agrees {
				return
			}
			data, err = codec.JSON.Append(nil, tc.from)
			require.NoError(t, err)
			into = tc.into()
			require.NoError(t, codec.JSON.Unmarshal(data, into))
			require.Equal(t, tc.want, reflect.ValueOf(into).Elem().Interface(), "encoding/json")
		})
	}
}

func TestTimeAsText(t *testing.T) {
	data, err := codec.MsgPack.Append(nil, "2024-01-02T03:04:05+01:00")
	require.NoError(t, err)
	var got time.Time
	require.NoError(t, codec.MsgPack.Unmarshal(data, &got))
	require.True(t, got.Equal(time.Date(2024, 1, 2, 2, 4, 5, 0, time.UTC)))
}

// Nothing that was decoded changes when the bytes do.
func TestDecodedSharesNoMemory(t *testing.T) {
	data, err := codec.MsgPack.Append(nil, map[string]any{"key": []any{"text", []byte("bytes")}})
	require.NoError(t, err)
	untyped, err := codec.MsgPack.Decode(data)
	require.NoError(t, err)
	var typed map[string][]json.RawMessage
	require.NoError(t, codec.MsgPack.Unmarshal(data, &typed))
	clear(data)
	require.Equal(t, map[string]any{"key": []any{"text", []byte("bytes")}}, untyped)
	require.Equal(t, map[string][]json.RawMessage{"key": {[]byte(`"text"`), []byte(`"Ynl0ZXM="`)}}, typed)
}

// Integers that a float64 cannot hold survive an untyped read of JSON, wherever they stand.
func TestLongNumbersInJSON(t *testing.T) {
	got, err := codec.JSON.Decode([]byte(
		`{"a":[9007199254740993,-9223372036854775808,18446744073709551615,36893488147419103232,-0,1.0000000000000000001]}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": []any{
		int64(9007199254740993), int64(math.MinInt64), uint64(math.MaxUint64), 0x1p65, math.Copysign(0, -1), 1.0,
	}}, got)
}

func TestRaw(t *testing.T) {
	at := time.Unix(1, 2).UTC()
	for _, tc := range []struct {
		name string
		v    any
		want []byte
	}{
		{"nil", nil, []byte{}},
		{"bytes", []byte{1, 2}, []byte{1, 2}},
		{"string", "ab", []byte("ab")},
		{"marshals itself", netip.MustParseAddr("1.2.3.4"), []byte{1, 2, 3, 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := codec.Raw.Append([]byte("x"), tc.v)
			require.NoError(t, err)
			require.Equal(t, tc.want, data[1:])
			got, err := codec.Raw.Decode(data[1:])
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	data, err := codec.Raw.Append(nil, at)
	require.NoError(t, err)
	var back time.Time
	require.NoError(t, codec.Raw.Unmarshal(data, &back))
	require.True(t, at.Equal(back))
	var s string
	var b []byte
	var a any
	for _, p := range []any{&s, &b, &a} {
		require.NoError(t, codec.Raw.Unmarshal([]byte("ab"), p))
	}
	require.Equal(t, []any{"ab", []byte("ab"), []byte("ab")}, []any{s, b, a})
}

func TestByName(t *testing.T) {
	for name, want := range map[string]codec.Codec{
		"": codec.MsgPack, "msgpack": codec.MsgPack, "json": codec.JSON, "raw": codec.Raw,
	} {
		got, err := codec.ByName(name)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
