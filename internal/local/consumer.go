package local

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/log"
)

// consumer reads partitions for one member of a group, or by itself.
type consumer struct {
	e      *Engine
	config engine.ConsumerConfig
	waiter *log.Waiter

	poll sync.Mutex // held by the one Poll at a time, and by Close

	mu      sync.Mutex
	member  *group.Member
	cursors []*cursor // sorted by topic and partition
	paused  map[engine.TopicPartition]bool
	seen    int64 // version of the topics, for one without a group
	turn    int   // the cursor that the next Poll begins with
	failure error // found by the last Poll, for the next one to return
	ended   bool  // the last Poll returned io.EOF
	beat    clock.Timer
	closed  bool
}

// OpenConsumer opens a consumer. A member joins its group with its first Poll.
func (e *Engine) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (engine.Consumer, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	if c.Group != "" {
		if err := engine.ValidateName("group", c.Group); err != nil {
			return nil, err
		}
	}
	if len(c.Topics) == 0 {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "a consumer needs a topic")
	}
	for _, name := range c.Topics {
		if _, err := e.topicFor(name, c.AutoCreateTopics); err != nil {
			return nil, err
		}
	}
	k := &consumer{e: e, config: c, waiter: log.NewWaiter(), paused: map[engine.TopicPartition]bool{}}
	e.watch(k)
	return k, nil
}

// Poll implements engine.Consumer.
func (c *consumer) Poll(ctx context.Context, maxRecords int) ([]engine.Fetch, error) {
	if maxRecords <= 0 {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "a poll for %d records", maxRecords)
	}
	c.poll.Lock()
	defer c.poll.Unlock()
	got := gathered{limit: maxRecords}
	patience := wait{c: c}
	defer patience.stop()
	for {
		c.waiter.Arm()
		changed, err := c.step(ctx, &got)
		if err != nil || got.enough(c.config.FetchMinBytes) {
			return got.fetches, err
		}
		if done, err := patience.wait(ctx, changed, got.records > 0); done || err != nil {
			if len(got.fetches) > 0 {
				err = nil
			}
			return got.fetches, err
		}
	}
}

// gathered is what a Poll has so far.
type gathered struct {
	fetches        []engine.Fetch
	from           []*cursor // that each fetch came from
	limit, records int
	bytes          int
}

func (g *gathered) enough(minBytes int) bool {
	return g.records > 0 && (g.records >= g.limit || g.bytes >= minBytes)
}

// retain drops what came from cursors that are gone: their partitions were given up while the Poll waited for more.
func (g *gathered) retain(cursors []*cursor) {
	fetches, from := g.fetches, g.from
	g.fetches, g.from, g.records = g.fetches[:0], g.from[:0], 0
	for i, cur := range from {
		if slices.Contains(cursors, cur) {
			g.fetches, g.from = append(g.fetches, fetches[i]), append(g.from, cur)
			g.records += len(fetches[i].Records)
		}
	}
}

func (g *gathered) add(cur *cursor, f engine.Fetch, minBytes int) {
	g.fetches, g.from = append(g.fetches, f), append(g.from, cur)
	g.records += len(f.Records)
	if minBytes <= 1 {
		g.bytes++ // any record is enough
		return
	}
	for i := range f.Records {
		g.bytes += len(f.Records[i].Key) + len(f.Records[i].Value)
	}
}

