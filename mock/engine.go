package mock

import (
	"context"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// faulty is an engine whose verbs fail when they are asked to.
type faulty struct {
	engine.Engine
	*faults
}

func (f faulty) OpenProducer(ctx context.Context, c engine.ProducerConfig) (engine.Producer, error) {
	if err := f.take(OpenProducer); err != nil {
		return nil, err
	}
	p, err := f.Engine.OpenProducer(ctx, c)
	if err != nil {
		return nil, err
	}
	return producer{p, f.faults}, nil
}

func (f faulty) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (engine.Consumer, error) {
	if err := f.take(OpenConsumer); err != nil {
		return nil, err
	}
	k, err := f.Engine.OpenConsumer(ctx, c)
	if err != nil {
		return nil, err
	}
	return consumer{k, f.faults}, nil
}

func (f faulty) CreateTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	if err := f.take(CreateTopic); err != nil {
		return err
	}
	return f.Engine.CreateTopic(ctx, name, c)
}

func (f faulty) ListTopics(ctx context.Context) ([]engine.TopicInfo, error) {
	if err := f.take(ListTopics); err != nil {
		return nil, err
	}
	return f.Engine.ListTopics(ctx)
}

func (f faulty) DescribeTopic(ctx context.Context, name string) (engine.TopicInfo, error) {
	if err := f.take(DescribeTopic); err != nil {
		return engine.TopicInfo{}, err
	}
	return f.Engine.DescribeTopic(ctx, name)
}

func (f faulty) AlterTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	if err := f.take(AlterTopic); err != nil {
		return err
	}
	return f.Engine.AlterTopic(ctx, name, c)
}

func (f faulty) DeleteTopic(ctx context.Context, name string) error {
	if err := f.take(DeleteTopic); err != nil {
		return err
	}
	return f.Engine.DeleteTopic(ctx, name)
}

func (f faulty) CreatePartitions(ctx context.Context, name string, total int) error {
	if err := f.take(CreatePartitions); err != nil {
		return err
	}
	return f.Engine.CreatePartitions(ctx, name, total)
}

func (f faulty) DeleteRecords(ctx context.Context, tp engine.TopicPartition, before int64) error {
	if err := f.take(DeleteRecords); err != nil {
		return err
	}
	return f.Engine.DeleteRecords(ctx, tp, before)
}

func (f faulty) OffsetAt(ctx context.Context, tp engine.TopicPartition, at time.Time) (int64, error) {
	if err := f.take(OffsetAt); err != nil {
		return 0, err
	}
	return f.Engine.OffsetAt(ctx, tp, at)
}

func (f faulty) ListGroups(ctx context.Context) ([]engine.GroupInfo, error) {
	if err := f.take(ListGroups); err != nil {
		return nil, err
	}
	return f.Engine.ListGroups(ctx)
}

func (f faulty) DescribeGroup(ctx context.Context, group string) (engine.GroupInfo, error) {
	if err := f.take(DescribeGroup); err != nil {
		return engine.GroupInfo{}, err
	}
	return f.Engine.DescribeGroup(ctx, group)
}

func (f faulty) DeleteGroup(ctx context.Context, group string) error {
	if err := f.take(DeleteGroup); err != nil {
		return err
	}
	return f.Engine.DeleteGroup(ctx, group)
}

func (f faulty) SetOffsets(ctx context.Context, group string, offsets map[engine.TopicPartition]int64) error {
	if err := f.take(SetOffsets); err != nil {
		return err
	}
	return f.Engine.SetOffsets(ctx, group, offsets)
}

// producer is a producer whose verbs fail when they are asked to.
type producer struct {
	engine.Producer
	*faults
}

func (p producer) Produce(ctx context.Context, topic string, rs []engine.Record) (engine.Durability, error) {
	if err := p.take(Produce); err != nil {
		for i := range rs {
			rs[i].Offset = -1
		}
		return engine.DurabilityNone, err
	}
	return p.Producer.Produce(ctx, topic, rs)
}

func (p producer) Flush(ctx context.Context) error {
	if err := p.take(Flush); err != nil {
		return err
	}
	return p.Producer.Flush(ctx)
}

func (p producer) Progress(ctx context.Context, topic string) (map[int32]int64, error) {
	if err := p.take(Progress); err != nil {
		return nil, err
	}
	return p.Producer.Progress(ctx, topic)
}

func (p producer) Begin(ctx context.Context) error {
	if err := p.take(Begin); err != nil {
		return err
	}
	return p.Producer.Begin(ctx)
}

// SendOffsets hands the engine its own consumer, whose generation it checks.
func (p producer) SendOffsets(ctx context.Context, group string, offsets map[engine.TopicPartition]int64, from engine.Consumer) error {
	if err := p.take(SendOffsets); err != nil {
		return err
	}
	if c, ok := from.(consumer); ok {
		from = c.Consumer
	}
	return p.Producer.SendOffsets(ctx, group, offsets, from)
}

func (p producer) End(ctx context.Context, commit bool) error {
	if err := p.take(End); err != nil {
		return err
	}
	return p.Producer.End(ctx, commit)
}

// consumer is a consumer whose verbs fail when they are asked to.
type consumer struct {
	engine.Consumer
	*faults
}

func (c consumer) Poll(ctx context.Context, maxRecords int) ([]engine.Fetch, error) {
	if err := c.take(Poll); err != nil {
		return nil, err
	}
	return c.Consumer.Poll(ctx, maxRecords)
}

func (c consumer) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	if err := c.take(Commit); err != nil {
		return err
	}
	return c.Consumer.Commit(ctx, offsets)
}

func (c consumer) Committed(ctx context.Context, tp engine.TopicPartition) (int64, error) {
	if err := c.take(Committed); err != nil {
		return 0, err
	}
	return c.Consumer.Committed(ctx, tp)
}

func (c consumer) Seek(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	if err := c.take(Seek); err != nil {
		return err
	}
	return c.Consumer.Seek(ctx, tp, offset)
}

func (c consumer) Ends(ctx context.Context) (map[engine.TopicPartition]int64, error) {
	if err := c.take(Ends); err != nil {
		return nil, err
	}
	return c.Consumer.Ends(ctx)
}
