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
	owner  interface{ close() error } // what the client closes

	current atomic.Pointer[opened]
	mu      sync.Mutex
	closed  bool
}

type opened struct {
	producer engine.Producer
	codec    codec.Codec
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
		return nil, engine.Errorf(ErrClosed, "the producer is closed; open a new one").At(o.topic, -1)
	}
	c, err := o.client.topicCodec(ctx, o.topic)
	if err != nil {
		return nil, err
	}
	if err := o.client.keep(o.owner); err != nil {
		return nil, err
	}
	producer, err := o.client.engine.OpenProducer(ctx, o.config.ProducerConfig)
	if err != nil {
		return nil, err
	}
	p := &opened{producer: producer, codec: c}
	o.current.Store(p)
	return p, nil
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

// produce appends records, and tries again after an error that may go away when nothing was written.
func (o *opener) produce(ctx context.Context, p *opened, rs []engine.Record) (Durability, error) {
	backoff := o.config.backoff
	for attempt := 0; ; attempt++ {
		d, err := p.producer.Produce(ctx, o.topic, rs)
		if err == nil {
			return d, nil
		}
		if errors.Is(err, ErrTopicNotFound) {
			o.current.CompareAndSwap(p, nil) // one made anew may have another codec
		}
		if !IsRetriable(err) || attempt >= o.config.retries || written(rs) {
			return d, err
		}
		if clock.Sleep(ctx, o.client.config.Clock, backoff) != nil {
			return d, err
		}
		backoff = min(2*backoff, time.Minute)
	}
}

func written(rs []engine.Record) bool {
	for i := range rs {
		if rs[i].Offset >= 0 {
			return true
		}
	}
	return false
}

func (o *opener) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if p := o.current.Swap(nil); p != nil {
		return p.producer.Close()
	}
	return nil
}
