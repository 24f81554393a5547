package local

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/log"
)

// consumer reads partitions for one member of a group, or by itself. It has no goroutine: the work of membership is done
// by Poll, and signs of life while nobody polls are given by a timer.
type consumer struct {
	e      *Engine
	config engine.ConsumerConfig
	waiter *log.Waiter

	poll   sync.Mutex  // held by the one Poll at a time, and by Close
	timer  clock.Timer // of the Poll; made when it is first needed
	finish sync.Once   // Close
	result error       // what Close returned

	mu      sync.Mutex
	member  *group.Member
	fenced  error       // why it may not join its group again
	beat    clock.Timer // gives signs of life while there is a member
	cursors []*cursor   // sorted by topic and partition
	paused  map[engine.TopicPartition]bool
	seen    int64 // version of the topics, for one without a group
	turn    int   // the cursor that the next Poll begins with
	failure error // found by the last Poll, for the next one to return
	ended   bool  // the last Poll returned io.EOF
	closed  bool
}

// OpenConsumer opens a consumer. A member joins its group with its first Poll.
func (e *Engine) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (k engine.Consumer, err error) {
	err = e.call(ctx, func() error {
		if c.Group != "" {
			if err := engine.ValidateName("group", c.Group); err != nil {
				return err
			}
		}
		if len(c.Topics) == 0 {
			return engine.Errorf(engine.ErrInvalidArgument, "a consumer needs a topic")
		}
		c.Topics = slices.Clone(c.Topics)
		slices.Sort(c.Topics)
		c.Topics = slices.Compact(c.Topics)
		for _, name := range c.Topics {
			if _, err := e.topicFor(ctx, name, c.AutoCreateTopics); err != nil {
				return err
			}
		}
		consumer := &consumer{e: e, config: c, waiter: log.NewWaiter(), paused: map[engine.TopicPartition]bool{}, seen: -1}
		e.watch(consumer)
		k = consumer
		return nil
	})
	return k, err
}

// watch makes changes of topics wake the consumer.
func (c *core) watch(k *consumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.consumers[k] = true
}

func (c *core) unwatch(k *consumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.consumers, k)
}

// Poll implements engine.Consumer.
func (c *consumer) Poll(ctx context.Context, maxRecords int) ([]engine.Fetch, error) {
	if maxRecords <= 0 {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "a poll for %d records", maxRecords)
	}
	if err := ctx.Err(); err != nil {
		return nil, ctxError(err)
	}
	c.poll.Lock()
	defer c.poll.Unlock()
	if err := c.takeFailure(); err != nil {
		return nil, err
	}
	got := gathered{limit: maxRecords, minBytes: c.config.FetchMinBytes}
	p := patience{c: c}
	defer p.end()
	for {
		c.waiter.Arm() // before looking, so that nothing that comes meanwhile is slept through
		changed, err := c.step(ctx, &got)
		if err != nil || got.enough() {
			return got.fetches, err
		}
		done, err := p.wait(ctx, changed, &got)
		if len(got.fetches) > 0 && (done || err != nil) {
			return got.fetches, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// takeFailure is what the last Poll found besides records.
func (c *consumer) takeFailure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errConsumerClosed()
	}
	err := c.failure
	c.failure = nil
	return err
}

// gathered is what a Poll has so far.
type gathered struct {
	fetches  []engine.Fetch
	from     []*cursor // that each fetch came from
	limit    int
	minBytes int
	records  int
	bytes    int // counted if minBytes is more than 1
}

func (g *gathered) enough() bool {
	return g.records > 0 && (g.minBytes <= 1 || g.records >= g.limit || g.bytes >= g.minBytes)
}

func (g *gathered) add(cur *cursor, f engine.Fetch) {
	g.fetches, g.from = append(g.fetches, f), append(g.from, cur)
	g.count(f)
}

func (g *gathered) count(f engine.Fetch) {
	g.records += len(f.Records)
	if g.minBytes <= 1 {
		return
	}
	for i := range f.Records {
		g.bytes += len(f.Records[i].Key) + len(f.Records[i].Value)
	}
}

// retain drops what came from cursors that are gone: their partitions were given up while the Poll waited for more.
func (g *gathered) retain(cursors []*cursor) {
	fetches, from := g.fetches, g.from
	g.fetches, g.from, g.records, g.bytes = g.fetches[:0], g.from[:0], 0, 0
	for i, cur := range from {
		if slices.Contains(cursors, cur) {
			g.add(cur, fetches[i])
		}
	}
}

