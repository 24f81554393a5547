package codec

import (
	"reflect"

	"github.com/dot-do/kafka-embedded/engine"
)

// msgPack is MessagePack with encoding/json's view of Go values.
//
// github.com/vmihailenco/msgpack/v5 writes the bytes. Its treatment of structs is not used: it differs from
// encoding/json in embedding, the string option, duplicate names, omitempty and text keys, and prints warnings to
// stderr. Its decoder is not used either: it allocates what a length claims before it has seen the bytes.
//
// Where this codec differs from encoding/json, msgpack can say more, or says it more exactly:
//
//   - []byte is binary, not base64, and stays []byte when decoded untyped; text decodes into []byte as its bytes.
//   - time.Time is a timestamp with nanoseconds, and stays time.Time when decoded untyped. The instant is kept, the
//     location is not: times come back in UTC. RFC 3339 text decodes into time.Time too.
//   - float32 keeps its exact value. NaN and infinities are allowed.
//   - Strings keep their bytes, also those that are not UTF-8.
//   - Values of a [json.Marshaler] and [json.Number] travel as what their JSON says, not as its text: key order and
//     digits of a fraction beyond a float64 are lost. An integer that neither 64 bits nor a float64 hold exactly is
//     refused.
//
// Integers take the shortest form. Map keys are written as text and sorted, so that equal values have equal bytes; when
// decoding, integer keys are accepted and become decimal text in an untyped map. Struct fields match their exact name,
// else regardless of case. A float without a fraction fits an integer field, as in JSON. Values nest up to 1,000 deep.
type msgPack struct{}

func (msgPack) Name() string { return "msgpack" }

func (msgPack) Append(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.out = dst
	err := e.any(v)
	out := e.out
	e.release()
	if err != nil {
		return dst, public("msgpack", err, reflect.TypeOf(v))
	}
	return out, nil
}

func (msgPack) Decode(data []byte) (any, error) {
	d := decoder{reader: reader{data: data}}
	if err := d.check(); err != nil {
		return nil, public("msgpack", err, nil)
	}
	d.shareText()
	v, err := d.any(d.next())
	if err != nil {
		return nil, public("msgpack", err, nil)
	}
	return v, nil
}

func (m msgPack) Unmarshal(data []byte, v any) error {
	if p, ok := v.(*any); ok && p != nil && *p == nil {
		decoded, err := m.Decode(data)
		*p = decoded
		return err
	}
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return engine.Errorf(engine.ErrInvalidArgument, "msgpack: cannot decode into %T: pass a pointer that is not nil", v)
	}
	d := decoder{reader: reader{data: data}}
	err := d.check()
	if err == nil {
		err = decoderOf(target.Type().Elem())(&d, d.next(), target.Elem())
	}
	if err != nil {
		return public("msgpack", err, target.Type().Elem())
	}
	return nil
}
