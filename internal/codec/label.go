package codec

import (
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// Label is the codec that a record names in its header [engine.CodecHeader]. Zero is none.
type Label uint8

// The labels, in the order of labelled; unknown stands for a name that no codec has.
const (
	unknown Label = 1 + iota
	first
)

var labelled = [...]Codec{MsgPack, JSON, Raw}

// Read is the label that a header's value stands for.
func Read(name []byte) Label {
	for i, c := range labelled {
		if string(name) == c.Name() {
			return first + Label(i)
		}
	}
	return unknown
}

// Of is the label of a record.
func Of(r *record.Record) Label {
	if r.NumHeaders == 0 {
		return 0
	}
	for h := range r.Headers() {
		if h.Key == engine.CodecHeader {
			return Read(h.Value)
		}
	}
	return 0
}

// Codec is the codec that a label names, and otherwise topic, its topic's. A name that no codec has is
// [engine.ErrSerialization].
func (l Label) Codec(topic Codec) (Codec, error) {
	switch {
	case l == 0:
		return topic, nil
	case l == unknown:
		return nil, engine.Errorf(engine.ErrSerialization, "the header %s names a codec that there is not: "+
			"there are msgpack, json and raw", engine.CodecHeader)
	}
	return labelled[l-first], nil
}
