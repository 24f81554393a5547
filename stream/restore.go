package stream

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// reportEvery is how often a long restoring says how far it is.
const reportEvery = 5 * time.Second

// restoring reads a task's partition of the changelogs, up to where they end now.
type restoring struct {
	*ledger
	task     *Task
	consumer engine.Consumer
	left     map[engine.TopicPartition]int64 // ends that are not reached yet
	total    int64
	changes  int64
	reported time.Time
}

// restore brings a task's state to where the last commit left it.
func (l *ledger) restore(ctx context.Context, t *Task) (err error) {
	if len(t.operators) == 0 {
		return nil
	}
	topics := []string{changelog(l.id, l.task.progress())}
	for _, op := range t.operators {
		topics = append(topics, changelog(l.id, op.name))
	}
	c, err := l.engine.OpenConsumer(ctx, engine.ConsumerConfig{Topics: topics})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	r := &restoring{ledger: l, task: t, consumer: c, left: map[engine.TopicPartition]int64{}, reported: t.env.Clock.Now()}
	if err := r.begin(ctx); err != nil {
		return err
	}
	for len(r.left) > 0 {
		if err := r.poll(ctx); err != nil {
			return err
		}
	}
	for _, op := range t.operators {
		op.restored(t.now(op))
	}
	if r.total > 0 {
		t.env.Logger.Info("state restored", "application", l.id, "task", l.task, "changes", r.changes)
	}
	return nil
}

// begin leaves out the partitions of other tasks, and those that hold nothing.
func (r *restoring) begin(ctx context.Context) error {
	ends, err := r.consumer.Ends(ctx)
	if err != nil {
		return err
	}
	for tp, end := range ends {
		if tp.Partition != r.ledger.task.partition || end == 0 {
			r.consumer.Pause(tp)
			continue
		}
		r.left[tp] = end
		r.total += end
	}
	return nil
}

func (r *restoring) poll(ctx context.Context) error {
	fetches, err := pollFor(ctx, r.consumer, glance)
	if err != nil {
		return err
	}
	for _, f := range fetches {
		if err := r.take(f); err != nil {
			return err
		}
		r.reached(f.TopicPartition, f.Next)
	}
	if len(fetches) == 0 {
		for tp := range r.left { // there may be nothing but markers before the end
			next, err := r.consumer.Position(tp)
			if err != nil && !errors.Is(err, engine.ErrInvalidArgument) { // not read yet
				return err
			}
			r.reached(tp, next)
		}
	}
	r.report()
	return nil
}

func (r *restoring) reached(tp engine.TopicPartition, next int64) {
	if next >= r.left[tp] {
		delete(r.left, tp)
	}
}

func (r *restoring) take(f engine.Fetch) error {
	for i := range f.Records {
		rec := &f.Records[i]
		if err := r.apply(f.Topic, rec.Key, rec.Value); err != nil {
			return engine.Errorf(engine.ErrCorrupt, "restoring offset %d: %w", rec.Offset, err).At(f.Topic, int(f.Partition))
		}
	}
	r.changes += int64(len(f.Records))
	return nil
}

func (r *restoring) apply(topic string, key, value []byte) error {
	for _, op := range r.task.operators {
		if topic == changelog(r.id, op.name) {
			return op.restore(key, value)
		}
	}
	var p progress
	if err := r.task.env.StateCodec.Unmarshal(value, &p); err != nil {
		return err
	}
	r.task.setProgress(p)
	return nil
}

func (r *restoring) report() {
	now := r.task.env.Clock.Now()
	if now.Sub(r.reported) < reportEvery {
		return
	}
	r.reported = now
	left := int64(0)
	for tp, end := range r.left {
		next, err := r.consumer.Position(tp)
		if err == nil {
			left += max(0, end-next)
		}
	}
	r.task.env.Logger.Info("restoring state", "application", r.id, "task", r.ledger.task, "changes", r.changes,
		"offsets", r.total, "left", left)
}

// pollFor polls, and gives up after a time.
func pollFor(ctx context.Context, c engine.Consumer, d time.Duration) ([]engine.Fetch, error) {
	polling, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := clock.Real.AfterFunc(d, cancel)
	defer timer.Stop()
	fetches, err := c.Poll(polling, pollRecords)
	if err != nil && polling.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	return fetches, err
}

// readAll reads what a topic holds now.
func readAll(ctx context.Context, e engine.Engine, topic string, fn func(tp engine.TopicPartition, value []byte) error) (err error) {
	c, err := e.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	for {
		fetches, err := c.Poll(ctx, pollRecords)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range fetches {
			for i := range f.Records {
				if err := fn(f.TopicPartition, f.Records[i].Value); err != nil {
					return err
				}
			}
		}
	}
}
