package codec_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/codec"
)

// Types for each rule of encoding/json. The names say what they try.
type (
	Plain struct {
		ID     string  `json:"id"`
		Amount float64 `json:"amount"`
		Count  int
		hidden int
		Skip   string `json:"-"`
		Dash   string `json:"-,"`
		Odd    string `json:"not\"valid,omitempty"`
		Punct  string `json:"a.b/c-d"`
		OK     bool   `json:",omitempty"`
	}
	Omit struct {
		B   bool           `json:",omitempty"`
		I   int            `json:",omitempty"`
		U   uint8          `json:",omitempty"`
		F   float64        `json:",omitempty"`
		S   string         `json:",omitempty"`
		Sl  []int          `json:",omitempty"`
		M   map[string]int `json:",omitempty"`
		P   *int           `json:",omitempty"`
		A   any            `json:",omitempty"`
		Ar  [2]int         `json:",omitempty"`
		Ar0 [0]int         `json:",omitempty"`
		St  Point          `json:",omitempty"`
		Fn  func()         `json:"-"`
	}
	OmitZero struct {
		A  Point       `json:"a,omitzero"`
		B  [2]int      `json:"b,omitzero"`
		C  zeroValue   `json:"c,omitzero"`
		D  zeroPointer `json:"d,omitzero"`
		E  *zeroValue  `json:"e,omitzero"`
		F  isZero      `json:"f,omitzero"`
		G  []int       `json:"g,omitzero"`
		H  []int       `json:"h,omitempty,omitzero"`
		T  *Point      `json:"t,omitzero"`
		ID int         `json:"id,omitzero"`
	}
	Quoted struct {
		I  int         `json:",string"`
		U  uint64      `json:",string"`
		F  float64     `json:",string"`
		F3 float32     `json:",string"`
		B  bool        `json:",string"`
		S  string      `json:",string"`
		P  *int        `json:",string"`
		N  *int        `json:",string"`
		J  json.Number `json:",string"`
		St Point       `json:",string"`
		Sl []int       `json:",string"`
		E  int         `json:",string,omitempty"`
	}
	Point  struct{ X, Y int }
	Base   struct{ Name, Only string }
	Other  struct{ Name, More string }
	Tagged struct {
		Other string `json:"Name"`
	}
	lower  struct{ Shown, hidden string }
	Scalar int
	Embed  struct {
		Base
		ID int
	}
	Shadow struct {
		Base
		Name int
	}
	Clash struct {
		Base
		Other
	}
	Wins struct {
		Base
		Tagged
	}
	Named struct {
		Base `json:"base"`
	}
	Pointer struct {
		*Base
		ID int
	}
	Lower struct {
		lower
		ID int
	}
	LowerP struct {
		*lower
		ID int
	}
	LowerT struct {
		lower `json:"low"`
	}
	Kind struct{ Scalar }
	Deep struct {
		Embed
		Only int
	}
	L1      struct{ Base }
	L2      struct{ Base }
	Diamond struct {
		L1
		L2
	}
	TagBeats struct {
		A int `json:"B"`
		B int
	}
	Node struct {
		V    int
		Next *Node `json:",omitempty"`
	}
	Tree struct {
		Kids map[string]*Tree
		List []Tree
	}
	EmbSelf struct {
		*EmbSelf
		V int
	}
	EmbTime struct {
		time.Duration
		V int
	}
	Empty struct{}

	Order struct {
		ID    string            `json:"id"`
		Items []Item            `json:"items"`
		Meta  map[string]string `json:"meta"`
		Any   any               `json:"any"`
		Wait  time.Duration     `json:"wait"`
		Ref   **Item            `json:"ref"`
	}
	Item struct {
		SKU string `json:"sku"`
		Qty int64  `json:"qty"`
	}

	marshals    struct{ v int }
	marshalsP   struct{ v int }
	texts       struct{ v string }
	textKey     struct{ v string }
	textString  string
	zeroValue   struct{ V int }
	zeroPointer struct{ V int }
	isZero      interface{ IsZero() bool }
	Methods     struct {
		A marshals
		B *marshals
		C marshalsP
		D *marshalsP
		E texts
		F *texts
		G json.Marshaler
		Q Level `json:",string"`
	}
	Level    int
	numBytes []myByte
	myByte   byte
	jsonByte byte
)

