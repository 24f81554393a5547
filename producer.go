package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// RecordMetadata says where a record went.
type RecordMetadata struct {
	Topic      string
	Partition  int
	Offset     int64 // -1 when the record was not appended, or with AcksNone when that is not known yet
	Timestamp  time.Time
	Durability Durability // the level that was reached when the send returned
}

// Producer sends messages to one topic. It opens with the first send. All methods may be called concurrently.
type Producer struct {
	client *Client
	topic  string
	config producerConfig
	opener opener
	back   background // for AcksNone
}

// Producer makes a producer for a topic. One that is not needed any more need not be closed, unless its acks are AcksNone
// or it has an ID.
func (c *Client) Producer(topic string, opts ...ProducerOption) *Producer {
	p := &Producer{client: c, topic: topic, config: c.producerConfig(opts)}
	p.opener = opener{client: c, topic: topic, config: p.config}
	if p.config.Acks == AcksNone || p.config.ID != "" {
		p.opener.owner = p
	}
	p.back.opener = &p.opener
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
	s := scratches.Get().(*scratch)
	defer s.free()
	return p.sendOne(ctx, s, engine.AnyPartition, &m)
}

// SendTo sends a message to a partition of the caller's choice.
func (p *Producer) SendTo(ctx context.Context, partition int, m Message) (RecordMetadata, error) {
	if err := checkPartition(p.topic, partition); err != nil {
		return RecordMetadata{}, err
	}
	s := scratches.Get().(*scratch)
	defer s.free()
	if err := p.sendOne(ctx, s, int32(partition), &m); err != nil {
		return RecordMetadata{}, err
	}
	return s.metadata(p.topic, 0), nil
}

func checkPartition(topic string, partition int) error {
	if partition < 0 || partition > 1<<31-1 {
		return engine.Errorf(ErrPartitionNotFound, "partitions count from 0").At(topic, partition)
	}
	return nil
}

// SendBatch sends messages, those of one partition in one batch, which is written whole or not at all; messages that
// together exceed the batch size make several. When one message cannot be encoded none is sent.
func (p *Producer) SendBatch(ctx context.Context, ms []Message) error {
	s := scratches.Get().(*scratch)
	defer s.free()
	return p.sendAll(ctx, s, ms)
}

// Produce is SendBatch that says where each message went. After an error the metadata of those that were written have
// an offset, the others -1; there are none when nothing was sent.
func (p *Producer) Produce(ctx context.Context, ms ...Message) ([]RecordMetadata, error) {
	s := scratches.Get().(*scratch)
	defer s.free()
	err := p.sendAll(ctx, s, ms)
	mds := make([]RecordMetadata, len(s.records))
	for i := range mds {
		mds[i] = s.metadata(p.topic, i)
	}
	return mds, err
}

func (p *Producer) sendOne(ctx context.Context, s *scratch, partition int32, m *Message) error {
	return p.deliver(ctx, s, func(o *opened) error { return s.encodeOne(p.topic, partition, o.codec, m) })
}

func (p *Producer) sendAll(ctx context.Context, s *scratch, ms []Message) error {
	return p.deliver(ctx, s, func(o *opened) error { return s.encode(p.topic, engine.AnyPartition, o.codec, ms) })
}

// deliver encodes and sends records, for the background with AcksNone.
func (p *Producer) deliver(ctx context.Context, s *scratch, encode func(*opened) error) error {
	if p.config.Acks != AcksNone {
		return p.write(ctx, s, encode)
	}
	o, err := p.opener.open(ctx)
	if err != nil {
		return err
	}
	if err := encode(o); err != nil {
		return err
	}
	return p.buffer(ctx, o, s)
}

// write encodes and sends records: again, if the topic was made anew with another codec since it was opened.
func (p *Producer) write(ctx context.Context, s *scratch, encode func(*opened) error) error {
	for {
		o, err := p.opener.open(ctx)
		if err != nil {
			return err
		}
		if err := encode(o); err != nil {
			return err
		}
		if s.durability, err = p.opener.produce(ctx, o, s.records); !errors.Is(err, engine.ErrOtherCodec) {
			return err
		}
		s.reset()
	}
}

// buffer leaves records to the background.
func (p *Producer) buffer(ctx context.Context, o *opened, s *scratch) error {
	back, err := p.back.get()
	if err != nil {
		return err
	}
	s.durability = DurabilityNone
	return back.add(ctx, o, s.records)
}

// Flush waits until what AcksNone left in the background is written, and returns the first error since the last Flush.
// With other acks there is nothing to wait for.
func (p *Producer) Flush(ctx context.Context) error { return p.back.flush(ctx) }

// Close waits for what AcksNone left in the background, and returns its first error that Flush did not. Sends after it
// are ErrClosed. It is idempotent.
func (p *Producer) Close() error {
	defer p.client.forget(p) // not before: the client's Close has to wait for it
	return p.close()
}

func (p *Producer) close() error { return errors.Join(p.back.close(), p.opener.close()) }
