package codec

import (
	"encoding/json"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// plan is what is worked out once per struct type. It is immutable.
type plan struct {
	typ    reflect.Type
	fields []plannedField
	byName map[string]*plannedField
	byFold map[string]*plannedField
}

type plannedField struct {
	field
	key    []byte                   // the name as msgpack
	omit   func(reflect.Value) bool // nil when the field is always present
	encode encodeFunc
	decode decodeFunc
}

var plans sync.Map // reflect.Type to *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

func newPlan(t reflect.Type) *plan {
	fields := fieldsOf(t)
	p := &plan{
		typ:    t,
		fields: make([]plannedField, len(fields)),
		byName: make(map[string]*plannedField, len(fields)),
		byFold: make(map[string]*plannedField, len(fields)),
	}
	for i, f := range fields {
		pf := &p.fields[i]
		*pf = plannedField{field: f, omit: omitFunc(f), encode: encoderOf(f.typ), decode: decoderOf(f.typ)}
		switch {
		case f.quoted:
			pf.encode, pf.decode = encodeQuoted, decodeQuoted
		case !f.exported:
			pf.encode, pf.decode = encodeUnexported, decodeUnexported
		}
		pf.key, _ = msgpack.Marshal(f.name)
		p.byName[f.name] = pf
		if folded := fold([]byte(f.name)); p.byFold[folded] == nil {
			p.byFold[folded] = pf
		}
	}
	return p
}

// encode encodes a struct as a map.
func (p *plan) encode(e *encoder, v reflect.Value) error {
	head := len(e.out)
	if err := e.enterMap(len(p.fields)); err != nil {
		return err
	}
	body := len(e.out)
	n := 0
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.of(v)
		if !ok || f.omit != nil && f.omit(fv) {
			continue
		}
		n++
		e.out = append(e.out, f.key...)
		if err := f.encode(e, fv); err != nil {
			return within(err, "."+f.name)
		}
	}
	if n < len(p.fields) {
		patchCount(e.out[head:body], n)
	}
	e.depth--
	return nil
}

// patchCount lowers the count in the head of a map, whose form stays the same.
func patchCount(head []byte, n int) {
	if len(head) == 1 {
		head[0] = 0x80 | byte(n)
		return
	}
	for i := len(head) - 1; i > 0; i-- {
		head[i] = byte(n)
		n >>= 8
	}
}

// of finds the field in a struct; there is none when an embedded pointer on the way is nil.
func (f *plannedField) of(v reflect.Value) (reflect.Value, bool) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// encodeQuoted encodes the JSON text of a value as a string.
func encodeQuoted(e *encoder, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return e.wire.EncodeNil()
		}
		v = v.Elem()
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return unencodable("the value has no JSON form for the string option of its tag")
	}
	return e.string(string(text))
}

// encodeUnexported encodes an embedded struct that has a tag but no exported name. Reflection shows its exported
// fields, and lets nobody call its methods.
func encodeUnexported(e *encoder, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return e.wire.EncodeNil()
		}
		v = v.Elem()
	}
	return planOf(v.Type()).encode(e, v)
}

// decodeUnexported is the counterpart of encodeUnexported.
func decodeUnexported(d *decoder, t token, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() && t.kind != kindNil {
			return d.failed("the embedded pointer %s cannot be set, since it is not exported", v.Type())
		}
		v = v.Elem()
	}
	if t.kind == kindNil {
		return nil
	}
	return planOf(v.Type()).decode(d, t, v)
}

// omitFunc combines omitempty and omitzero.
func omitFunc(f field) func(reflect.Value) bool {
	zero := isZeroFunc(f.typ)
	switch {
	case f.omitEmpty && f.omitZero:
		return func(v reflect.Value) bool { return isEmpty(v) || zero(v) }
	case f.omitEmpty:
		return isEmpty
	case f.omitZero:
		return zero
	}
	return nil
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}

// zeroer is what omitzero asks, where a type has an opinion.
type zeroer interface{ IsZero() bool }

func isZeroFunc(t reflect.Type) func(reflect.Value) bool {
	zeroerType := reflect.TypeFor[zeroer]()
	switch {
	case t.Implements(zeroerType):
		return func(v reflect.Value) bool { return isNil(v) || v.Interface().(zeroer).IsZero() }
	case reflect.PointerTo(t).Implements(zeroerType):
		return func(v reflect.Value) bool {
			if !v.CanAddr() {
				boxed := reflect.New(v.Type()).Elem()
				boxed.Set(v)
				v = boxed
			}
			return v.Addr().Interface().(zeroer).IsZero()
		}
	}
	return reflect.Value.IsZero
}

// isNil reports whether v is a nil pointer, or an interface that is nil or holds a nil pointer.
func isNil(v reflect.Value) bool {
	if v.Kind() == reflect.Interface {
		return v.IsNil() || isNil(v.Elem())
	}
	return v.Kind() == reflect.Pointer && v.IsNil()
}
