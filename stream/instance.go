package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// instance is one run of an application: a member of the group that shares its tasks. All its tasks run in one goroutine.
// Without an application id it is a reader by itself, with one task that has everything.
type instance struct {
	top    *Topology
	env    *Env
	config config
	id     string // application
	plan   *plan
	topics map[string]int // the sub-topology that reads a topic

	consumer engine.Consumer
	assigned []engine.TopicPartition // what tasks were made for; nil to look again
	tasks    []*runner               // by sub-topology and partition
	begins   map[engine.TopicPartition]int64
	ends     map[engine.TopicPartition]int64 // that are final
	stage    int                             // the sub-topology that comes to its end next, with [WithUntilEnd]
	polled   time.Time
	looked   time.Time // when the group was asked how far it is
	failed   error     // of giving partitions up
}

func newInstance(ctx context.Context, t *Topology) (i *instance, err error) {
	i = &instance{top: t, env: t.env, begins: map[engine.TopicPartition]int64{}, ends: map[engine.TopicPartition]int64{}}
	if i.config, err = merged(nodes(t.root)); err != nil {
		return nil, err
	}
	if i.id, err = t.ApplicationID(); err != nil {
		return nil, err
	}
	whole, err := NewTask(ctx, t) // finds mistakes, and makes topics
	if err != nil {
		return nil, err
	}
	whole.hide(false)
	if i.id == "" && len(whole.outputs) > 0 {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "writing to topic %s takes a name: give the stream WithApplicationID", whole.outputs[0].topic)
	}
	return i, i.makePlan(ctx)
}

// makePlan looks at the partitions that topics have.
func (i *instance) makePlan(ctx context.Context) (err error) {
	count := func(topic string) int {
		info, e := i.env.Engine.DescribeTopic(ctx, topic)
		if err == nil && !errors.Is(e, engine.ErrTopicNotFound) {
			err = e
		}
		return len(info.Partitions)
	}
	sources := func(topic string) int { return max(1, count(topic)) }
	existing := func(suffix string) int { return count(i.id + "-" + suffix) }
	if i.id == "" {
		sources = func(string) int { return 1 }
	}
	p, bad := newPlan(i.top.root, sources, existing)
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	i.plan, i.topics = p, map[string]int{}
	for n, sub := range p.subs {
		for _, topic := range sub.sources {
			i.topics[topic] = n
		}
		for _, c := range sub.cuts {
			i.topics[i.id+"-"+c.suffix] = n
		}
	}
	return nil
}

// open makes the application's topics and joins its group.
func (i *instance) open(ctx context.Context) (err error) {
	if i.id != "" {
		if err := i.makeTopics(ctx); err != nil {
			return err
		}
	}
	c := engine.ConsumerConfig{Group: i.id, Assignors: []string{"range"}}
	for topic := range i.topics {
		c.Topics = append(c.Topics, topic)
	}
	for _, n := range i.plan.all {
		if o := n.config; o != nil && c.Start == engine.StartEarliest {
			c.Start, c.StartTime = o.start, o.startTime
		}
	}
	c.OnRevoked = func(ctx context.Context, tps []engine.TopicPartition) {
		i.failed = errors.Join(i.failed, i.giveUp(context.WithoutCancel(ctx), tps, true))
	}
	c.OnLost = func(tps []engine.TopicPartition) {
		i.failed = errors.Join(i.failed, i.giveUp(context.WithoutCancel(ctx), tps, false))
	}
	if i.consumer, err = i.env.Engine.OpenConsumer(ctx, c); err != nil || !i.config.untilEnd {
		return err
	}
	return i.fix(ctx, func(topic string) bool { return i.sourced(topic) })
}

// sourced reports whether a topic is a source, not a repartition topic.
func (i *instance) sourced(topic string) bool {
	return slices.Contains(i.plan.subs[i.topics[topic]].sources, topic)
}

// fix makes the ends that topics have now final.
func (i *instance) fix(ctx context.Context, which func(topic string) bool) error {
	ends, err := i.consumer.Ends(ctx)
	if err != nil {
		return err
	}
	for tp, end := range ends {
		if which(tp.Topic) {
			i.ends[tp] = end
		}
	}
	return nil
}

// close commits what the tasks have done, unless an error has ended the run, and leaves the group.
func (i *instance) close(ctx context.Context, cause error) (err error) {
	ctx = context.WithoutCancel(ctx)
	stopped := errors.Is(cause, errStop)
	for _, r := range i.tasks {
		if cause == nil || errors.Is(cause, errReplan) || stopped && !r.torn {
			if e := r.commit(ctx); !moved(e) {
				err = errors.Join(err, e)
			}
		}
	}
	for _, r := range i.tasks {
		err = errors.Join(err, r.close(ctx, true))
	}
	i.tasks = nil
	if i.consumer == nil {
		return err
	}
	return errors.Join(err, i.consumer.Close(ctx))
}

// drop gives a task up without a commit.
func (i *instance) drop(r *runner) error {
	i.tasks = slices.DeleteFunc(i.tasks, func(o *runner) bool { return o == r })
	for _, in := range r.inputs {
		if in.paused {
			i.consumer.Resume(in.tp)
		}
	}
	return r.close(context.Background(), false)
}

// giveUp commits the tasks of partitions that others get, and ends them.
func (i *instance) giveUp(ctx context.Context, tps []engine.TopicPartition, commit bool) (err error) {
	for _, tp := range tps {
		delete(i.begins, tp)
	}
	i.assigned = nil
	for _, r := range slices.Clone(i.tasks) {
		if !slices.ContainsFunc(tps, func(tp engine.TopicPartition) bool { return r.byPartition[tp] != nil }) {
			continue
		}
		if commit {
			if e := r.commit(ctx); !moved(e) {
				err = errors.Join(err, e)
			}
		}
		err = errors.Join(err, i.drop(r))
	}
	return err
}
