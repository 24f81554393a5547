package local

import (
	"context"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// CreateTopic implements engine.Engine.
func (e *Engine) CreateTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	return e.call(ctx, func() error { return e.createTopic(ctx, name, c) })
}

// ListTopics implements engine.Engine.
func (e *Engine) ListTopics(ctx context.Context) (infos []engine.TopicInfo, err error) {
	err = e.call(ctx, func() error {
		for _, t := range e.list() {
			infos = append(infos, t.info())
		}
		return nil
	})
	return infos, err
}

// DescribeTopic implements engine.Engine.
func (e *Engine) DescribeTopic(ctx context.Context, name string) (info engine.TopicInfo, err error) {
	err = e.call(ctx, func() error {
		t, err := e.topic(name)
		if err == nil {
			info = t.info()
		}
		return err
	})
	return info, err
}

func (t *topic) info() engine.TopicInfo {
	info := engine.TopicInfo{Name: t.name, ID: t.id, Config: *t.config.Load()}
	for _, p := range t.list() {
		info.Partitions = append(info.Partitions, p.info())
	}
	info.Config.Partitions = len(info.Partitions)
	return info
}

func (p *partition) info() engine.PartitionInfo {
	info := engine.PartitionInfo{Partition: p.number}
	if p.err != nil {
		info.ReadOnly = true
		info.Damage = []engine.Damage{{Detail: p.err.Error(), First: -1, Next: -1}}
		return info
	}
	info.Start, info.End, info.LastStable, info.DurableEnd = p.log.Start(), p.log.End(), p.log.LastStable(), p.log.Durable()
	info.Bytes, info.Segments = p.log.Bytes()
	info.ReadOnly, info.Damage = p.log.ReadOnly(), p.log.Damage()
	return info
}

// AlterTopic implements engine.Engine.
func (e *Engine) AlterTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	return e.call(ctx, func() error { return e.alterTopic(name, c) })
}

// CreatePartitions implements engine.Engine.
func (e *Engine) CreatePartitions(ctx context.Context, name string, total int) error {
	return e.call(ctx, func() error { return e.createPartitions(ctx, name, total) })
}

// DeleteTopic implements engine.Engine.
func (e *Engine) DeleteTopic(ctx context.Context, name string) error {
	return e.call(ctx, func() error { return e.deleteTopic(name) })
}

// DeleteRecords implements engine.Engine.
func (e *Engine) DeleteRecords(ctx context.Context, tp engine.TopicPartition, before int64) error {
	return e.call(ctx, func() error {
		p, err := e.partition(tp)
		if err != nil {
			return err
		}
		return p.log.DeleteRecords(before)
	})
}

// OffsetAt implements engine.Engine.
func (e *Engine) OffsetAt(ctx context.Context, tp engine.TopicPartition, at time.Time) (offset int64, err error) {
	err = e.call(ctx, func() error {
		p, err := e.partition(tp)
		if err == nil {
			offset, err = p.log.OffsetAt(at.UnixMilli())
		}
		return err
	})
	return offset, err
}

// ListGroups implements engine.Engine.
func (e *Engine) ListGroups(ctx context.Context) (infos []engine.GroupInfo, err error) {
	err = e.call(ctx, func() error {
		for _, brief := range e.groups.List() {
			info, err := e.groups.Describe(brief.ID)
			if err != nil {
				continue // it went meanwhile
			}
			e.fillLag(&info)
			infos = append(infos, info)
		}
		return nil
	})
	return infos, err
}

// DescribeGroup implements engine.Engine.
func (e *Engine) DescribeGroup(ctx context.Context, name string) (info engine.GroupInfo, err error) {
	err = e.call(ctx, func() error {
		info, err = e.groups.Describe(name)
		e.fillLag(&info)
		return err
	})
	return info, err
}

// fillLag enters the ends of the partitions, and how far behind the group is.
func (c *core) fillLag(info *engine.GroupInfo) {
	for i := range info.Offsets {
		o := &info.Offsets[i]
		p, err := c.partition(o.TopicPartition)
		if err != nil {
			continue
		}
		o.End = p.log.LastStable()
		o.Lag = max(o.End-max(o.Committed, p.log.Start()), 0)
	}
}

// DeleteGroup implements engine.Engine.
func (e *Engine) DeleteGroup(ctx context.Context, name string) error {
	return e.call(ctx, func() error {
		e.publishing.Lock()
		defer e.publishing.Unlock()
		return e.groups.Delete(name)
	})
}

// SetOffsets implements engine.Engine.
func (e *Engine) SetOffsets(ctx context.Context, name string, offsets map[engine.TopicPartition]int64) error {
	return e.call(ctx, func() error {
		if err := engine.ValidateName("group", name); err != nil {
			return err
		}
		for tp, offset := range offsets {
			p, err := e.partition(tp)
			if err != nil {
				return err
			}
			if offset < p.log.Start() || offset > p.log.End() {
				return engine.Errorf(engine.ErrOffsetOutOfRange, "offset %d is outside of %d to %d",
					offset, p.log.Start(), p.log.End()).At(tp.Topic, int(tp.Partition))
			}
		}
		e.publishing.Lock()
		defer e.publishing.Unlock()
		return e.groups.SetOffsets(name, offsets)
	})
}