// step does the work of membership and takes what there is. It returns the channel that tells of changes in the group.
func (c *consumer) step(ctx context.Context, got *gathered) (<-chan struct{}, error) {
	if err := c.e.enter(ctx); err != nil {
		return nil, err
	}
	defer c.e.leave()
	changed, err := c.refresh(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errConsumerClosed()
	}
	if got.records > 0 {
		got.retain(c.cursors)
	}
	c.renewEnds()
	c.collect(got)
	if got.records > 0 {
		return changed, nil // a failure is for the next Poll
	}
	if err := c.failure; err != nil {
		c.failure = nil
		return nil, err
	}
	if c.config.UntilEnd && c.finished() {
		c.ended = true
		return nil, io.EOF
	}
	return changed, nil
}

// renewEnds makes a Poll after io.EOF go on to the ends as they are now. The caller holds mu.
func (c *consumer) renewEnds() {
	if !c.ended {
		return
	}
	c.ended = false
	for _, cur := range c.cursors {
		if cur.placed {
			cur.until = cur.partition.end(c.config.Isolation)
		}
	}
}

// collect takes records from the cursors in turn. The first error is kept; the other cursors go on. The caller holds mu.
func (c *consumer) collect(got *gathered) {
	n := len(c.cursors)
	for i := 0; i < n && got.records < got.limit; i++ {
		cur := c.cursors[(c.turn+i)%n]
		f, err := c.takeFrom(cur, got.limit-got.records)
		if err != nil {
			c.fail(cur.partition.gone(err))
		}
		if len(f.Records) > 0 {
			got.add(cur, f)
			c.e.recordsOut.Add(int64(len(f.Records)))
		}
	}
	if n > 0 {
		c.turn = (c.turn + 1) % n
	}
}

// takeFrom takes records from a cursor, if it has any. One whose topic was deleted has none; refresh removes it.
func (c *consumer) takeFrom(cur *cursor, limit int) (f engine.Fetch, err error) {
	if cur.paused || cur.partition.topic.deleted.Load() {
		return f, nil
	}
	if !cur.placed {
		if err := c.place(cur); err != nil {
			return f, err
		}
	}
	if !cur.ready(c.config.Isolation) {
		return f, nil
	}
	f, err = cur.take(limit, c.config.Isolation)
	if errors.Is(err, engine.ErrOffsetOutOfRange) {
		if err = c.startOver(cur, err); err == nil {
			f, err = cur.take(limit, c.config.Isolation)
		}
	}
	return f, err
}

// fail keeps the first error for when there is nothing else to return. The caller holds mu.
func (c *consumer) fail(err error) {
	if c.failure == nil {
		c.failure = err
	}
}

// startOver moves a cursor whose position is not in the log any more to where the consumer starts.
func (c *consumer) startOver(cur *cursor, cause error) error {
	start, err := c.start(cur.partition)
	if err != nil {
		return err
	}
	c.e.opts.Logger.Warn("position is not in the log; starting over", "topic", cur.partition.topic.name,
		"partition", cur.partition.number, "group", c.config.Group, "position", cur.position, "start", start, "err", cause)
	cur.seek(start)
	return nil
}

// start is where a consumer without a committed offset begins.
func (c *consumer) start(p *partition) (int64, error) {
	switch c.config.Start {
	case engine.StartLatest:
		return p.end(c.config.Isolation), nil
	case engine.StartTime:
		return p.log.OffsetAt(c.config.StartTime.UnixMilli())
	}
	return p.log.Start(), nil
}

// Close leaves the group, after what was processed could be committed, and ends a Poll that is under way. It is
// idempotent: every call returns what the first one did.
func (c *consumer) Close(ctx context.Context) error {
	c.finish.Do(func() { c.result = c.shut(ctx) })
	return c.result
}

func (c *consumer) shut(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	member := c.member
	tps := tpsOf(c.cursors)
	c.mu.Unlock()
	if len(tps) > 0 && member != nil && c.config.OnRevoked != nil && c.e.enter(ctx) == nil {
		c.e.callBack(ctx, func(ctx context.Context) { c.config.OnRevoked(ctx, tps) })
		c.e.leave()
	}
	c.waiter.Wake()
	c.poll.Lock()
	defer c.poll.Unlock()
	return c.leave()
}

// leave gives up everything, at once.
func (c *consumer) leave() error {
	c.mu.Lock()
	c.closed = true
	member := c.member
	c.setMember(nil)
	c.setCursors(nil)
	c.mu.Unlock()
	c.e.unwatch(c)
	if member == nil {
		return nil
	}
	if err := member.Leave(); err != nil && !errors.Is(err, engine.ErrFenced) {
		return err
	}
	return nil
}

func errConsumerClosed() error {
	return engine.Errorf(engine.ErrClosed, "the consumer is closed; open a new one")
}

func tpsOf(cursors []*cursor) []engine.TopicPartition {
	tps := make([]engine.TopicPartition, len(cursors))
	for i, cur := range cursors {
		tps[i] = cur.tp()
	}
	return tps
}