func (m marshals) MarshalJSON() ([]byte, error)   { return json.Marshal(map[string]any{"v": []int{m.v}}) }
func (m *marshalsP) MarshalJSON() ([]byte, error) { return json.Marshal([]any{m.v, nil, true, "x"}) }
func (x texts) MarshalText() ([]byte, error)      { return []byte("<" + x.v + ">"), nil }
func (x textKey) MarshalText() ([]byte, error)    { return []byte("k" + x.v), nil }
func (x textString) MarshalText() ([]byte, error) { return []byte("never as a key"), nil }
func (l Level) MarshalText() ([]byte, error)      { return []byte(strings.Repeat("!", int(l))), nil }
func (z zeroValue) IsZero() bool                  { return z.V == 7 }
func (z *zeroPointer) IsZero() bool               { return z.V == 7 }
func (b *jsonByte) MarshalJSON() ([]byte, error)  { return []byte(`"b"`), nil }

// oneNameTwice is struct { A, B int `json:"x"`; C int }, which go vet would not let stand in the source.
func oneNameTwice() any {
	t := reflect.TypeFor[int]()
	v := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: t, Tag: `json:"x"`}, {Name: "B", Type: t, Tag: `json:"x"`}, {Name: "C", Type: t},
	})).Elem()
	v.Field(2).SetInt(3)
	return v.Interface()
}

func ptr[T any](v T) *T { return &v }

