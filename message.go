package kafka

import (
	"time"
	"unsafe"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
	"github.com/dot-do/kafka-embedded/record"
)

// Message is a record, on its way in or out.
//
// On the way in Value is encoded with the topic's codec; nil is a tombstone. An empty Key is no key. A zero Timestamp is
// the time of the append. Partition and Offset are ignored.
//
// On the way out Value has the types that encoding/json would give it (map[string]any, []any, float64, string, bool,
// nil), except that integers beyond ±2^53 stay int64 or uint64, bytes stay []byte and times stay time.Time. A Message is
// for one goroutine at a time. Its bytes are shared with others of the same poll and must not be written to.
type Message struct {
	Topic     string
	Partition int
	Offset    int64
	Key       string
	Value     any
	Timestamp time.Time
	Headers   map[string]string

	record  *record.Record // nil on the way in
	source  *source        // what it was received from, or nil
	forward bool           // record is to be sent on as it is
	label   codec.Label    // of the record
}

// Header is a header as it is stored; a key may stand more than once.
type Header = record.Header

// Bytes is the encoded value; nil for a tombstone.
func (m *Message) Bytes() []byte {
	if m.record == nil {
		return nil
	}
	return m.record.Value
}

// KeyBytes is the key as it is stored; nil when there is none.
func (m *Message) KeyBytes() []byte {
	if m.record == nil {
		return nil
	}
	return m.record.Key
}

// RawHeaders are all headers in order, also those whose key stands more than once, and the one that says what the value is
// encoded with where records have it, on a cluster.
func (m *Message) RawHeaders() []Header {
	if m.record == nil {
		return nil
	}
	return m.record.AppendHeaders(nil)
}

// Decode decodes the value into what v points to, losing nothing.
func (m *Message) Decode(v any) error {
	if m.record == nil {
		return engine.Errorf(ErrInvalidArgument, "the message was not received")
	}
	c, err := m.label.Codec(m.source.codec)
	if err == nil {
		err = c.Unmarshal(m.record.Value, v)
	}
	return m.place(err)
}

// Forward is the message with its value, key, headers and timestamp as they are stored, to send to another topic with
// the same codec.
func (m *Message) Forward() Message {
	return Message{Key: m.Key, Value: m.Value, Timestamp: m.Timestamp, Headers: m.Headers, record: m.record, source: m.source, forward: true}
}

// place puts the message's place into an error about its value.
func (m *Message) place(err error) error {
	if err == nil {
		return nil
	}
	e := engine.Errorf(ErrSerialization, "offset %d: %w", m.Offset, err)
	return e.At(m.Topic, m.Partition)
}

// receive fills in a new message from a record, all but its value. Field by field: a composite literal is copied as a
// whole, with a write barrier for all of it.
func (m *Message) receive(s *source, r *record.Record) {
	m.Topic, m.Partition, m.Offset = s.tp.Topic, int(s.tp.Partition), r.Offset
	m.Key, m.Timestamp = text(r.Key), time.UnixMilli(r.Timestamp)
	m.record, m.source = r, s
	if r.NumHeaders > 0 {
		m.Headers = make(map[string]string, r.NumHeaders)
		for h := range r.Headers() {
			if h.Key == engine.CodecHeader {
				m.label = codec.Read(h.Value)
				continue
			}
			m.Headers[h.Key] = string(h.Value)
		}
	}
}

// text shows bytes that are never written to as a string, without a copy.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// decode decodes the value.
func (m *Message) decode() error {
	if m.record.Value == nil {
		return nil
	}
	c, err := m.label.Codec(m.source.codec)
	if err == nil {
		m.Value, err = c.Decode(m.record.Value)
	}
	return m.place(err)
}
