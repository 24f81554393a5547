package stream

import (
	"context"
	"errors"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// lookEvery is how often the group is asked how far it is.
const lookEvery = 50 * time.Millisecond

// end brings a run with [WithUntilEnd] to its end, one sub-topology after the other. When all tasks of one, wherever they
// run, have read everything and closed what was open, what they wrote into repartition topics is complete, and its end
// is the end of the next one's input. It reports whether the last one is through.
func (i *instance) end(ctx context.Context) (over bool, err error) {
	if !i.config.untilEnd {
		return false, nil
	}
	for i.stage < len(i.plan.subs) {
		if err := i.finish(ctx); err != nil {
			return false, err
		}
		if done, err := i.complete(ctx); !done || err != nil {
			return false, err
		}
		i.stage++
		if err := i.fixStage(ctx); err != nil {
			return false, err
		}
	}
	return true, nil
}

// finish closes everything in the tasks of the stage that have read everything.
func (i *instance) finish(ctx context.Context) error {
	for _, r := range append([]*runner(nil), i.tasks...) {
		if r.id.sub != i.stage || r.finished || !r.drained() {
			continue
		}
		r.dirty, r.finished = true, true
		if err := r.Finish(); err != nil {
			r.torn = true
			return err
		}
		if err := i.settle(r, r.commit(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// drained reports whether a task has processed all that there is to come.
func (r *runner) drained() bool {
	for _, in := range r.inputs {
		if !in.final || !in.atEnd() {
			return false
		}
	}
	return true
}

// complete reports whether all tasks of the stage are finished. What other instances do is known from what they commit.
func (i *instance) complete(ctx context.Context) (bool, error) {
	finished, mine := 0, map[int32]bool{}
	for _, r := range i.tasks {
		if r.id.sub != i.stage {
			continue
		}
		if !r.finished {
			return false, nil
		}
		finished++
		mine[r.id.partition] = true
	}
	now := i.env.Clock.Now()
	switch {
	case finished == i.plan.subs[i.stage].partitions:
		return true, nil
	case i.id == "" || now.Sub(i.looked) < lookEvery:
		return false, nil
	}
	i.looked = now
	if read, err := i.readByOthers(ctx, mine); !read || err != nil {
		return false, err
	}
	return i.closedByOthers(ctx, mine)
}

// readByOthers reports whether other members of the group have the rest of the stage's tasks, and have read everything.
// Tasks that nobody has yet come to this instance, maybe: it waits for them, so that tables show what they hold.
func (i *instance) readByOthers(ctx context.Context, mine map[int32]bool) (bool, error) {
	info, err := i.env.Engine.DescribeGroup(ctx, i.id)
	if err != nil && !errors.Is(err, engine.ErrGroupNotFound) {
		return false, err
	}
	held := map[engine.TopicPartition]bool{}
	for _, m := range info.Members {
		for _, tp := range m.Assignment {
			held[tp] = true
		}
	}
	committed := map[engine.TopicPartition]int64{}
	for _, o := range info.Offsets {
		committed[o.TopicPartition] = o.Committed
	}
	for tp, end := range i.ends {
		if i.topics[tp.Topic] == i.stage && !mine[tp.Partition] && (!held[tp] || committed[tp] < end) {
			return false, nil
		}
	}
	return true, nil
}

// closedByOthers reports whether nothing is open in the stage's tasks.
func (i *instance) closedByOthers(ctx context.Context, mine map[int32]bool) (bool, error) {
	if len(i.plan.subs[i.stage].stores) == 0 {
		return true, nil
	}
	open := map[int32]bool{}
	topic := changelog(i.id, taskID{sub: i.stage}.progress())
	err := readAll(ctx, i.env.Engine, topic, func(tp engine.TopicPartition, value []byte) error {
		var p progress
		err := i.env.StateCodec.Unmarshal(value, &p)
		open[tp.Partition] = !p.Closed
		return err
	})
	for partition, is := range open {
		if is && !mine[partition] {
			return false, err
		}
	}
	return err == nil, err
}

// fixStage makes the ends of the stage's repartition topics final.
func (i *instance) fixStage(ctx context.Context) error {
	if i.stage == len(i.plan.subs) || len(i.plan.subs[i.stage].cuts) == 0 {
		return nil
	}
	err := i.fix(ctx, func(topic string) bool { return i.topics[topic] == i.stage && !i.sourced(topic) })
	if err != nil {
		return err
	}
	for _, r := range i.tasks {
		for _, in := range r.inputs {
			if end, ok := i.ends[in.tp]; ok && !in.final {
				in.end, in.final = end, true
				in.finished()
			}
		}
	}
	return nil
}
