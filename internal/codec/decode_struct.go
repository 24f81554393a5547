package codec

import (
	"bytes"
	"reflect"
)

// decode fills the fields that the input names, passes over what the struct does not have, and leaves the rest.
func (p *plan) decode(d *decoder, t token, v reflect.Value) error {
	if t.kind != kindMap {
		return d.mismatch(t, v)
	}
	for i := range int(t.num) {
		f, err := p.next(d, i)
		if err != nil {
			return err
		}
		if f == nil {
			if err := d.skip(1, 0); err != nil {
				return err
			}
			continue
		}
		target, err := f.make(d, v)
		if err != nil {
			return err
		}
		if err := f.decode(d, d.next(), target); err != nil {
			return within(err, "."+f.name)
		}
	}
	return nil
}

// next takes a key off and finds its field, by the exact name, else regardless of case; nil when there is none. Guess
// is where the field stands if the input has the fields in our order and omits none.
func (p *plan) next(d *decoder, guess int) (*plannedField, error) {
	if guess < len(p.fields) {
		if f := &p.fields[guess]; bytes.HasPrefix(d.data[d.pos:], f.key) {
			d.pos += len(f.key)
			return f, nil
		}
	}
	name, err := d.key(d.next())
	if err != nil {
		return nil, err
	}
	if f := p.byName[string(name)]; f != nil {
		return f, nil
	}
	return p.byFold[fold(name)], nil
}

// make finds the field in a struct, and makes the embedded structs on the way where they are nil.
func (f *plannedField) make(d *decoder, v reflect.Value) (reflect.Value, error) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, d.failed("the embedded pointer to %s cannot be set, since it is not exported", v.Type().Elem())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, nil
}
