package codec

import (
	"bytes"
	"encoding"

	"github.com/dot-do/kafka-embedded/engine"
)

// raw passes bytes through: []byte, string, and what can marshal itself to bytes. Nil encodes as no bytes.
type raw struct{}

func (raw) Name() string { return "raw" }

func (raw) Append(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return dst, nil
	case []byte:
		return append(dst, v...), nil
	case string:
		return append(dst, v...), nil
	case encoding.BinaryMarshaler:
		b, err := v.MarshalBinary()
		if err != nil {
			return dst, rawError(err, "MarshalBinary of %T failed with %T", v, err)
		}
		return append(dst, b...), nil
	}
	return dst, rawError(nil, "%T cannot be encoded: pass []byte, string or an encoding.BinaryMarshaler, "+
		"or choose the codec msgpack or json", v)
}

// Decode returns a copy of data, as a []byte that is never nil.
func (raw) Decode(data []byte) (any, error) { return append([]byte{}, data...), nil }

func (raw) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		if v != nil {
			*v = append([]byte{}, data...)
			return nil
		}
	case *string:
		if v != nil {
			*v = string(data)
			return nil
		}
	case *any:
		if v != nil {
			*v = append([]byte{}, data...)
			return nil
		}
	case encoding.BinaryUnmarshaler:
		// A copy, so that an implementation that keeps or changes its argument does no harm.
		if err := v.UnmarshalBinary(bytes.Clone(data)); err != nil {
			return rawError(err, "UnmarshalBinary of %T failed with %T", v, err)
		}
		return nil
	}
	return engine.Errorf(engine.ErrInvalidArgument, "raw: cannot decode into %T: pass a pointer that is not nil to "+
		"[]byte, string or any, or an encoding.BinaryUnmarshaler", v)
}

// rawError has the cause beside its text and not in it, since the cause may quote the payload.
func rawError(cause error, format string, args ...any) error {
	e := engine.Errorf(engine.ErrSerialization, "raw: "+format, args...)
	e.Err = cause
	return e
}
