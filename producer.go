package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
	"github.com/dot-do/kafka-embedded/record"
)

// RecordMetadata says where a record went.
type RecordMetadata struct {
	Topic      string
	Partition  int
	Offset     int64 // -1 with AcksNone, when it is not known yet
	Timestamp  time.Time
	Durability Durability // the level that was reached when the send returned
}

// Producer sends messages to one topic. It opens with the first send. All methods may be called concurrently.
type Producer struct {
	client *Client
	topic  string
	config producerConfig
	opener opener

	none sync.Once // makes background, for AcksNone
	back *accumulator
}

// Producer makes a producer for a topic.
func (c *Client) Producer(topic string, opts ...ProducerOption) *Producer {
	p := &Producer{client: c, topic: topic, config: c.producerConfig(opts)}
	p.opener = opener{client: c, topic: topic, config: p.config, owner: p}
	return p
}

func (c *Client) producerConfig(opts []ProducerOption) producerConfig {
	pc := producerConfig{retries: c.config.Retries, backoff: 100 * time.Millisecond}
	pc.AutoCreateTopics = !c.config.NoAutoCreateTopics
	for _, o := range opts {
		o.applyProducer(&pc)
	}
	return pc
}

// Send sends a message and returns when it is as durable as the acks ask for. A message that names another topic is
// ErrInvalidArgument. An error that says that the outcome is unknown means that the message may have been written.
func (p *Producer) Send(ctx context.Context, m Message) error {
	_, err := p.send(ctx, engine.AnyPartition, m)
	return err
}

// SendTo sends a message to a partition of the caller's choice.
func (p *Producer) SendTo(ctx context.Context, partition int, m Message) (RecordMetadata, error) {
	if partition < 0 || partition > 1<<31-1 {
		return RecordMetadata{}, engine.Errorf(ErrPartitionNotFound, "partitions count from 0").At(p.topic, partition)
	}
	return p.send(ctx, int32(partition), m)
}

func (p *Producer) send(ctx context.Context, partition int32, m Message) (RecordMetadata, error) {
	s := scratches.Get().(*scratch)
	defer s.free()
	if err := p.produce(ctx, s, partition, m); err != nil {
		return RecordMetadata{}, err
	}
	return s.metadata(p.topic, 0), nil
}

// SendBatch sends messages, those of one partition in one batch, which is written whole or not at all.
func (p *Producer) SendBatch(ctx context.Context, ms []Message) error {
	s := scratches.Get().(*scratch)
	defer s.free()
	return p.produce(ctx, s, engine.AnyPartition, ms...)
}

// Produce is SendBatch that says where each message went. After an error the metadata of those that were written have
// an offset, the others -1.
func (p *Producer) Produce(ctx context.Context, ms ...Message) ([]RecordMetadata, error) {
	s := scratches.Get().(*scratch)
	defer s.free()
	err := p.produce(ctx, s, engine.AnyPartition, ms...)
	mds := make([]RecordMetadata, len(s.records))
	for i := range mds {
		mds[i] = s.metadata(p.topic, i)
	}
	return mds, err
}

// produce encodes messages and hands them to the engine.
func (p *Producer) produce(ctx context.Context, s *scratch, partition int32, ms ...Message) error {
	o, err := p.opener.open(ctx)
	if err != nil {
		return err
	}
	if err := s.encode(p.topic, partition, o.codec, ms); err != nil {
		return err
	}
	if p.config.Acks == AcksNone {
		return p.buffer(ctx, s)
	}
	s.durability, err = p.opener.produce(ctx, o, s.records)
	return err
}

// buffer leaves records to the background.
func (p *Producer) buffer(ctx context.Context, s *scratch) error {
	p.none.Do(func() { p.back = newAccumulator(&p.opener) })
	s.durability = DurabilityNone
	for i := range s.records {
		if err := p.back.add(ctx, &s.records[i], nil); err != nil {
			return err
		}
	}
	return nil
}

// Close waits for what AcksNone left in the background. Sends after it are ErrClosed.
func (p *Producer) Close() error {
	p.client.forget(p)
	return p.close()
}

func (p *Producer) close() error {
	var err error
	p.none.Do(func() {}) // no accumulator is made any more
	if p.back != nil {
		err = p.back.close()
	}
	return errors.Join(err, p.opener.close())
}

// scratch is what one call needs for its records, kept for the next one.
type scratch struct {
	records    []engine.Record
	headers    []record.Header
	spans      []span
	bytes      []byte
	durability Durability
}

// span is where a message's key and value are in the bytes of a scratch.
type span struct{ key, value, end int }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// mostScratch is the memory that a scratch may keep.
const mostScratch = 1 << 20

func (s *scratch) free() {
	if cap(s.bytes) > mostScratch || cap(s.records) > 10_000 {
		return
	}
	clear(s.records)
	clear(s.headers)
	s.records, s.headers, s.spans, s.bytes = s.records[:0], s.headers[:0], s.spans[:0], s.bytes[:0]
	scratches.Put(s)
}

// encode makes records of messages: key and value into one buffer, by offsets first since it may move as it grows.
func (s *scratch) encode(topic string, partition int32, c codec.Codec, ms []Message) error {
	for i := range ms {
		m := &ms[i]
		if m.Topic != "" && m.Topic != topic {
			return engine.Errorf(ErrInvalidArgument, "message %d names topic %q", i, m.Topic).At(topic, -1)
		}
		sp := span{key: len(s.bytes)}
		s.bytes = append(s.bytes, m.Key...)
		sp.value = len(s.bytes)
		var err error
		if m.Value != nil && !m.forward {
			if s.bytes, err = c.Append(s.bytes, m.Value); err != nil {
				return engine.Errorf(ErrSerialization, "message %d: %w", i, err).At(topic, -1)
			}
		}
		sp.end = len(s.bytes)
		s.spans = append(s.spans, sp)
	}
	for i := range ms {
		m, sp := &ms[i], s.spans[i]
		r := engine.Record{Partition: partition, Timestamp: engine.NoTimestamp, Offset: -1}
		if m.Key != "" {
			r.Key = s.bytes[sp.key:sp.value:sp.value]
		}
		if m.Value != nil {
			r.Value = s.bytes[sp.value:sp.end:sp.end]
		}
		if !m.Timestamp.IsZero() {
			r.Timestamp = m.Timestamp.UnixMilli()
		}
		if m.forward {
			r.Key, r.Value, r.Headers = m.record.Key, m.record.Value, m.RawHeaders()
		} else if len(m.Headers) > 0 {
			r.Headers = s.encodeHeaders(m.Headers)
		}
		s.records = append(s.records, r)
	}
	return nil
}

// encodeHeaders puts headers in the order of their keys.
func (s *scratch) encodeHeaders(headers map[string]string) []record.Header {
	first := len(s.headers)
	for _, key := range slices.Sorted(maps.Keys(headers)) {
		s.headers = append(s.headers, record.Header{Key: key, Value: []byte(headers[key])})
	}
	return s.headers[first:len(s.headers):len(s.headers)]
}

func (s *scratch) metadata(topic string, i int) RecordMetadata {
	r := &s.records[i]
	return RecordMetadata{
		Topic: topic, Partition: int(r.Partition), Offset: r.Offset, Timestamp: time.UnixMilli(r.Timestamp), Durability: s.durability,
	}
}
