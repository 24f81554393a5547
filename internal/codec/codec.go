// Package codec turns message values into bytes and back.
//
// Three codecs exist: [MsgPack] (the default), [JSON] and [Raw]. The first two see a Go value through the same rules,
// those of encoding/json: `json` tags, embedding, omitempty, omitzero, the string option, [json.Marshaler] and
// [encoding.TextMarshaler]. So a type needs to be described once, and a topic's codec is no concern of the type.
//
// Errors match [engine.ErrSerialization]. They carry places, Go types and sizes, never keys or values of the payload.
// The cause, when a method of the caller's own type failed, can be had with errors.Is and errors.As.
package codec

import "github.com/dot-do/kafka-embedded/engine"

// Codec encodes and decodes the values of a topic. All methods may be called concurrently, provided that nobody changes
// the value that is being encoded.
type Codec interface {
	// Name is what the topic's configuration calls the codec: msgpack, json or raw.
	Name() string
	// Append appends the encoding of v to dst and returns the extended slice. It keeps no reference to v. After an
	// error the result is dst as it was, although bytes beyond its length may have been written.
	Append(dst []byte, v any) ([]byte, error)
	// Decode decodes exactly one value into the types that encoding/json uses for an any: nil, bool, float64, string,
	// []any and map[string]any. Integers beyond ±2^53, which a float64 cannot hold, stay int64, or uint64 when they
	// are beyond int64. The result shares no memory with data.
	Decode(data []byte) (any, error)
	// Unmarshal decodes exactly one value into what v, a non-nil pointer, points to. After an error that may have been
	// changed in part. The result shares no memory with data.
	Unmarshal(data []byte, v any) error
}

// The codecs.
var (
	MsgPack Codec = msgPack{}
	JSON    Codec = jsonCodec{}
	Raw     Codec = raw{}
)

// ByName finds a codec by its [Codec.Name]; the empty name is the default, [MsgPack]. Other names are
// [engine.ErrInvalidArgument].
func ByName(name string) (Codec, error) {
	if name == "" {
		return MsgPack, nil
	}
	for _, c := range []Codec{MsgPack, JSON, Raw} {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, engine.Errorf(engine.ErrInvalidArgument, "no codec is called %q: use msgpack, json or raw", name)
}