// What an untyped read gives must be what encoding/json gives for the same Go value.
var sameAsJSON = []struct {
	name string
	v    any
}{
	{"nil", nil},
	{"true", true},
	{"string", "héllo <&> \u2028 \x00"},
	{"empty string", ""},
	{"long text that looks nested", strings.Repeat(`"[{\`, 10000)},
	{"many elements", make([]any, 70000)},
	{"float", 1.5},
	{"whole float", 3.0},
	{"huge float", 1e300},
	{"int", 42},
	{"negative", -1},
	{"int8", int8(-128)},
	{"int16", int16(-32768)},
	{"int32", int32(math.MinInt32)},
	{"int64 at the edge", int64(1 << 53)},
	{"negative at the edge", int64(-1 << 53)},
	{"uint8", uint8(255)},
	{"uint16", uint16(65535)},
	{"uint32", uint32(math.MaxUint32)},
	{"uintptr", uintptr(7)},
	{"float32 that JSON writes exactly", float32(0.5)},
	{"json.Number", json.Number("12.50")},
	{"empty json.Number", json.Number("")},
	{"json.Number with exponent", json.Number("1e3")},
	{"huge json.Number", json.Number("1e30")},
	{"integer that a float64 holds exactly", json.Number("36893488147419103232")},
	{"duration", 3 * time.Second},
	{"RawMessage", json.RawMessage(` {"b": [1, 2.5, {"c": null}], "a": "x"} `)},
	{"nil RawMessage", json.RawMessage(nil)},
	{"big.Int", big.NewInt(12345)},
	{"netip.Addr", netip.MustParseAddr("::1")},
	{"slice", []int{1, 2, 3}},
	{"nil slice", []int(nil)},
	{"empty slice", []int{}},
	{"[]any", []any{1.0, "a", nil, []any{}, map[string]any{}}},
	{"nil []any", []any(nil)},
	{"array", [3]string{"a", "b"}},
	{"byte array", [3]byte{1, 2, 3}},
	{"bytes that marshal themselves", []jsonByte{1, 2}},
	{"map", map[string]any{"b": 1.0, "a": []any{true}}},
	{"nil map", map[string]any(nil)},
	{"map of strings", map[string]string{"a": "b"}},
	{"map by int", map[int]string{-1: "a", 20: "b"}},
	{"map by uint8", map[uint8]bool{200: true}},
	{"map by text", map[textKey]int{{"a"}: 1, {"b"}: 2}},
	{"map by pointer to text", map[*textKey]int{nil: 1, {"b"}: 2}},
	{"map by string with a text method", map[textString]int{"a": 1}},
	{"map by netip.Addr", map[netip.Addr]int{netip.MustParseAddr("10.0.0.1"): 1}},
	{"map by time", map[time.Time]int{time.Unix(5, 6).UTC(): 1}},
	{"map of structs", map[string]Point{"p": {1, 2}}},
	{"pointer", ptr(5)},
	{"pointer to pointer", ptr(ptr("x"))},
	{"nil pointer", (*int)(nil)},
	{"pointer to any", ptr(any(ptr("x")))},

	{"tags", Plain{ID: "a", Amount: 2.5, Count: 1, hidden: 2, Skip: "s", Dash: "d", Odd: "o", Punct: "p"}},
	{"omitempty, all empty", Omit{}},
	{"omitempty, empty but not nil", Omit{Sl: []int{}, M: map[string]int{}, A: 0, P: ptr(0)}},
	{"omitempty, all there", Omit{true, 1, 1, 1, "s", []int{1}, map[string]int{"a": 1}, ptr(1), 1,
		[2]int{}, [0]int{}, Point{}, nil}},
	{"omitempty with an interface of nil pointer", Omit{A: (*int)(nil)}},
	{"omitzero, zero", OmitZero{}},
	{"omitzero, zero by method", OmitZero{C: zeroValue{7}, D: zeroPointer{7}, E: &zeroValue{7}, F: zeroValue{7}}},
	{"omitzero, addressable", &OmitZero{C: zeroValue{7}, D: zeroPointer{7}}},
	{"omitzero, nil pointer in interface", OmitZero{F: (*zeroValue)(nil)}},
	{"omitzero, there", OmitZero{Point{1, 0}, [2]int{0, 1}, zeroValue{0}, zeroPointer{1}, &zeroValue{},
		zeroValue{}, []int{}, []int{}, &Point{}, 3}},
	{"string option", Quoted{-1, math.MaxUint64, 1.25, 0.1, true, `a"<b>`, ptr(9), nil, "77", Point{1, 2}, []int{1}, 0}},
	{"embedded", Embed{Base{"n", "o"}, 1}},
	{"outer field shadows", Shadow{Base{"n", "o"}, 1}},
	{"names that clash vanish", Clash{Base{"n", "o"}, Other{"n2", "m"}}},
	{"a tag wins among equals", Wins{Base{"n", "o"}, Tagged{"t"}}},
	{"embedded with a name", Named{Base{"n", "o"}}},
	{"embedded pointer", Pointer{&Base{"n", "o"}, 1}},
	{"embedded nil pointer", Pointer{nil, 1}},
	{"embedded unexported struct", Lower{lower{"s", "h"}, 1}},
	{"embedded pointer to unexported struct", LowerP{&lower{"s", "h"}, 1}},
	{"embedded unexported struct with a tag", LowerT{lower{"s", "h"}}},
	{"embedded pointer to unexported struct with a tag", struct {
		*lower `json:"low"`
	}{&lower{"s", "h"}}},
	{"embedded nil pointer to unexported struct with a tag", struct {
		*lower `json:"low"`
	}{}},
	{"embedded scalar", Kind{3}},
	{"two levels", Deep{Embed{Base{"n", "o"}, 1}, 2}},
	{"the same struct twice at one level", Diamond{L1{Base{"a", "b"}}, L2{Base{"c", "d"}}}},
	{"one name twice", oneNameTwice()},
	{"tag beats field name", TagBeats{1, 2}},
	{"recursive", Node{1, &Node{2, &Node{3, nil}}}},
	{"recursive through containers", Tree{map[string]*Tree{"a": {}, "b": nil}, []Tree{{}}}},
	{"embeds itself", EmbSelf{&EmbSelf{nil, 2}, 1}},
	{"embedded duration", EmbTime{5, 1}},
	{"empty struct", Empty{}},
	{"anonymous struct", struct{ A, b int }{1, 2}},
	{"nested", Order{"o", []Item{{"a", 1}, {"b", 2}}, map[string]string{"k": "v"},
		[]any{1, Item{"c", 3}}, 5, ptr(&Item{"d", 4})}},
	{"nested, empty", Order{}},
	{"methods, not addressable", Methods{marshals{1}, &marshals{2}, marshalsP{3}, &marshalsP{4},
		texts{"5"}, &texts{"6"}, marshals{7}, 3}},
	{"methods, addressable", &Methods{marshals{1}, nil, marshalsP{3}, nil, texts{"5"}, nil, nil, 2}},
	{"slice of methods of the pointer", []marshalsP{{1}, {2}}},
	{"map of methods of the pointer", map[string]marshalsP{"a": {1}}},
	{"embeds a marshaler", struct {
		marshals
		B int
	}{marshals{1}, 2}},
}

// The msgpack library prints warnings to stderr when field names clash. Another process runs the table, since packages
// keep the stderr that they began with.
func TestNothingIsPrinted(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestUntypedIsWhatJSONGives$")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Run())
	require.Empty(t, stderr.String())
}

func TestUntypedIsWhatJSONGives(t *testing.T) {
	for _, tc := range sameAsJSON {
		t.Run(tc.name, func(t *testing.T) {
			text, err := json.Marshal(tc.v)
			require.NoError(t, err)
			var want any
			require.NoError(t, json.Unmarshal(text, &want))
			for _, c := range []codec.Codec{codec.MsgPack, codec.JSON} {
				data, err := c.Append([]byte("prefix"), tc.v)
				require.NoError(t, err)
				require.Equal(t, "prefix", string(data[:6]))
				got, err := c.Decode(data[6:])
				require.NoError(t, err)
				require.Equal(t, want, got, c.Name())
				again, err := c.Append(nil, tc.v)
				require.NoError(t, err)
				require.Equal(t, data[6:], again, "equal values have equal bytes")
			}
		})
	}
}

func TestJSONWritesWhatMarshalReturns(t *testing.T) {
	for _, tc := range sameAsJSON {
		want, err := json.Marshal(tc.v)
		require.NoError(t, err)
		got, err := codec.JSON.Append(nil, tc.v)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), tc.name)
	}
}

