package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"sync"
	"time"
)

// encodeFunc encodes values of one type.
type encodeFunc func(e *encoder, v reflect.Value) error

var (
	marshalerType       = reflect.TypeFor[json.Marshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType            = reflect.TypeFor[time.Time]()
	numberType          = reflect.TypeFor[json.Number]()
)

var encodeFuncs sync.Map // reflect.Type to encodeFunc

// encoderOf finds how to encode t. It is worked out once per type.
func encoderOf(t reflect.Type) encodeFunc {
	if f, ok := encodeFuncs.Load(t); ok {
		return f.(encodeFunc)
	}
	f, _ := encodeFuncs.LoadOrStore(t, newEncodeFunc(t, true))
	return f.(encodeFunc)
}

// elemEncoder is encoderOf(t.Elem()), worked out at the first use: that is where recursive types come to an end.
func elemEncoder(t reflect.Type) func() encodeFunc {
	return sync.OnceValue(func() encodeFunc { return encoderOf(t.Elem()) })
}

// newEncodeFunc chooses by method before kind, as encoding/json does: a method of the pointer is used when the value
// has an address, and otherwise as if it did not exist.
func newEncodeFunc(t reflect.Type, addressable bool) encodeFunc {
	plain := t.Kind() != reflect.Pointer
	pointer := reflect.PointerTo(t)
	switch {
	case t == timeType:
		return encodeTime
	case t.Kind() == reflect.Interface:
		return encodeInterface
	case t.Kind() == reflect.Pointer && t.Elem() == timeType:
		return encodePointer(t)
	case plain && addressable && pointer.Implements(marshalerType):
		return ifAddressable(encodeJSON, newEncodeFunc(t, false))
	case t.Implements(marshalerType):
		return encodeJSON
	case plain && addressable && pointer.Implements(textMarshalerType):
		return ifAddressable(encodeText, newEncodeFunc(t, false))
	case t.Implements(textMarshalerType):
		return encodeText
	}
	return encodeByKind(t)
}

func encodeByKind(t reflect.Type) encodeFunc {
	switch t.Kind() {
	case reflect.Bool:
		return func(e *encoder, v reflect.Value) error { return e.wire.EncodeBool(v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(e *encoder, v reflect.Value) error { return e.wire.EncodeInt(v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(e *encoder, v reflect.Value) error { return e.wire.EncodeUint(v.Uint()) }
	case reflect.Float32:
		return func(e *encoder, v reflect.Value) error { return e.wire.EncodeFloat32(float32(v.Float())) }
	case reflect.Float64:
		return func(e *encoder, v reflect.Value) error { return e.wire.EncodeFloat64(v.Float()) }
	case reflect.String:
		if t == numberType {
			return func(e *encoder, v reflect.Value) error { return e.number(json.Number(v.String())) }
		}
		return func(e *encoder, v reflect.Value) error { return e.string(v.String()) }
	case reflect.Pointer:
		return encodePointer(t)
	case reflect.Slice:
		return encodeSlice(t)
	case reflect.Array:
		return encodeElements(t)
	case reflect.Map:
		return encodeMap(t)
	case reflect.Struct:
		p := planOf(t)
		return p.encode
	}
	return func(*encoder, reflect.Value) error { return unencodable("%s cannot be encoded", t) }
}

func ifAddressable(yes, no encodeFunc) encodeFunc {
	return func(e *encoder, v reflect.Value) error {
		if v.CanAddr() {
			return yes(e, v.Addr())
		}
		return no(e, v)
	}
}

func encodeTime(e *encoder, v reflect.Value) error {
	if v.CanAddr() {
		return e.wire.EncodeTime(*v.Addr().Interface().(*time.Time)) // does not copy it to the heap
	}
	return e.wire.EncodeTime(v.Interface().(time.Time))
}

func encodeInterface(e *encoder, v reflect.Value) error {
	if v.IsNil() {
		return e.wire.EncodeNil()
	}
	return e.any(v.Interface())
}

func encodeJSON(e *encoder, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return e.wire.EncodeNil()
	}
	text, err := v.Interface().(json.Marshaler).MarshalJSON()
	if err != nil {
		return methodFailed(v.Type(), "MarshalJSON", err)
	}
	err = e.jsonText(text)
	if _, ours := err.(*failure); err != nil && !ours {
		return unencodable("MarshalJSON of %s did not return JSON", v.Type())
	}
	return err
}

func encodeText(e *encoder, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return e.wire.EncodeNil()
	}
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return methodFailed(v.Type(), "MarshalText", err)
	}
	return e.string(string(text))
}

func encodePointer(t reflect.Type) encodeFunc {
	elem := elemEncoder(t)
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			return e.wire.EncodeNil()
		}
		if e.hops == 2*maxDepth {
			return unencodable("it refers to itself")
		}
		e.hops++
		err := elem()(e, v.Elem())
		e.hops--
		return err
	}
}

func encodeSlice(t reflect.Type) encodeFunc {
	elements := encodeElements(t)
	if isByte(t.Elem()) {
		elements = func(e *encoder, v reflect.Value) error { return e.bytes(v.Bytes()) }
	}
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			return e.wire.EncodeNil()
		}
		return elements(e, v)
	}
}

// isByte reports whether slices of t are binary rather than arrays of numbers.
func isByte(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return t.Kind() == reflect.Uint8 && !pointer.Implements(marshalerType) && !pointer.Implements(textMarshalerType)
}

func encodeElements(t reflect.Type) encodeFunc {
	elem := elemEncoder(t)
	return func(e *encoder, v reflect.Value) error {
		n := v.Len()
		if err := e.enterArray(n); err != nil {
			return err
		}
		encode := elem()
		for i := range n {
			if err := encode(e, v.Index(i)); err != nil {
				return within(err, "["+strconv.Itoa(i)+"]")
			}
		}
		e.depth--
		return nil
	}
}

func encodeMap(t reflect.Type) encodeFunc {
	keyText := keyEncoder(t.Key())
	if keyText == nil {
		return func(*encoder, reflect.Value) error {
			return unencodable("%s cannot be encoded: keys must be strings, integers or an encoding.TextMarshaler", t)
		}
	}
	elem := elemEncoder(t)
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			return e.wire.EncodeNil()
		}
		if err := e.enterMap(v.Len()); err != nil {
			return err
		}
		entries := make([]entry, 0, v.Len())
		for iter := v.MapRange(); iter.Next(); {
			key, err := keyText(iter.Key())
			if err != nil {
				return err
			}
			entries = append(entries, entry{key, iter.Value()})
		}
		if err := e.sortedEntries(entries, elem()); err != nil {
			return err
		}
		e.depth--
		return nil
	}
}

// keyEncoder finds how keys of type t become text; nil when they cannot.
func keyEncoder(t reflect.Type) func(reflect.Value) (string, error) {
	switch {
	case t.Kind() == reflect.String:
		return func(v reflect.Value) (string, error) { return v.String(), nil }
	case t.Implements(textMarshalerType):
		return textKey
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value) (string, error) { return strconv.FormatInt(v.Int(), 10), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(v reflect.Value) (string, error) { return strconv.FormatUint(v.Uint(), 10), nil }
	}
	return nil
}

func textKey(v reflect.Value) (string, error) {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return "", nil
	}
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return "", methodFailed(v.Type(), "MarshalText", err)
	}
	return string(text), nil
}
