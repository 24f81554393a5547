package kafka

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
	"github.com/dot-do/kafka-embedded/record"
)

// scratch is what one call needs for its records, kept for the next one. Keys, and values that are bytes already, are not
// copied: until the call returns they are read where the caller has them.
type scratch struct {
	records []engine.Record
	headers []record.Header
	bytes   []byte // encoded values; slices of one that was outgrown keep it alive

	durability Durability
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// mostScratch is the memory that a scratch may keep.
const mostScratch = 1 << 20

func (s *scratch) free() {
	if cap(s.bytes) > mostScratch || cap(s.records) > 10_000 || cap(s.headers) > 10_000 {
		return
	}
	s.reset()
	scratches.Put(s)
}

func (s *scratch) reset() {
	clear(s.records)
	clear(s.headers)
	s.records, s.headers, s.bytes = s.records[:0], s.headers[:0], s.bytes[:0]
}

// encodeOne makes the record of a message.
func (s *scratch) encodeOne(topic string, partition int32, c codec.Codec, m *Message) error {
	s.records = slices.Grow(s.records[:0], 1)[:1]
	return s.record(0, topic, partition, c, m)
}

// encode makes the records of messages.
func (s *scratch) encode(topic string, partition int32, c codec.Codec, ms []Message) error {
	s.records = slices.Grow(s.records[:0], len(ms))[:len(ms)]
	for i := range ms {
		if err := s.record(i, topic, partition, c, &ms[i]); err != nil {
			s.reset()
			return err
		}
	}
	return nil
}

func (s *scratch) record(i int, topic string, partition int32, c codec.Codec, m *Message) error {
	if m.Topic != "" && m.Topic != topic {
		return engine.Errorf(ErrInvalidArgument, "message %d names topic %q", i, m.Topic).At(topic, -1)
	}
	r := &s.records[i]
	r.Partition, r.Timestamp, r.Offset = partition, engine.NoTimestamp, -1
	if !m.Timestamp.IsZero() {
		r.Timestamp = m.Timestamp.UnixMilli()
	}
	if m.forward {
		r.Key, r.Value, r.Headers = m.record.Key, m.record.Value, m.RawHeaders()
		return nil
	}
	if m.Key != "" {
		r.Key = bytesOf(m.Key)
	}
	if len(m.Headers) > 0 {
		r.Headers = s.encodeHeaders(m.Headers)
	}
	var err error
	if r.Value, err = s.value(c, m.Value); err != nil {
		return engine.Errorf(ErrSerialization, "message %d: %w", i, err).At(topic, -1)
	}
	return nil
}

// value encodes a value. Nil is a tombstone.
func (s *scratch) value(c codec.Codec, v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	if c == codec.Raw {
		switch v := v.(type) {
		case []byte:
			if v == nil {
				return []byte{}, nil
			}
			return v, nil
		case string:
			return bytesOf(v), nil
		}
	}
	first := len(s.bytes)
	var err error
	if s.bytes, err = c.Append(s.bytes, v); err != nil {
		return nil, err
	}
	if len(s.bytes) == first {
		return []byte{}, nil // which is not a tombstone
	}
	return s.bytes[first:len(s.bytes):len(s.bytes)], nil
}

// bytesOf shows a string as bytes, never nil, that must not be written to.
func bytesOf(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// encodeHeaders puts headers in the order of their keys.
func (s *scratch) encodeHeaders(headers map[string]string) []record.Header {
	first := len(s.headers)
	for key, value := range headers {
		if key == engine.CodecHeader {
			continue // it is the engine's to say
		}
		s.headers = append(s.headers, record.Header{Key: key, Value: bytesOf(value)})
	}
	added := s.headers[first:len(s.headers):len(s.headers)]
	slices.SortFunc(added, func(a, b record.Header) int { return strings.Compare(a.Key, b.Key) })
	return added
}

func (s *scratch) metadata(topic string, i int) RecordMetadata {
	r := &s.records[i]
	return RecordMetadata{
		Topic: topic, Partition: int(r.Partition), Offset: r.Offset, Timestamp: time.UnixMilli(r.Timestamp), Durability: s.durability,
	}
}
