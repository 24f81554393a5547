package carry

import (
	"context"
	"errors"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

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
		c.sources, c.targets = append(c.sources, from), append(c.targets, to)
	}
	return nil
}

func (c *Carrier) make(ctx context.Context, from *engine.TopicInfo) (engine.TopicInfo, error) {
	config := c.Create(from.Config)
	config.Partitions = len(from.Partitions)
	if err := c.Target.CreateTopic(ctx, from.Name, config); err != nil && !errors.Is(err, engine.ErrTopicExists) {
		return engine.TopicInfo{}, err
	}
	return c.Target.DescribeTopic(ctx, from.Name)
}

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
	if a, b := from.Config.Codec, to.Config.Codec; a != b && a != "" && b != "" {
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

// ledgerSegment keeps what is read at the start short: compaction works on whole segments.
const ledgerSegment = 1 << 20

// makeLedger makes the topic of the positions. Its values are JSON, so that it can be read with any tool.
func (c *Carrier) makeLedger(ctx context.Context) error {
	_, err := c.Target.DescribeTopic(ctx, c.Ledger)
	if !errors.Is(err, engine.ErrTopicNotFound) {
		return err
	}
	err = c.Target.CreateTopic(ctx, c.Ledger, engine.TopicConfig{
		Partitions: 1, CleanupPolicy: engine.CleanupCompact, SegmentBytes: ledgerSegment, Codec: "json",
	})
	if errors.Is(err, engine.ErrTopicExists) {
		return nil
	}
	return err
}
