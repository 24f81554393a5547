package codec_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/internal/codec"
)

// Structs made at random, with tags that clash, behave as encoding/json has them, in both directions.
func TestRandomStructsAreAsJSONHasThem(t *testing.T) {
	values := []any{
		0, 5, int8(-3), uint64(9), 0.0, 2.5, float32(0.25), false, true, "", `a"<`, "null", []string(nil), []string{"x"},
		map[string]int{}, map[string]int{"k": 1}, (*int)(nil), ptr(7), ptr("s"), ptr(true), Point{}, Point{1, 2},
		&Point{3, 4},
		zeroValue{7}, &zeroValue{}, Level(2), json.Number("1.5"), [2]int{0, 1}, ptr(ptr(1)), Base{"n", "o"}, Pointer{ID: 1},
	}
	tags := []string{
		"", "a", "A", "b", "a,omitempty", ",omitempty", ",string", "b,string,omitempty", "a,omitzero", "F0", "f1", "-", "-,",
		"bad\\\"name", "é", "x y", "a.b", ",omitempty,omitzero,string", "b,unknown", "F2,string",
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "fields")
		var fields []reflect.StructField
		var content []reflect.Value
		for i := range n {
			v := reflect.ValueOf(rapid.SampledFrom(values).Draw(t, "value"))
			tag := rapid.SampledFrom(tags).Draw(t, "tag")
			fields = append(fields, reflect.StructField{
				Name: fmt.Sprintf("F%d", i), Type: v.Type(), Tag: reflect.StructTag(`json:"` + tag + `"`)})
			content = append(content, v)
		}
		s := reflect.New(reflect.StructOf(fields))
		for i, v := range content {
			s.Elem().Field(i).Set(v)
		}
		text, err := json.Marshal(s.Interface())
		require.NoError(t, err)
		var want any
		require.NoError(t, json.Unmarshal(text, &want))
		packed, err := codec.MsgPack.Append(nil, s.Interface())
		require.NoError(t, err)
		got, err := codec.MsgPack.Decode(packed)
		require.NoError(t, err)
		require.Equal(t, want, got)

		byJSON, byUs := reflect.New(s.Type().Elem()), reflect.New(s.Type().Elem())
		jsonErr := json.Unmarshal(text, byJSON.Interface())
		ourErr := codec.MsgPack.Unmarshal(packed, byUs.Interface())
		require.Equal(t, jsonErr == nil, ourErr == nil, "%v, %v", jsonErr, ourErr)
		if jsonErr == nil {
			require.Equal(t, byJSON.Interface(), byUs.Interface())
		}
	})
}
