package kafka

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// opener opens the engine's producer for a topic when it is first needed, and makes the topic if that is allowed.
type opener struct {
	client *Client
	topic  string
	config producerConfig
	owner  interface{ close() error } // what the client has to close; nil when the client need not know of it

	current atomic.Pointer[opened]
	mu      sync.Mutex
	closed  bool
}

// opened is an engine's producer, and the codec that the topic had when it was opened.
type opened struct {
	producer engine.Producer
	codec    codec.Codec
	shared   bool // with others of the client
}

func (o *opener) open(ctx context.Context) (*opened, error) {
	if p := o.current.Load(); p != nil {
		return p, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.current.Load(); p != nil {
		return p, nil
	}
	if o.closed {
		return nil, errProducerClosed(o.topic)
	}
	p, err := o.openNow(ctx)
	if err == nil {
		o.current.Store(p)
	}
	return p, err
}

func errProducerClosed(topic string) error {
	return engine.Errorf(ErrClosed, "the producer is closed; open a new one").At(topic, -1)
}

func (o *opener) openNow(ctx context.Context) (*opened, error) {
	c, err := o.client.topicCodec(ctx, o.topic)
	if err != nil {
		return nil, err
	}
	if o.owner != nil {
		if err := o.client.keep(o.owner); err != nil {
			return nil, err
		}
	}
	config := o.config.ProducerConfig
	config.Codec = c.Name()
	p := &opened{codec: c, shared: config.ID == ""}
	if p.shared {
		p.producer, err = o.client.sharedProducer(ctx, config)
	} else {
		p.producer, err = o.client.engine.OpenProducer(ctx, config)
	}
	return p, err
}

// sharedProducer opens an engine's producer for a configuration, once for all that send with it: programs that make a
// producer for each message then leave nothing behind, and records without a key still go around the partitions.
func (c *Client) sharedProducer(ctx context.Context, config engine.ProducerConfig) (engine.Producer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClientClosed()
	}
	if p := c.producers[config]; p != nil {
		return p, nil
	}
	p, err := c.engine.OpenProducer(ctx, config)
	if err == nil {
		c.producers[config] = p
	}
	return p, err
}

// topicCodec is the codec of a topic, which is made if that is allowed.
func (c *Client) topicCodec(ctx context.Context, topic string) (codec.Codec, error) {
	info, err := c.engine.DescribeTopic(ctx, topic)
	if errors.Is(err, ErrTopicNotFound) && !c.config.NoAutoCreateTopics {
		if err := c.engine.CreateTopic(ctx, topic, engine.TopicConfig{}); err != nil && !errors.Is(err, ErrTopicExists) {
			return nil, err
		}
		info, err = c.engine.DescribeTopic(ctx, topic)
	}
	if err != nil {
		return nil, err
	}
	return codec.ByName(info.Config.Codec)
}

// produce appends records. What could not be appended, for a reason that may go away, is tried again.
func (o *opener) produce(ctx context.Context, p *opened, rs []engine.Record) (Durability, error) {
	d, err := p.producer.Produce(ctx, o.topic, rs)
	if err == nil {
		return d, nil
	}
	if errors.Is(err, engine.ErrOtherCodec) {
		o.current.CompareAndSwap(p, nil)
		if !p.shared {
			err = errors.Join(err, p.producer.Close())
		}
		return d, err
	}
	backoff := o.config.backoff
	for attempt := 0; attempt < o.config.retries && IsRetriable(err) && ctx.Err() == nil; attempt++ {
		if clock.Sleep(ctx, o.client.config.Clock, backoff) != nil {
			return d, err
		}
		backoff = min(2*backoff, time.Minute)
		if d, err = o.produceRest(ctx, p, rs); err == nil {
			return d, nil
		}
	}
	return d, err
}

// produceRest appends those records that were not appended yet: those of a partition are a tail of it, so their order
// stays.
func (o *opener) produceRest(ctx context.Context, p *opened, rs []engine.Record) (Durability, error) {
	var rest []engine.Record
	var indexes []int
	for i := range rs {
		if rs[i].Offset < 0 {
			rest, indexes = append(rest, rs[i]), append(indexes, i)
		}
	}
	d, err := p.producer.Produce(ctx, o.topic, rest)
	for j, i := range indexes {
		rs[i] = rest[j]
	}
	return d, err
}

func (o *opener) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if p := o.current.Swap(nil); p != nil && !p.shared {
		return p.producer.Close()
	}
	return nil
}
