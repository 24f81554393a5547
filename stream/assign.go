package stream

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

const (
	// internalMessageBytes bounds a record of the application's own topics: what an operator may take, they may.
	internalMessageBytes = 64 << 20
	// repartitionSegment is the size of a repartition topic's segments, which are deleted whole.
	repartitionSegment = 16 << 20
)

// makeTopics makes changelogs and repartition topics.
func (i *instance) makeTopics(ctx context.Context) error {
	for n, sub := range i.plan.subs {
		names := slices.Clone(sub.stores)
		if len(names) > 0 {
			names = append(names, taskID{sub: n}.progress())
		}
		for _, name := range names {
			c := engine.TopicConfig{CleanupPolicy: engine.CleanupCompact}
			if err := i.makeTopic(ctx, changelog(i.id, name), sub.partitions, c); err != nil {
				return err
			}
		}
		for _, cut := range sub.cuts {
			c := engine.TopicConfig{SegmentBytes: repartitionSegment}
			if err := i.makeTopic(ctx, i.id+"-"+cut.suffix, sub.partitions, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeTopic makes a topic, or checks that it has as many partitions as there are tasks: state cannot be divided anew.
func (i *instance) makeTopic(ctx context.Context, name string, partitions int, c engine.TopicConfig) error {
	if err := engine.ValidateName("application", name); err != nil {
		return err
	}
	c.Partitions, c.Codec, c.MaxMessageBytes = partitions, "raw", internalMessageBytes
	err := i.env.Engine.CreateTopic(ctx, name, c)
	if !errors.Is(err, engine.ErrTopicExists) {
		return err
	}
	info, err := i.env.Engine.DescribeTopic(ctx, name)
	if err != nil || len(info.Partitions) == partitions {
		return err
	}
	return engine.Errorf(engine.ErrInvalidArgument, "it has %d partitions, but the topics of application %s make %d tasks, "+
		"and state cannot be divided anew: choose another application id", len(info.Partitions), i.id, partitions).At(name, -1)
}

// assign makes the tasks of the partitions that the instance has now. It returns those whose position it has moved:
// what was read of them before does not count.
func (i *instance) assign(ctx context.Context, fetches []engine.Fetch) (sought map[engine.TopicPartition]bool, err error) {
	now := append([]engine.TopicPartition{}, i.consumer.Assignment()...)
	if i.assigned != nil && slices.Equal(now, i.assigned) {
		return nil, nil
	}
	inputs := map[taskID][]engine.TopicPartition{}
	for _, tp := range now {
		id := i.taskOf(tp)
		if int(id.partition) >= i.plan.subs[id.sub].partitions {
			return nil, errReplan
		}
		inputs[id] = append(inputs[id], tp)
	}
	sought = map[engine.TopicPartition]bool{}
	complete := true
	for id, tps := range inputs {
		switch started, err := i.start(ctx, id, tps, fetches, sought); {
		case err != nil && !moved(err):
			return nil, err
		case err != nil || !started:
			complete = false
		}
	}
	if i.assigned = now; !complete {
		i.assigned = nil
	}
	slices.SortFunc(i.tasks, func(a, b *runner) int {
		return cmp.Or(cmp.Compare(a.id.sub, b.id.sub), cmp.Compare(a.id.partition, b.id.partition))
	})
	return sought, nil
}

// taskOf is the task that reads a partition.
func (i *instance) taskOf(tp engine.TopicPartition) taskID {
	if i.id == "" {
		return taskID{}
	}
	return taskID{i.topics[tp.Topic], tp.Partition}
}

// start makes sure that a task runs which reads just these partitions, and reports whether it does.
func (i *instance) start(
	ctx context.Context, id taskID, tps []engine.TopicPartition, fetches []engine.Fetch, sought map[engine.TopicPartition]bool,
) (bool, error) {
	at := slices.IndexFunc(i.tasks, func(r *runner) bool { return r.id == id })
	if at >= 0 && len(i.tasks[at].inputs) == len(tps) {
		return true, nil
	}
	sub := i.plan.subs[id.sub]
	if i.id != "" && len(tps) < len(sub.sources)+len(sub.cuts) {
		i.env.Logger.Warn("the group has given this instance only part of a task's partitions; others in group must not "+
			"be consumers of another kind", "application", i.id, "task", id, "partitions", tps)
		return false, nil
	}
	var r *runner
	if at >= 0 {
		r = i.tasks[at] // of an instance by itself; a topic has got partitions
	} else {
		t, err := newTask(ctx, i.top, i.plan, id.sub)
		if err != nil {
			return false, err
		}
		now := i.env.Clock.Now()
		r = &runner{Task: t, id: id, committed: now, purged: now}
	}
	if err := i.read(ctx, r, tps); err != nil {
		return false, err
	}
	if at < 0 {
		if err := i.resume(ctx, r); err != nil {
			return false, err
		}
		i.tasks = append(i.tasks, r)
		r.show()
	}
	return true, i.position(ctx, r, fetches, sought)
}

// read makes partitions inputs of a task, in an order that does not depend on anything else.
func (i *instance) read(ctx context.Context, r *runner, tps []engine.TopicPartition) error {
	ends, err := i.consumer.Ends(ctx)
	if err != nil {
		return err
	}
	for _, tp := range tps {
		if r.byPartition[tp] != nil {
			continue
		}
		in := r.add(tp)
		in.next, in.read, in.end = -1, -1, ends[tp]
		if end, ok := i.ends[tp]; ok {
			in.end, in.final = end, true
		}
	}
	for _, x := range r.crossings {
		x.lane = int(r.id.partition)
	}
	slices.SortFunc(r.inputs, func(a, b *input) int {
		return cmp.Or(cmp.Compare(a.tp.Topic, b.tp.Topic), cmp.Compare(a.tp.Partition, b.tp.Partition))
	})
	return nil
}

// resume takes a task over from whoever had it before.
func (i *instance) resume(ctx context.Context, r *runner) (err error) {
	if i.id == "" {
		return nil
	}
	if r.ledger, err = openLedger(ctx, i, r.id); err != nil {
		return err
	}
	if err := r.ledger.restore(ctx, r.Task); err != nil {
		return errors.Join(err, r.ledger.close(context.WithoutCancel(ctx)))
	}
	return nil
}

// position makes the inputs of a task go on at the committed offsets. An input that has none begins where the consumer
// began to read it.
func (i *instance) position(ctx context.Context, r *runner, fetches []engine.Fetch, sought map[engine.TopicPartition]bool) error {
	for _, in := range r.inputs {
		if in.read >= 0 {
			continue
		}
		offset := int64(-1)
		if i.id != "" {
			var err error
			if offset, err = i.consumer.Committed(ctx, in.tp); err != nil {
				return err
			}
		}
		if begin, known := i.begins[in.tp]; offset < 0 && known {
			offset = begin
		}
		err := i.seek(ctx, in, offset, fetches, sought)
		if err != nil {
			return err
		}
		in.finished()
	}
	return nil
}

func (i *instance) seek(
	ctx context.Context, in *input, offset int64, fetches []engine.Fetch, sought map[engine.TopicPartition]bool,
) (err error) {
	if offset >= 0 {
		err = i.consumer.Seek(ctx, in.tp, offset)
	}
	if offset >= 0 && err == nil {
		sought[in.tp] = true
		in.next, in.read = offset, offset
		return nil
	}
	if err != nil && !errors.Is(err, engine.ErrOffsetOutOfRange) { // the consumer starts over by itself, and says so
		return err
	}
	offset, err = i.consumer.Position(in.tp)
	for _, f := range fetches {
		if f.TopicPartition == in.tp && len(f.Records) > 0 {
			offset = f.Records[0].Offset
		}
	}
	in.next, in.read = offset, offset
	i.begins[in.tp] = offset
	return err
}
