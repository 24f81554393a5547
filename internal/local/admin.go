package local

import (
	"context"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
)

// CreateTopic implements engine.Engine.
func (e *Engine) CreateTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	return e.call(ctx, func() error { return e.createTopic(name, c) })
}

// call runs a verb while the engine is open.
func (e *Engine) call(ctx context.Context, verb func() error) error {
	if err := ctx.Err(); err != nil {
		return ctxError(err)
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	return verb()
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
	return e.call(ctx, func() error {
		e.admin.Lock()
		defer e.admin.Unlock()
		t, err := e.topic(name)
		if err != nil {
			return err
		}
		if c.Codec != "" && c.Codec != t.config.Load().Codec {
			return engine.Errorf(engine.ErrInvalidArgument, "the codec is fixed when a topic is created").At(name, -1)
		}
		if c.Partitions != 0 && c.Partitions != len(t.list()) {
			return engine.Errorf(engine.ErrInvalidArgument, "use CreatePartitions to change their number").At(name, -1)
		}
		return e.store(t, merge(*t.config.Load(), c))
	})
}

// store makes a configuration durable and then takes it up. The caller holds admin.
func (e *Engine) store(t *topic, c engine.TopicConfig) error {
	if err := validate(t.name, c); err != nil {
		return err
	}
	change := journal.Change{Key: topicKey(t.name), Value: stored{ID: t.id, Config: c}.encode()}
	if err := e.journal.Commit(true, change); err != nil {
		return ioError(err, "altering a topic")
	}
	t.apply(c)
	return nil
}

// CreatePartitions implements engine.Engine.
func (e *Engine) CreatePartitions(ctx context.Context, name string, total int) error {
	return e.call(ctx, func() error {
		e.admin.Lock()
		defer e.admin.Unlock()
		t, err := e.topic(name)
		if err != nil {
			return err
		}
		if have := len(t.list()); total <= have || total > maxPartitions {
			return engine.Errorf(engine.ErrInvalidArgument,
				"there are %d partitions; the new total must be larger, and at most %d", have, maxPartitions).At(name, -1)
		}
		before := *t.config.Load()
		after := before
		after.Partitions = total
		added, err := e.makePartitions(t, total)
		if err != nil {
			return err
		}
		if err := e.store(t, after); err != nil {
			return err
		}
		t.partitions.Store(&added)
		e.topicsChanged()
		return nil
	})
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

func (e *Engine) partition(tp engine.TopicPartition) (*partition, error) {
	t, err := e.topic(tp.Topic)
	if err != nil {
		return nil, err
	}
	return t.partition(tp.Partition)
}

// ListGroups implements engine.Engine.
func (e *Engine) ListGroups(ctx context.Context) (infos []engine.GroupInfo, err error) {
	err = e.call(ctx, func() error {
		infos = e.groups.List()
		for i := range infos {
			e.fillLag(&infos[i])
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
func (e *Engine) fillLag(info *engine.GroupInfo) {
	for i := range info.Offsets {
		o := &info.Offsets[i]
		p, err := e.partition(o.TopicPartition)
		if err != nil {
			continue
		}
		o.End = p.log.LastStable()
		o.Lag = max(o.End-max(o.Committed, p.log.Start()), 0)
	}
}

// DeleteGroup implements engine.Engine.
func (e *Engine) DeleteGroup(ctx context.Context, name string) error {
	return e.call(ctx, func() error { return e.groups.Delete(name) })
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
		return e.groups.SetOffsets(name, offsets)
	})
}
