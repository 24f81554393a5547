package codec

import (
	"bytes"
	"encoding"
	"reflect"
	"strconv"
)

func decodePointer(t reflect.Type) decodeFunc {
	elem := elemDecoder(t)
	return func(d *decoder, tok token, v reflect.Value) error {
		if tok.kind == kindNil {
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
		}
		return d.follow(elem(), tok, v)
	}
}

// follow decodes into what the pointer p points to. Pointers may lead in a circle.
func (d *decoder) follow(decode decodeFunc, t token, p reflect.Value) error {
	if d.hops == 2*maxDepth {
		return d.failed("the target %s refers to itself", p.Type())
	}
	d.hops++
	err := decode(d, t, p.Elem())
	d.hops--
	return err
}

// decodeInterface fills what a pointer in the interface points to, or replaces the interface with an untyped value.
func decodeInterface(d *decoder, t token, v reflect.Value) error {
	if t.kind == kindNil {
		v.SetZero()
		return nil
	}
	if p := v.Elem(); p.Kind() == reflect.Pointer && !p.IsNil() {
		return d.follow(decoderOf(p.Type().Elem()), t, p)
	}
	if v.NumMethod() > 0 {
		return d.mismatch(t, v)
	}
	value, err := d.any(t)
	if err != nil {
		return err
	}
	v.Set(reflect.ValueOf(value))
	return nil
}

// maxSlice bounds the memory of one slice. A large element may stand for a single byte of input.
const maxSlice = 1 << 30

func decodeSlice(t reflect.Type) decodeFunc {
	elem, isBytes, size := elemDecoder(t), isByte(t.Elem()), uint64(t.Elem().Size())
	return func(d *decoder, tok token, v reflect.Value) error {
		switch {
		case tok.kind == kindNil:
			v.SetZero()
			return nil
		case isBytes && (tok.kind == kindBin || tok.kind == kindString):
			v.SetBytes(bytes.Clone(tok.body))
			return nil
		case tok.kind != kindArray:
			return d.mismatch(tok, v)
		}
		if tok.num*size > maxSlice {
			return d.failed("%d elements of %s take more than %d bytes", tok.num, t.Elem(), uint64(maxSlice))
		}
		n := int(tok.num)
		if v.IsNil() || v.Cap() < n {
			v.Set(reflect.MakeSlice(t, n, n))
		} else {
			v.SetLen(n)
			v.Clear()
		}
		return d.elements(v, n, elem())
	}
}

// decodeArray fills an array, clears the elements that the input does not have, and drops those that it has beyond.
func decodeArray(t reflect.Type) decodeFunc {
	elem, isBytes := elemDecoder(t), isByte(t.Elem())
	return func(d *decoder, tok token, v reflect.Value) error {
		switch {
		case isBytes && tok.kind == kindBin:
			v.SetZero()
			reflect.Copy(v, reflect.ValueOf(tok.body))
			return nil
		case tok.kind != kindArray:
			return d.mismatch(tok, v)
		}
		n := int(tok.num)
		if err := d.elements(v, min(n, v.Len()), elem()); err != nil {
			return err
		}
		for i := n; i < v.Len(); i++ {
			v.Index(i).SetZero()
		}
		return d.skip(uint64(max(n-v.Len(), 0)), 0)
	}
}

func (d *decoder) elements(v reflect.Value, n int, decode decodeFunc) error {
	for i := range n {
		if err := decode(d, d.next(), v.Index(i)); err != nil {
			return within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	return nil
}

// decodeMap adds to the map that is there.
func decodeMap(t reflect.Type) decodeFunc {
	elem, setKey := elemDecoder(t), keyDecoder(t.Key())
	return func(d *decoder, tok token, v reflect.Value) error {
		switch {
		case tok.kind == kindNil:
			v.SetZero()
			return nil
		case tok.kind != kindMap || setKey == nil:
			return d.mismatch(tok, v)
		}
		n := int(tok.num)
		if v.IsNil() {
			v.Set(reflect.MakeMapWithSize(t, min(n, maxMapHint)))
		}
		if m, ok := v.Addr().Interface().(*map[string]any); ok {
			return d.object(*m, n)
		}
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		decode := elem()
		for range n {
			text, err := d.key(d.next())
			if err != nil {
				return err
			}
			key.SetZero()
			value.SetZero()
			if err := setKey(d, text, key); err != nil {
				return err
			}
			if err := decode(d, d.next(), value); err != nil {
				return within(err, "{}")
			}
			v.SetMapIndex(key, value)
		}
		return nil
	}
}

// keyDecoder finds how text becomes a key of type t; nil when it cannot.
func keyDecoder(t reflect.Type) func(*decoder, []byte, reflect.Value) error {
	if reflect.PointerTo(t).Implements(textUnmarshalerType) {
		return setTextKey
	}
	switch t.Kind() {
	case reflect.String:
		return func(_ *decoder, text []byte, v reflect.Value) error {
			v.SetString(string(text))
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setIntKey
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return setUintKey
	}
	return nil
}

func setTextKey(d *decoder, text []byte, v reflect.Value) error {
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(bytes.Clone(text)); err != nil {
		return d.methodFailed(v.Type(), "UnmarshalText", err)
	}
	return nil
}

func setIntKey(d *decoder, text []byte, v reflect.Value) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || v.OverflowInt(n) {
		return d.failed("the key of a map does not fit %s", v.Type())
	}
	v.SetInt(n)
	return nil
}

func setUintKey(d *decoder, text []byte, v reflect.Value) error {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || v.OverflowUint(n) {
		return d.failed("the key of a map does not fit %s", v.Type())
	}
	v.SetUint(n)
	return nil
}
