package stream

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

const (
	pollRecords = 500
	// A partition with this many records in memory is not read until it has half of them.
	mostBuffered = 4000
	// glance bounds a poll whose only purpose is to find out whether there is more. It is real time, since it stands for
	// no delay that anyone could observe on the topology's clock.
	glance = 5 * time.Millisecond
	// stretch is how many records are processed between two looks at context and clock.
	stretch = 32
)

// errStop ends a run without an error.
var errStop = errors.New("stopped")

// runner runs a task over the engine.
type runner struct {
	*Task
	consumer  engine.Consumer
	ledger    *ledger // nil when nothing is stored
	committed time.Time
	dirty     bool // something was processed since the last commit
}

// Run runs the topology until ctx ends, which is no error, or, with [WithUntilEnd], everything is processed.
func (t *Topology) Run(ctx context.Context) (err error) {
	task, err := NewTask(ctx, t)
	if err != nil {
		return normal(ctx, err)
	}
	r := &runner{Task: task}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.open(ctx); err != nil {
		return normal(ctx, err)
	}
	err = r.loop(ctx)
	if stopped := normal(ctx, err); stopped != nil || errors.Is(err, errStop) {
		return stopped // what was begun since the last commit is done again by the next run
	}
	return r.commit(context.WithoutCancel(ctx))
}

// normal turns an ordinary end into nil.
func normal(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, errStop) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (r *runner) open(ctx context.Context) (err error) {
	if r.id != "" {
		if r.ledger, err = openLedger(ctx, r.Task); err != nil {
			return err
		}
	}
	if r.id == "" && len(r.outputs) > 0 {
		return engine.Errorf(engine.ErrInvalidArgument, "writing to topic %s takes a name: give the stream WithApplicationID", r.outputs[0].topic)
	}
	c := engine.ConsumerConfig{}
	for topic, s := range r.topics {
		c.Topics = append(c.Topics, topic)
		c.Start, c.StartTime = first(c.Start, s.config.start), s.config.startTime
	}
	if r.consumer, err = r.env.Engine.OpenConsumer(ctx, c); err != nil {
		return err
	}
	if err := r.assign(ctx); err != nil || r.ledger == nil {
		return err
	}
	return r.ledger.resume(ctx, r)
}

// assign takes on all partitions, in an order that does not depend on anything else.
func (r *runner) assign(ctx context.Context) error {
	ends, err := r.consumer.Ends(ctx)
	if err != nil {
		return err
	}
	for tp, end := range ends {
		r.Add(tp)
		r.byPartition[tp].end = end
		r.finished(r.byPartition[tp])
	}
	slices.SortFunc(r.partitions, func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.tp.Topic, b.tp.Topic), cmp.Compare(a.tp.Partition, b.tp.Partition))
	})
	r.committed = r.env.Clock.Now()
	return nil
}

func (r *runner) close() (err error) {
	ctx := context.Background()
	if r.consumer != nil {
		err = r.consumer.Close(ctx)
	}
	if r.ledger != nil {
		err = errors.Join(err, r.ledger.close(ctx))
	}
	return err
}

func (r *runner) loop(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return nil
		}
		if r.behind() == nil && r.head() != nil {
			if err := r.stretch(); err != nil {
				return err
			}
		} else if done, err := r.poll(ctx); done || err != nil {
			return err
		}
		before := r.closings
		if err := r.Tick(); err != nil {
			return err
		}
		r.dirty = r.dirty || r.closings != before
		if err := r.maybeCommit(ctx); err != nil {
			return err
		}
	}
}

// behind is a partition that is known to have records none of which is in memory: which record is the next cannot be
// told before one of them is.
func (t *Task) behind() *partition {
	for _, p := range t.partitions {
		if len(p.buffer) == 0 && p.read < p.end {
			return p
		}
	}
	return nil
}

// head is the partition whose next record has the smallest timestamp.
func (t *Task) head() (least *partition) {
	for _, p := range t.partitions {
		if len(p.buffer) > 0 && (least == nil || p.buffer[0].Timestamp < least.buffer[0].Timestamp) {
			least = p
		}
	}
	return least
}