// Where msgpack says more than JSON can, an untyped read keeps it.
func TestUntypedBeyondJSON(t *testing.T) {
	at := time.Date(2024, 2, 29, 23, 59, 59, 123456789, time.FixedZone("", 3600))
	for _, tc := range []struct {
		name    string
		v, want any
	}{
		{"int64 beyond the edge", int64(1<<53 + 1), int64(1<<53 + 1)},
		{"negative beyond the edge", int64(-1<<53 - 1), int64(-1<<53 - 1)},
		{"least int64", int64(math.MinInt64), int64(math.MinInt64)},
		{"beyond int64", uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{"bytes", []byte{0, 255}, []byte{0, 255}},
		{"empty bytes", []byte{}, []byte{}},
		{"nil bytes", []byte(nil), nil},
		{"named bytes", numBytes{1, 2}, []byte{1, 2}},
		{"time", at, at.UTC()},
		{"zero time", time.Time{}, time.Time{}},
		{"pointer to time", &at, at.UTC()},
		{"time in a struct", struct{ T, Z time.Time }{T: at}, map[string]any{"T": at.UTC(), "Z": time.Time{}}},
		{"time before 1970", time.Unix(-1, 999999999), time.Unix(-1, 999999999).UTC()},
		{"float32", float32(0.1), float64(float32(0.1))},
		{"infinity", math.Inf(-1), math.Inf(-1)},
		{"not UTF-8", "a\xff", "a\xff"},
		{"big integers in JSON of a type", json.RawMessage("[9223372036854775807]"), []any{int64(math.MaxInt64)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := codec.MsgPack.Append(nil, tc.v)
			require.NoError(t, err)
			got, err := codec.MsgPack.Decode(data)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}
