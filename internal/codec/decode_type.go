package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"
)

// decodeFunc decodes the value that begins with t into v, which can be set.
type decodeFunc func(d *decoder, t token, v reflect.Value) error

var decodeFuncs sync.Map // reflect.Type to decodeFunc

// decoderOf finds how to decode into t. It is worked out once per type.
func decoderOf(t reflect.Type) decodeFunc {
	if f, ok := decodeFuncs.Load(t); ok {
		return f.(decodeFunc)
	}
	f, _ := decodeFuncs.LoadOrStore(t, newDecodeFunc(t))
	return f.(decodeFunc)
}

// elemDecoder is decoderOf(t.Elem()), worked out at the first use: that is where recursive types come to an end.
func elemDecoder(t reflect.Type) func() decodeFunc {
	return sync.OnceValue(func() decodeFunc { return decoderOf(t.Elem()) })
}

func newDecodeFunc(t reflect.Type) decodeFunc {
	pointer := reflect.PointerTo(t)
	switch {
	case t == timeType:
		return decodeTime
	case t.Kind() == reflect.Pointer:
		return decodePointer(t)
	case pointer.Implements(unmarshalerType):
		return decodeJSON
	case pointer.Implements(textUnmarshalerType):
		return orNil(decodeText)
	case t == numberType:
		return orNil(decodeNumber)
	}
	switch t.Kind() {
	case reflect.Bool:
		return orNil(decodeBool)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return orNil(decodeInt)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return orNil(decodeUint)
	case reflect.Float32, reflect.Float64:
		return orNil(decodeFloat)
	case reflect.String:
		return orNil(decodeString)
	case reflect.Interface:
		return decodeInterface
	case reflect.Slice:
		return decodeSlice(t)
	case reflect.Array:
		return orNil(decodeArray(t))
	case reflect.Map:
		return decodeMap(t)
	case reflect.Struct:
		p := planOf(t)
		return orNil(p.decode)
	}
	return orNil(func(d *decoder, tok token, v reflect.Value) error { return d.mismatch(tok, v) })
}

// orNil gives nil the meaning that encoding/json gives null for types that have no nil: leave the value as it is.
func orNil(f decodeFunc) decodeFunc {
	return func(d *decoder, t token, v reflect.Value) error {
		if t.kind == kindNil {
			return nil
		}
		return f(d, t, v)
	}
}

// mismatch is the error for a token that v has no room for.
func (d *decoder) mismatch(t token, v reflect.Value) error {
	if t.kind == kindBad {
		return d.err
	}
	return d.failed("%s does not fit %s", t.kind, v.Type())
}

func decodeBool(d *decoder, t token, v reflect.Value) error {
	if t.kind != kindBool {
		return d.mismatch(t, v)
	}
	v.SetBool(t.num == 1)
	return nil
}

func decodeInt(d *decoder, t token, v reflect.Value) error {
	n := int64(t.num)
	switch t.kind {
	case kindInt:
	case kindFloat:
		f := math.Float64frombits(t.num)
		if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
			return d.mismatch(t, v)
		}
		n = int64(f)
	default:
		return d.mismatch(t, v)
	}
	if v.OverflowInt(n) {
		return d.mismatch(t, v)
	}
	v.SetInt(n)
	return nil
}

func decodeUint(d *decoder, t token, v reflect.Value) error {
	n := t.num
	switch t.kind {
	case kindUint:
	case kindInt:
		if int64(n) < 0 {
			return d.mismatch(t, v)
		}
	case kindFloat:
		f := math.Float64frombits(n)
		if f != math.Trunc(f) || f < 0 || f >= 1<<64 {
			return d.mismatch(t, v)
		}
		n = uint64(f)
	default:
		return d.mismatch(t, v)
	}
	if v.OverflowUint(n) {
		return d.mismatch(t, v)
	}
	v.SetUint(n)
	return nil
}

func decodeFloat(d *decoder, t token, v reflect.Value) error {
	f, ok := t.float()
	if !ok || v.OverflowFloat(f) {
		return d.mismatch(t, v)
	}
	v.SetFloat(f)
	return nil
}

// float is any number, rounded if need be.
func (t token) float() (float64, bool) {
	switch t.kind {
	case kindFloat:
		return math.Float64frombits(t.num), true
	case kindInt:
		return float64(int64(t.num)), true
	case kindUint:
		return float64(t.num), true
	}
	return 0, false
}

func decodeString(d *decoder, t token, v reflect.Value) error {
	if t.kind != kindString && t.kind != kindBin {
		return d.mismatch(t, v)
	}
	v.SetString(string(t.body))
	return nil
}

func decodeNumber(d *decoder, t token, v reflect.Value) error {
	switch t.kind {
	case kindInt:
		v.SetString(strconv.FormatInt(int64(t.num), 10))
	case kindUint:
		v.SetString(strconv.FormatUint(t.num, 10))
	case kindFloat:
		text, err := json.Marshal(math.Float64frombits(t.num))
		if err != nil {
			return d.mismatch(t, v)
		}
		v.SetString(string(text))
	case kindString:
		if s := string(t.body); s != "" && isNumber(s) {
			v.SetString(s)
			return nil
		}
		return d.mismatch(t, v)
	default:
		return d.mismatch(t, v)
	}
	return nil
}

func decodeTime(d *decoder, t token, v reflect.Value) error {
	p := v.Addr().Interface().(*time.Time)
	switch t.kind {
	case kindNil:
		return nil
	case kindString:
		if err := p.UnmarshalText(t.body); err != nil {
			return d.failed("a string is not a time in the form of RFC 3339")
		}
		return nil
	case kindExt:
		var err error
		*p, err = d.time(t)
		return err
	}
	return d.mismatch(t, v)
}

func decodeText(d *decoder, t token, v reflect.Value) error {
	if t.kind != kindString {
		return d.mismatch(t, v)
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(bytes.Clone(t.body)); err != nil {
		return d.methodFailed(v.Type(), "UnmarshalText", err)
	}
	return nil
}

// decodeJSON hands the value to UnmarshalJSON as JSON text.
func decodeJSON(d *decoder, t token, v reflect.Value) error {
	value, err := d.any(t)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return d.failed("the value for UnmarshalJSON of %s has no JSON form", v.Type())
	}
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(text); err != nil {
		return d.methodFailed(v.Type(), "UnmarshalJSON", err)
	}
	return nil
}

// decodeQuoted decodes a string that holds JSON text, for the string option.
func decodeQuoted(d *decoder, t token, v reflect.Value) error {
	switch t.kind {
	case kindNil:
		if v.Kind() == reflect.Pointer {
			v.SetZero()
		}
		return nil
	case kindString:
		if err := json.Unmarshal(t.body, v.Addr().Interface()); err == nil {
			return nil
		}
	}
	return d.failed("%s does not hold %s for the string option of its tag", t.kind, v.Type())
}

func (d *decoder) methodFailed(t reflect.Type, method string, cause error) error {
	f := methodFailed(t, method, cause)
	f.pos, f.size = d.start, len(d.data)
	return f
}
