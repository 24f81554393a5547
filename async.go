package kafka

import (
	"context"
	"errors"

	"github.com/dot-do/kafka-embedded/engine"
)

// AsyncProducer sends messages to one topic in the background, many in a batch, in the order of the calls. It opens with
// the first send. All methods may be called concurrently.
//
// Messages that wait take up to 32 MiB; a send that finds them full waits for room. What happened to a message is told
// by its [Delivery], by Reports, and, the first error only, by Flush and Close.
type AsyncProducer struct {
	client  *Client
	topic   string
	opener  opener
	back    background
	reports reports
}

// AsyncProducer makes an asynchronous producer for a topic. It must be closed, or its client.
func (c *Client) AsyncProducer(topic string, opts ...ProducerOption) *AsyncProducer {
	p := &AsyncProducer{client: c, topic: topic}
	p.opener = opener{client: c, topic: topic, config: c.producerConfig(opts), owner: p}
	p.back = background{opener: &p.opener, reports: &p.reports}
	return p
}

// Send takes a message, whose value is encoded before it returns, and promises to tell where it went. It only waits for
// the topic to be opened, and for room. When ctx ends meanwhile, or the message cannot be taken for another reason, the
// delivery has the error already. Later ctx has no influence.
func (p *AsyncProducer) Send(ctx context.Context, m Message) *Delivery {
	return p.send(ctx, engine.AnyPartition, &m)
}

// SendTo is Send to a partition of the caller's choice.
func (p *AsyncProducer) SendTo(ctx context.Context, partition int, m Message) *Delivery {
	if err := checkPartition(p.topic, partition); err != nil {
		return p.refuse(&m, err)
	}
	return p.send(ctx, int32(partition), &m)
}

func (p *AsyncProducer) send(ctx context.Context, partition int32, m *Message) *Delivery {
	d, err := p.add(ctx, partition, m)
	if err != nil {
		return p.refuse(m, err)
	}
	return d
}

func (p *AsyncProducer) add(ctx context.Context, partition int32, m *Message) (*Delivery, error) {
	o, err := p.opener.open(ctx)
	if err != nil {
		return nil, err
	}
	s := scratches.Get().(*scratch)
	defer s.free()
	if err := s.encodeOne(p.topic, partition, o.codec, m); err != nil {
		return nil, err
	}
	back, err := p.back.get()
	if err != nil {
		return nil, err
	}
	return back.send(ctx, o, &s.records[0], m)
}

// refuse reports a message that was not taken.
func (p *AsyncProducer) refuse(m *Message, err error) *Delivery {
	one := parcel{outcome: &outcome{topic: p.topic}}
	d := one.add(newSlab(), m)
	one.resolve([]engine.Record{{Offset: -1}}, DurabilityNone, err)
	p.reports.add(&one)
	return d
}

// Reports returns the channel of the outcomes of all sends since the first one; Close closes it. Reports that are not
// read never hold up a send: of those the newest 65,536 are kept, of at most 32 MiB of messages, and Dropped counts the
// others. The first call takes 6 MB for the channel.
func (p *AsyncProducer) Reports() <-chan DeliveryReport { return p.reports.open() }

// Dropped counts the reports that nobody read in time.
func (p *AsyncProducer) Dropped() int64 { return p.reports.dropped.Load() }

// Flush waits until all messages sent before have their outcome, or ctx ends. It returns the first error of a message
// since the last Flush; the others are in the deliveries and reports.
func (p *AsyncProducer) Flush(ctx context.Context) error { return p.back.flush(ctx) }

// Close is Flush without a limit in time, and ends the producer: later sends are ErrClosed, and Reports is closed behind
// what is in it. It is idempotent.
func (p *AsyncProducer) Close() error {
	defer p.client.forget(p) // not before: the client's Close has to wait for it
	return p.close()
}

func (p *AsyncProducer) close() error {
	err := errors.Join(p.back.close(), p.opener.close())
	p.reports.close()
	return err
}
