package scenario

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
)

// mostSeeks bounds the positions of a partition that a look tries.
const mostSeeks = 12

// describe tells what DescribeTopic does: of one topic, or of all.
func (p *player) describe(out *outcome, topic string) {
	out.View = &view{}
	infos, err := p.engine.ListTopics(context.Background())
	out.fail(err)
	for _, info := range infos {
		if topic == "" || info.Name == topic {
			out.View.Topics = append(out.View.Topics, describe(info))
		}
	}
}

func describe(info engine.TopicInfo) viewTopic {
	t := viewTopic{Name: info.Name, Config: info.Config}
	for _, partition := range info.Partitions {
		partition.Damage = nil
		t.Partitions = append(t.Partitions, viewPartition{PartitionInfo: partition})
	}
	return t
}

// look tells everything that there is.
func (p *player) look(ctx context.Context, o op, out *outcome) {
	p.describe(out, "")
	v := out.View
	for i := range v.Topics {
		p.lookInto(ctx, &v.Topics[i], out)
	}
	v.Groups = map[string]map[string]map[int]int64{}
	groups, err := p.engine.ListGroups(ctx)
	out.fail(err)
	for _, g := range groups {
		v.Groups[g.ID] = map[string]map[int]int64{}
		for _, at := range g.Offsets {
			if v.Groups[g.ID][at.Topic] == nil {
				v.Groups[g.ID][at.Topic] = map[int]int64{}
			}
			v.Groups[g.ID][at.Topic][int(at.Partition)] = at.Committed
		}
	}
	for _, n := range o.IDs {
		if !slices.ContainsFunc(v.Topics, func(t viewTopic) bool { return t.Name == n.Topic }) {
			continue // a deletion in doubt
		}
		producer := p.client.Producer(n.Topic, kafka.WithIdempotence(n.ID))
		counts, err := producer.Progress(ctx)
		out.fail(err)
		out.fail(producer.Close())
		v.Progress = append(v.Progress, progress{n, counts})
	}
	p.lookAround(out)
}

// lookAround looks at health and at the directories.
func (p *player) lookAround(out *outcome) {
	v := out.View
	for _, ill := range p.client.Health().Partitions {
		v.Ill = append(v.Ill, fmt.Sprintf("%s-%d: read-only %v, %v %v", ill.Topic, ill.Partition, ill.ReadOnly, ill.Err, ill.Damage))
	}
	owned := map[string]bool{}
	for _, t := range v.Topics {
		for _, partition := range t.Partitions {
			owned[fmt.Sprintf("topics/%s-%d", t.Name, partition.Partition)] = true
		}
	}
	for _, dir := range []string{"topics", "trash"} {
		entries, err := p.fs.ReadDir(dir)
		if err != nil {
			out.fail(engine.Errorf(engine.ErrIO, "looking around: %w", err))
		}
		for _, e := range entries {
			if name := path.Join(dir, e.Name()); !owned[name] {
				v.Stray = append(v.Stray, name)
			}
		}
	}
}

// lookInto reads a topic in all ways.
func (p *player) lookInto(ctx context.Context, t *viewTopic, out *outcome) {
	for i := range t.Partitions {
		v := &t.Partitions[i]
		v.All = p.lookAt(ctx, t, v, kafka.ReadUncommitted, out)
		v.Visible = p.lookAt(ctx, t, v, kafka.ReadCommitted, out)
		p.lookFor(ctx, t, v, out)
	}
}

// lookAt reads a partition, with a detour around what is damaged.
func (p *player) lookAt(ctx context.Context, t *viewTopic, v *viewPartition, i kafka.Isolation, out *outcome) []got {
	var all outcome
	k, err := p.alone(ctx, t, v, v.Start, i)
	out.fail(err)
	for {
		p.read(ctx, k, -1, &all)
		out.fail(k.Err())
		var damage *kafka.CorruptionError
		if !errors.As(k.Err(), &damage) || damage.Next < 0 || k.Seek(ctx, t.Name, int(v.Partition), damage.Next) != nil {
			break
		}
	}
	out.fail(k.Close())
	return all.Got
}

// alone is a reader of one partition only: at the end of all others. One that is paused would be waited for.
func (p *player) alone(ctx context.Context, t *viewTopic, v *viewPartition, at int64, i kafka.Isolation) (*kafka.Consumer, error) {
	k := p.client.Consumer(t.Name, "", kafka.WithIsolation(i), kafka.WithUntilEnd())
	errs := []error{k.Seek(ctx, t.Name, int(v.Partition), at)}
	for _, other := range t.Partitions {
		if other.Partition != v.Partition {
			errs = append(errs, k.Seek(ctx, t.Name, int(other.Partition), other.End))
		}
	}
	return k, errors.Join(errs...)
}

// lookFor seeks offsets and times in a partition.
func (p *player) lookFor(ctx context.Context, t *viewTopic, v *viewPartition, out *outcome) {
	for at := v.Start; at < v.LastStable; at += 1 + (v.LastStable-v.Start)/mostSeeks {
		found, err := p.find(ctx, t, v, at)
		out.fail(err)
		v.Seeks = append(v.Seeks, seek{at, found})
	}
	for i := 0; i < len(v.All); i += 1 + len(v.All)/mostSeeks {
		at := v.All[i].At
		tp := engine.TopicPartition{Topic: t.Name, Partition: v.Partition}
		found, err := p.engine.OffsetAt(ctx, tp, time.UnixMilli(at))
		out.fail(err)
		v.Times = append(v.Times, seek{at, found})
	}
}

// find is the offset of the first message from one on; -1 is none.
func (p *player) find(ctx context.Context, t *viewTopic, v *viewPartition, at int64) (found int64, err error) {
	k, err := p.alone(ctx, t, v, at, kafka.ReadCommitted)
	defer k.Close()
	if err != nil {
		return -1, err
	}
	for m := range k.Messages(ctx) {
		return m.Offset, nil
	}
	return -1, k.Err()
}
