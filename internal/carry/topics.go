package carry

import (
	"context"
	"errors"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// batchSlack is what a batch of one record has besides its key, value and headers, and more.
const batchSlack = 64 << 10

// topics describes the source's topics, and makes those of the target that are not there.
func (c *Carrier) topics(ctx context.Context) error {
	for _, name := range c.Topics {
		from, err := c.Source.DescribeTopic(ctx, name)
		if err != nil {
			return err
		}
		to, err := c.Target.DescribeTopic(ctx, name)
		if errors.Is(err, engine.ErrTopicNotFound) {
			to, err = c.make(ctx, &from)
		}
		if err != nil {
			return err
		}
		if err := compatible(&from, &to); err != nil {
			return err
		}
		c.labels[name] = label(&from, &to)
		c.keyed[name] = to.CodecInRecords && to.Config.CleanupPolicy != engine.CleanupDelete
		c.batch = max(c.batch, to.Config.MaxMessageBytes+batchSlack)
		c.sources, c.targets = append(c.sources, from), append(c.targets, to)
	}
	return nil
}

func (c *Carrier) make(ctx context.Context, from *engine.TopicInfo) (engine.TopicInfo, error) {
	config := c.Create(from.Config)
	config.Partitions = len(from.Partitions)
	err := c.Target.CreateTopic(ctx, from.Name, config)
	if errors.Is(err, engine.ErrInvalidArgument) && 0 < config.SegmentBytes && config.SegmentBytes < leastSegment {
		config.SegmentBytes = leastSegment
		err = c.Target.CreateTopic(ctx, from.Name, config)
	}
	if err != nil && !errors.Is(err, engine.ErrTopicExists) {
		return engine.TopicInfo{}, err
	}
	return c.Target.DescribeTopic(ctx, from.Name)
}

// leastSegment is what clusters demand of a topic's segments, from Kafka 4.0 on (KIP-1030).
const leastSegment = 1 << 20

// compatible refuses a target that cannot hold what the source has.
func compatible(from, to *engine.TopicInfo) error {
	name := from.Name
	if identity(from) == identity(to) && identity(from) != "" {
		return engine.Errorf(engine.ErrInvalidArgument,
			"source and target are one log, or copies of one: the topic has the same identity in both; name another target").At(name, -1)
	}
	if n, m := len(from.Partitions), len(to.Partitions); m < n {
		return engine.Errorf(engine.ErrInvalidArgument,
			"the target's topic has %d partitions and the source's %d: raise it to %d first, or carry it into another target", m, n, n).
			At(name, -1)
	}
	if a, b := from.Config.Codec, to.Config.Codec; a != b && !to.CodecInRecords {
		return engine.Errorf(engine.ErrSerialization,
			"%w: values are %s in the source and %s in the target; delete the target's topic, so that it is made as the source has it, "+
				"or carry it into another target", engine.ErrOtherCodec, a, b).At(name, -1)
	}
	return nil
}

// partition is what a topic says of a partition; zero when it says nothing.
func partition(info *engine.TopicInfo, n int32) engine.PartitionInfo {
	i := slices.IndexFunc(info.Partitions, func(p engine.PartitionInfo) bool { return p.Partition == n })
	if i < 0 {
		return engine.PartitionInfo{Partition: n}
	}
	return info.Partitions[i]
}

// label is the header that names the codec of records that do not do so themselves, where the target needs it.
func label(from, to *engine.TopicInfo) []record.Header {
	if !to.CodecInRecords {
		return nil
	}
	return []record.Header{{Key: engine.CodecHeader, Value: []byte(from.Config.Codec)}}
}

// headers are those of a record in the target. A tombstone has no codec.
func headers(r *record.Record, label []record.Header) []record.Header {
	if r.NumHeaders == 0 && (label == nil || r.Value == nil) {
		return nil
	}
	all := make([]record.Header, 0, r.NumHeaders+len(label))
	for h := range r.Headers() {
		if h.Key == engine.CodecHeader {
			label = nil
		}
		all = append(all, h)
	}
	if r.Value == nil {
		return all
	}
	return append(all, label...)
}

// makeLedger makes the topic of the positions. Its values are JSON, so that it can be read with any tool; its segments are
// small, since compaction works on whole ones, and what it leaves is read at each start.
func (c *Carrier) makeLedger(ctx context.Context) error {
	_, err := c.Target.DescribeTopic(ctx, c.Ledger)
	if !errors.Is(err, engine.ErrTopicNotFound) {
		return err
	}
	err = c.Target.CreateTopic(ctx, c.Ledger, engine.TopicConfig{
		Partitions: 1, CleanupPolicy: engine.CleanupCompact, SegmentBytes: leastSegment, Codec: "json",
	})
	if errors.Is(err, engine.ErrTopicExists) {
		return nil
	}
	return err
}
