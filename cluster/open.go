package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

// OpenConsumer opens a consumer. A member joins its group with its first Poll.
func (e *cluster) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (opened engine.Consumer, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		if c.Group != "" {
			if err := engine.ValidateName("group", c.Group); err != nil {
				return err
			}
		}
		if len(c.Topics) == 0 {
			return engine.Errorf(engine.ErrInvalidArgument, "a consumer needs a topic")
		}
		c.Topics = slices.Compact(slices.Sorted(slices.Values(c.Topics)))
		k := &consumer{
			e: e, config: c, places: map[engine.TopicPartition]*place{}, paused: map[engine.TopicPartition]bool{},
			missing: map[string]bool{},
		}
		if err := k.validate(); err != nil {
			return err
		}
		for _, topic := range c.Topics {
			if err := k.find(ctx, topic); err != nil {
				return err
			}
		}
		opened = k
		return e.keep(k)
	})
	return opened, err
}

// validate finds options that will not do now rather than in the first Poll.
func (c *consumer) validate() error {
	for _, name := range c.config.Assignors {
		if balancers[name] == nil {
			return engine.Errorf(engine.ErrInvalidArgument, "assignor %q: there are range, roundrobin, sticky and cooperative-sticky", name)
		}
	}
	if err := kgo.ValidateOpts(c.e.with(c.options(nil))...); err != nil {
		return errSetting(err)
	}
	return nil
}

// find makes sure that there is a topic, which is made if that is allowed.
func (c *consumer) find(ctx context.Context, topic string) error {
	_, err := c.e.topics.detail(ctx, topic)
	if !c.config.AutoCreateTopics || !errors.Is(err, engine.ErrTopicNotFound) {
		return err
	}
	if err := c.e.createTopic(ctx, topic, engine.TopicConfig{}); !errors.Is(err, engine.ErrTopicExists) {
		return err
	}
	return nil
}

// options are those of the consumer's client; m is its membership, or nil.
func (c *consumer) options(m *member) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.KeepControlRecords(), // which move the position
		kgo.ConsumeResetOffset(c.reset()),
	}
	if c.config.Isolation == engine.ReadCommitted {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if c.config.FetchMinBytes > 0 {
		opts = append(opts, kgo.FetchMinBytes(int32(min(c.config.FetchMinBytes, 1<<30))))
	}
	wait := c.config.FetchMaxWait
	if wait <= 0 {
		wait = defaultFetchWait
	}
	opts = append(opts, kgo.FetchMaxWait(max(wait, 10*time.Millisecond)))
	if c.config.Group == "" {
		return opts
	}
	return append(opts, c.membershipOptions(m)...)
}

// reset is where the client goes on when the records that it should read next are not there any more. A reader that began
// at a time reads all that comes after that, so it goes on with the first record that is left.
func (c *consumer) reset() kgo.Offset {
	if c.config.Start == engine.StartLatest {
		return kgo.NewOffset().AtEnd()
	}
	return kgo.NewOffset().AtStart()
}