// stretch processes some records, the one with the smallest timestamp first.
func (r *runner) stretch() error {
	r.dirty = true
	now := r.env.Clock.Now()
	for range stretch {
		p := r.head()
		if p == nil {
			return nil
		}
		p.since = now
		rec := &p.buffer[0]
		p.buffer = p.buffer[1:]
		if err := r.process(p, rec); err != nil {
			return err
		}
		r.finished(p)
		if p.paused && len(p.buffer) < mostBuffered/2 {
			p.paused = false
			r.consumer.Resume(p.tp)
		}
		if len(p.buffer) == 0 && p.read < p.end {
			return nil
		}
	}
	return nil
}

// poll reads records, and waits for them if there is nothing else to do. It reports whether the run is over.
func (r *runner) poll(ctx context.Context) (done bool, err error) {
	if r.config.untilEnd && r.behind() == nil {
		r.dirty = true
		return true, r.Finish()
	}
	polling, stop := r.patient(ctx)
	fetches, err := r.consumer.Poll(polling, pollRecords)
	ended := polling.Err() != nil
	stop()
	if err != nil && !(ended && len(fetches) == 0) {
		return false, err
	}
	if ctx.Err() != nil {
		return true, nil
	}
	for _, f := range fetches {
		r.take(f)
	}
	if len(fetches) == 0 {
		return false, r.caughtUp()
	}
	return false, nil
}

// patient is the context of a poll: it ends when something else is to be done.
func (r *runner) patient(ctx context.Context) (context.Context, func()) {
	polling, cancel := context.WithCancel(ctx)
	if r.behind() != nil {
		timer := clock.Real.AfterFunc(glance, cancel)
		return polling, func() { timer.Stop(); cancel() }
	}
	d, bounded := r.patience()
	if r.ledger != nil && r.dirty {
		d = min(first(d, r.config.commitInterval), r.config.commitInterval)
		bounded = true
	}
	if !bounded {
		return polling, cancel
	}
	timer := r.env.Clock.AfterFunc(max(d, 1), cancel)
	return polling, func() { timer.Stop(); cancel() }
}

// take keeps what was read.
func (r *runner) take(f engine.Fetch) {
	p := r.byPartition[f.TopicPartition]
	if p == nil { // added to the topic since
		r.Add(f.TopicPartition)
		p = r.byPartition[f.TopicPartition]
	}
	if !r.config.untilEnd {
		p.end = f.End
	}
	p.read, p.idle = f.Next, false
	if r.config.untilEnd {
		p.read = min(p.read, p.end)
	}
	for i := range f.Records {
		if !r.config.untilEnd || f.Records[i].Offset < p.end {
			p.buffer = append(p.buffer, f.Records[i])
		}
	}
	if len(p.buffer) >= mostBuffered && !p.paused {
		p.paused = true
		r.consumer.Pause(p.tp)
	}
}

// caughtUp asks where partitions without records stand: there may be nothing but markers before their end. That a poll
// returned nothing does not say so, it may have been too short.
func (r *runner) caughtUp() error {
	for _, p := range r.partitions {
		if len(p.buffer) > 0 || p.read >= p.end {
			continue
		}
		next, err := r.consumer.Position(p.tp)
		if errors.Is(err, engine.ErrInvalidArgument) {
			continue // the poll ended before it came to assigning partitions
		}
		if err != nil {
			return err
		}
		p.read = max(p.read, min(next, p.end))
		r.finished(p)
	}
	return nil
}

// finished lets a partition whose end was reached for good no longer hold stream time back.
func (t *Task) finished(p *partition) {
	p.idle = p.idle || t.config.untilEnd && len(p.buffer) == 0 && p.read >= p.end
}

// maybeCommit commits when it is time to, or when much has gathered.
func (r *runner) maybeCommit(ctx context.Context) error {
	if r.ledger == nil || !r.dirty {
		return nil
	}
	if r.env.Clock.Now().Sub(r.committed) < r.config.commitInterval {
		if r.pending < mostPending {
			return nil
		}
		return r.ledger.write(ctx, r.Task)
	}
	return r.commit(ctx)
}

// commit stores what was processed since the last commit.
func (r *runner) commit(ctx context.Context) error {
	if r.ledger == nil || !r.dirty {
		return nil
	}
	r.dirty, r.committed = false, r.env.Clock.Now()
	return r.ledger.commit(ctx, r.Task)
}
