package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// maxJSONDepth is how deep encoding/json reads.
const maxJSONDepth = 10000

// jsonCodec is encoding/json. An untyped Decode keeps integers that a float64 cannot hold, as [Codec] says; an any
// inside a typed value does not.
type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

// jsonEncoder writes what json.Marshal returns, and a newline, to a slice.
type jsonEncoder struct {
	out  []byte
	json *json.Encoder
}

var jsonEncoders = sync.Pool{New: func() any {
	e := new(jsonEncoder)
	e.json = json.NewEncoder(e)
	return e
}}

// Write appends to the output.
func (e *jsonEncoder) Write(b []byte) (int, error) {
	e.out = append(e.out, b...)
	return len(b), nil
}

func (jsonCodec) Append(dst []byte, v any) ([]byte, error) {
	e := jsonEncoders.Get().(*jsonEncoder)
	e.out = dst
	err := e.json.Encode(v)
	out := e.out
	e.out = nil
	jsonEncoders.Put(e)
	if err != nil {
		return dst, public("json", jsonUnencodable(v, err), reflect.TypeOf(v))
	}
	out = out[:len(out)-1]
	if jsonDepth(out[len(dst):]) > maxJSONDepth {
		err := unencodable("nested deeper than %d levels, which encoding/json would not read", maxJSONDepth)
		return dst, public("json", err, reflect.TypeOf(v))
	}
	return out, nil
}

// jsonUnencodable says why v has no JSON. Encoding/json names the type but not the path; the msgpack encoder, which
// sees values by the same rules, mostly fails at the same place and knows it.
func jsonUnencodable(v any, cause error) error {
	e := encoders.Get().(*encoder)
	err := e.any(v)
	e.release()
	if err != nil {
		return err
	}
	var value *json.UnsupportedValueError
	if errors.As(cause, &value) {
		return unencodable("a %s has no JSON form", value.Value.Type())
	}
	f := methodFailed(reflect.TypeOf(v), "MarshalJSON", cause)
	f.reason = "cannot be encoded: " + f.reason
	return f
}

// jsonDepth is how deep valid JSON nests. It spares itself the work when there cannot be too many levels.
func jsonDepth(text []byte) (deepest int) {
	if len(text) <= 2*maxJSONDepth {
		return 0
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}

func (jsonCodec) Decode(data []byte) (any, error) {
	var v any
	if !hasLongNumber(data) {
		if err := json.Unmarshal(data, &v); err != nil {
			return nil, jsonError(err, data, nil)
		}
		return v, nil
	}
	if err := unmarshalNumbers(data, &v); err != nil {
		return nil, jsonError(err, data, nil)
	}
	v, err := plainNumbers(v)
	if err != nil {
		return nil, jsonError(err, data, nil)
	}
	return v, nil
}

func (c jsonCodec) Unmarshal(data []byte, v any) error {
	if p, ok := v.(*any); ok && p != nil && *p == nil {
		decoded, err := c.Decode(data)
		*p = decoded
		return err
	}
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return engine.Errorf(engine.ErrInvalidArgument, "json: cannot decode into %T: pass a pointer that is not nil", v)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return jsonError(err, data, target.Type().Elem())
	}
	return nil
}

// hasLongNumber reports whether there may be an integer beyond ±2^53, which has 16 digits.
func hasLongNumber(data []byte) bool {
	run := 0
	for _, c := range data {
		if !isDigit(c) {
			run = 0
		} else if run++; run == 16 {
			return true
		}
	}
	return false
}

// unmarshalNumbers is json.Unmarshal into an any that has its numbers as json.Number.
func unmarshalNumbers(data []byte, v *any) error {
	if !json.Valid(data) { // a Decoder alone would accept bytes after the value
		return json.Unmarshal(data, new(any))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}

// plainNumbers replaces each json.Number in v by what an untyped Decode gives.
func plainNumbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return plainNumber(string(v))
	case []any:
		for i := range v {
			if v[i], err = plainNumbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = plainNumbers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func plainNumber(s string) (any, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil && i != 0 { // -0 is a float64
		return integer(i), nil
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil && u != 0 {
		return u, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err
}

// jsonError says where data could not be decoded. The text of the cause is left out, since it may quote the data.
func jsonError(cause error, data []byte, root reflect.Type) error {
	f := &failure{size: len(data), cause: cause}
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(cause, &syntax):
		f.pos, f.reason = int(syntax.Offset), "the syntax is wrong, or the value is cut short"
	case errors.As(cause, &mismatch):
		f.pos, f.reason = min(int(mismatch.Offset), len(data)), "a value does not fit "+mismatch.Type.String()
		if mismatch.Field != "" {
			f.path = []string{"." + mismatch.Field}
		}
	default:
		f.pos, f.reason = -1, "decoding failed with "+reflect.TypeOf(cause).String()
	}
	return public("json", f, root)
}
