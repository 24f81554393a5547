package kafka

import "github.com/dot-do/kafka-embedded/internal/codec"

// Codec encodes the values of a topic. It is fixed when the topic is created.
type Codec = codec.Codec

// The codecs. MsgPack and JSON follow the rules of encoding/json for struct tags; Raw takes bytes and strings as they
// are.
var (
	MsgPack = codec.MsgPack
	JSON    = codec.JSON
	Raw     = codec.Raw
)