// step does the work of membership and takes what there is. It returns the channel that tells of changes in the group.
func (c *consumer) step(ctx context.Context, got *gathered) (<-chan struct{}, error) {
	if err := c.e.enter(); err != nil {
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
	if err := c.failure; err != nil && got.records == 0 {
		c.failure = nil
		return nil, err
	}
	if err := c.collect(got); err != nil {
		if got.records == 0 {
			return nil, err
		}
		c.failure = err
	}
	if c.config.UntilEnd && got.records == 0 && c.finished() {
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
		cur.until = cur.partition.end(c.config.Isolation)
	}
}

// collect takes records from the cursors in turn. The caller holds mu.
func (c *consumer) collect(got *gathered) error {
	n := len(c.cursors)
	for i := 0; i < n && got.records < got.limit; i++ {
		cur := c.cursors[(c.turn+i)%n]
		if !cur.ready(c.config.Isolation) {
			continue
		}
		f, ok, err := cur.take(got.limit-got.records, c.config.Isolation)
		if outOfRange(err) {
			if err = c.startOver(cur, err); err == nil {
				f, ok, err = cur.take(got.limit-got.records, c.config.Isolation)
			}
		}
		if err != nil {
			c.turn = (c.turn + i + 1) % n
			return cur.partition.gone(err)
		}
		if ok {
			got.add(cur, f, c.config.FetchMinBytes)
			c.e.recordsOut.Add(int64(len(f.Records)))
		}
	}
	if n > 0 {
		c.turn = (c.turn + 1) % n
	}
	return nil
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

// wait is how a Poll waits.
type wait struct {
	c     *consumer
	timer interface {
		C() <-chan time.Time
		Stop() bool
	}
	full bool // the timer ends the Poll, because FetchMaxWait is over
}

// wait returns when something may have changed; done when what was gathered must do.
func (w *wait) wait(ctx context.Context, changed <-chan struct{}, some bool) (done bool, err error) {
	if some && !w.full {
		w.stop()
		w.timer, w.full = w.c.e.opts.Clock.NewTimer(w.c.config.FetchMaxWait), true
	}
	if w.timer == nil {
		w.timer = w.c.e.opts.Clock.NewTimer(w.c.patience())
	}
	select {
	case <-ctx.Done():
		return true, ctxError(ctx.Err())
	case <-w.c.e.closing:
		return true, engine.Errorf(engine.ErrClosed, "the client is closed; open a new one")
	case <-w.c.waiter.C:
	case <-changed:
	case <-w.timer.C():
		w.timer = nil
		return w.full, nil
	}
	return false, nil
}

func (w *wait) stop() {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// patience is how long a Poll may wait before it counts as a further one, well within the poll interval.
func (c *consumer) patience() time.Duration {
	interval := c.config.MaxPollInterval
	if interval <= 0 {
		interval = group.DefaultRebalanceTimeout
	}
	return max(interval/3, time.Millisecond)
}

// keepAlive gives a sign of life now and then while c is the member m, as Kafka's clients do in the background: a loop
// whose body takes longer than the session timeout is slow, not dead. The poll interval bounds it. The caller holds mu.
func (c *consumer) keepAlive(m *group.Member) {
	c.beat = c.e.opts.Clock.AfterFunc(c.heartbeat(), func() {
		if m.Heartbeat().Lost {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.member == m && !c.closed {
			c.keepAlive(m)
		}
	})
}

// resign forgets the membership. The caller holds mu.
func (c *consumer) resign() {
	c.member = nil
	if c.beat != nil {
		c.beat.Stop()
		c.beat = nil
	}
}

// heartbeat is how often a member gives a sign of life.
func (c *consumer) heartbeat() time.Duration {
	session := c.config.SessionTimeout
	if session <= 0 {
		session = group.DefaultSessionTimeout
	}
	beat := session / 3
	if c.config.HeartbeatInterval > 0 {
		beat = min(beat, c.config.HeartbeatInterval)
	}
	return max(beat, time.Millisecond)
}

// Commit implements engine.Consumer.
func (c *consumer) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	if err := c.e.enter(); err != nil {
		return err
	}
	defer c.e.leave()
	if c.config.Group == "" {
		return engine.Errorf(engine.ErrInvalidArgument, "a consumer without a group has nowhere to commit to")
	}
	c.mu.Lock()
	member := c.member
	c.mu.Unlock()
	if member == nil {
		return engine.Errorf(engine.ErrRebalanceInProgress, "the consumer is not a member of its group now; its records come again")
	}
	return member.Commit(ctx, offsets)
}

// Committed implements engine.Consumer.
func (c *consumer) Committed(ctx context.Context, tp engine.TopicPartition) (int64, error) {
	if err := c.e.enter(); err != nil {
		return 0, err
	}
	defer c.e.leave()
	if offset, ok := c.e.groups.Committed(c.config.Group, tp); ok {
		return offset, nil
	}
	return -1, nil
}

// find returns the cursor of a partition that is read now. The caller holds mu.
func (c *consumer) find(tp engine.TopicPartition) (*cursor, error) {
	for _, cur := range c.cursors {
		if cur.tp() == tp {
			return cur, nil
		}
	}
	return nil, engine.Errorf(engine.ErrInvalidArgument, "the consumer does not read this partition now").At(tp.Topic, int(tp.Partition))
}

// Seek implements engine.Consumer.
func (c *consumer) Seek(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	if err := c.e.enter(); err != nil {
		return err
	}
	defer c.e.leave()
	cur, err := c.locate(ctx, tp)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := cur.partition.log; offset < l.Start() || offset > l.End() {
		return engine.Errorf(engine.ErrOffsetOutOfRange, "offset %d is outside of %d to %d", offset, l.Start(), l.End()).
			At(tp.Topic, int(tp.Partition))
	}
	cur.seek(offset)
	c.failure = nil
	c.waiter.Wake()
	return nil
}

// locate returns the cursor of a partition. Where there is none yet and no Poll is under way, which would do that, it
// joins the group first.
func (c *consumer) locate(ctx context.Context, tp engine.TopicPartition) (*cursor, error) {
	c.mu.Lock()
	cur, err := c.find(tp)
	c.mu.Unlock()
	if err == nil || !c.poll.TryLock() {
		return cur, err
	}
	defer c.poll.Unlock()
	if _, err := c.refresh(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(tp)
}

// Pause implements engine.Consumer.
func (c *consumer) Pause(tps ...engine.TopicPartition) { c.setPaused(true, tps) }

// Resume implements engine.Consumer.
func (c *consumer) Resume(tps ...engine.TopicPartition) { c.setPaused(false, tps) }

func (c *consumer) setPaused(paused bool, tps []engine.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		if paused {
			c.paused[tp] = true
		} else {
			delete(c.paused, tp)
		}
		if cur, err := c.find(tp); err == nil {
			cur.paused = paused
		}
	}
	c.waiter.Wake()
}

// Position implements engine.Consumer.
func (c *consumer) Position(tp engine.TopicPartition) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cur, err := c.find(tp)
	if err != nil {
		return 0, err
	}
	return cur.position, nil
}

// Assignment implements engine.Consumer.
func (c *consumer) Assignment() []engine.TopicPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	tps := make([]engine.TopicPartition, len(c.cursors))
	for i, cur := range c.cursors {
		tps[i] = cur.tp()
	}
	return tps
}

// Ends implements engine.Consumer.
func (c *consumer) Ends(ctx context.Context) (map[engine.TopicPartition]int64, error) {
	if err := c.e.enter(); err != nil {
		return nil, err
	}
	defer c.e.leave()
	ends := map[engine.TopicPartition]int64{}
	for _, name := range c.config.Topics {
		t, err := c.e.topic(name)
		if err != nil {
			return nil, err
		}
		for _, p := range t.list() {
			if p.err != nil {
				return nil, p.err
			}
			ends[engine.TopicPartition{Topic: name, Partition: p.number}] = p.end(c.config.Isolation)
		}
	}
	return ends, nil
}

// Close leaves the group, after what was processed could be committed. It is idempotent.
func (c *consumer) Close(ctx context.Context) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	member := c.member
	tps := make([]engine.TopicPartition, len(c.cursors))
	for i, cur := range c.cursors {
		tps[i] = cur.tp()
	}
	c.mu.Unlock()
	if len(tps) > 0 && member != nil && c.config.OnRevoked != nil {
		c.config.OnRevoked(ctx, tps)
	}
	c.waiter.Wake()
	c.poll.Lock()
	defer c.poll.Unlock()
	c.mu.Lock()
	c.resign()
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

// setCursors replaces the partitions that are read. The caller holds mu.
func (c *consumer) setCursors(cursors []*cursor) {
	before, after := logsOf(c.cursors), logsOf(cursors)
	for l := range before {
		if !after[l] {
			l.RemoveWaiter(c.waiter)
		}
	}
	for l := range after {
		if !before[l] {
			l.AddWaiter(c.waiter)
		}
	}
	c.cursors = cursors
}

func logsOf(cursors []*cursor) map[*log.Log]bool {
	logs := make(map[*log.Log]bool, len(cursors))
	for _, cur := range cursors {
		logs[cur.partition.log] = true
	}
	return logs
}

// watch makes changes of topics wake the consumer.
func (e *Engine) watch(c *consumer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.consumers == nil {
		e.consumers = map[*consumer]bool{}
	}
	e.consumers[c] = true
}

func (e *Engine) unwatch(c *consumer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.consumers, c)
}

// topicsChanged rebalances groups and wakes consumers after topics or partitions came or went.
func (e *Engine) topicsChanged() {
	e.changes.Add(1)
	e.groups.TopicsChanged()
	e.mu.RLock()
	consumers := slices.Collect(maps.Keys(e.consumers))
	e.mu.RUnlock()
	for _, c := range consumers {
		c.waiter.Wake()
	}
}
