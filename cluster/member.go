package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// member is a consumer's membership of its group, with a client of its own, until it leaves or is taken for stuck.
type member struct {
	c       *consumer
	cl      *kgo.Client
	quit    chan struct{}      // closed when it leaves
	life    context.Context    // of the client
	end     context.CancelFunc // of life
	settled bool               // it knows what it reads; guarded by the consumer's mu
}

// handover is partitions that the Poll has to tell of: revoked while done is set, which is closed when that is done; lost
// otherwise.
type handover struct {
	tps  []engine.TopicPartition
	done chan struct{}
}

// balancers are the assignors by their names.
var balancers = map[string]func() kgo.GroupBalancer{
	"range": kgo.RangeBalancer, "roundrobin": kgo.RoundRobinBalancer, "sticky": kgo.StickyBalancer,
	"cooperative-sticky": kgo.CooperativeStickyBalancer,
}

func (c *consumer) membershipOptions(m *member) []kgo.Opt {
	names := c.config.Assignors
	if len(names) == 0 {
		names = []string{"range", "cooperative-sticky"} // as the embedded engine, and Kafka's own consumer
	}
	var preferred []kgo.GroupBalancer
	for _, name := range names {
		preferred = append(preferred, balancers[name]())
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(c.config.Group), kgo.ConsumeTopics(c.config.Topics...), kgo.Balancers(preferred...),
		kgo.DisableAutoCommit(), kgo.RequireStableFetchOffsets(), kgo.RebalanceTimeout(c.maxPollInterval()),
	}
	if m != nil {
		opts = append(opts, kgo.WithContext(m.life), kgo.OnPartitionsAssigned(m.assigned), kgo.AdjustFetchOffsetsFn(m.place),
			kgo.OnPartitionsRevoked(m.revoked), kgo.OnPartitionsLost(m.lost), kgo.WithHooks(m))
	}
	if c.config.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(c.config.InstanceID))
	}
	session := c.config.SessionTimeout
	if session <= 0 {
		session = 45 * time.Second
	}
	beat := session / 3
	if c.config.HeartbeatInterval > 0 {
		beat = min(beat, c.config.HeartbeatInterval)
	}
	return append(opts, kgo.SessionTimeout(session), kgo.HeartbeatInterval(min(beat, 3*time.Second)))
}

func (c *consumer) maxPollInterval() time.Duration {
	if c.config.MaxPollInterval > 0 {
		return c.config.MaxPollInterval
	}
	return defaultMaxPollInterval
}

// join makes the consumer a member, if it is not one. The client joins beside.
func (c *consumer) join() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return errConsumerClosed()
	case c.member != nil:
		return nil
	}
	m := &member{c: c, quit: make(chan struct{})}
	m.life, m.end = context.WithCancel(context.Background())
	cl, err := c.e.dial(c.options(m)...)
	if err != nil {
		return err
	}
	m.cl, c.cl, c.member = cl, cl, m
	for tp := range c.paused {
		cl.PauseFetchPartitions(byTopic([]engine.TopicPartition{tp}))
	}
	return nil
}

// joined reports whether the consumer knows what it reads.
func (c *consumer) joined() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false, errConsumerClosed()
	}
	return c.member != nil && c.member.settled, nil
}

// close leaves the group, as far as ctx and the engine's timeout allow; otherwise it finds out by the session's timeout.
//
// The client's own way of leaving first waits for the end of a rebalance, which may take as long as another member does not
// poll. A static member does not leave, but for a case of which only the client knows.
func (m *member) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, m.c.e.opts.Timeout)
	defer cancel()
	close(m.quit)
	if m.c.config.InstanceID != "" {
		_ = m.cl.LeaveGroupContext(ctx)
	}
	id, _ := m.cl.GroupMetadata()
	m.end()
	m.cl.Close()
	if id == "" || m.c.config.InstanceID != "" {
		return
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = m.c.config.Group, id
	leaving := kmsg.NewLeaveGroupRequestMember()
	leaving.MemberID = id
	req.Members = append(req.Members, leaving)
	if _, err := req.RequestWith(ctx, m.c.e.admin); err != nil {
		m.c.e.opts.Logger.Warn("the group was not told that a member has left", "group", m.c.config.Group, "err", err)
	}
}

// gone reports whether the member is its consumer's no more. The caller holds the consumer's mu.
func (m *member) gone() bool { return m.c.member != m }

// assigned is called by the client when it knows its partitions; place follows for those that are new.
func (m *member) assigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if len(added) == 0 {
		m.settled = true
		m.c.halt()
	}
}

// place is called by the client with the committed offsets of new partitions, and returns where to read them.
func (m *member) place(ctx context.Context, fetched map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	c := m.c
	committed := map[engine.TopicPartition]int64{}
	var tps []engine.TopicPartition
	for topic, partitions := range fetched {
		for partition, o := range partitions {
			tp := engine.TopicPartition{Topic: topic, Partition: partition}
			tps = append(tps, tp)
			if offset := o.EpochOffset().Offset; offset >= 0 {
				committed[tp] = offset
			}
		}
	}
	bounded, cancel := c.e.bound(ctx)
	defer cancel()
	places, err := c.start(bounded, tps, committed, false)
	if err != nil {
		return nil, err
	}
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.gone() {
		return nil, errConsumerClosed()
	}
	for tp, p := range places {
		c.places[tp] = p
		fetched[tp.Topic][tp.Partition] = kgo.NewOffset().At(p.position)
	}
	m.settled = true
	return fetched, nil
}

// revoked is called by the client before it gives partitions up. It returns when the Poll has let finished work be
// committed, when the member leaves, or when that takes too long: then the partitions are lost.
func (m *member) revoked(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	c := m.c
	h := handover{done: make(chan struct{})}
	c.mu.Lock()
	if h.tps = c.held(given); len(h.tps) == 0 || m.gone() {
		c.mu.Unlock()
		return
	}
	m.settled = false
	c.due = append(c.due, h)
	c.halt()
	c.mu.Unlock()
	timer := c.e.opts.Clock.NewTimer(c.maxPollInterval())
	defer timer.Stop()
	select {
	case <-h.done:
	case <-m.quit:
	case <-timer.C():
		m.take(h)
	}
}

// take takes revoked partitions away of which nobody would hear.
func (m *member) take(h handover) {
	c := m.c
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.due, func(due handover) bool { return due.done == h.done })
	if i < 0 {
		return // it is being told at this moment
	}
	c.due[i].done = nil
	c.drop(h.tps)
}

// lost is called by the client when partitions were taken away.
func (m *member) lost(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	c := m.c
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	m.settled = false
	tps := c.held(given)
	if len(tps) == 0 || m.gone() {
		return
	}
	c.drop(tps)
	c.due = append(c.due, handover{tps: tps})
	c.halt()
}

// held are those of the client's partitions that the consumer reads, sorted. The caller holds mu.
func (c *consumer) held(given map[string][]int32) (tps []engine.TopicPartition) {
	for topic, partitions := range given {
		for _, partition := range partitions {
			if tp := (engine.TopicPartition{Topic: topic, Partition: partition}); c.places[tp] != nil {
				tps = append(tps, tp)
			}
		}
	}
	slices.SortFunc(tps, comparePartitions)
	return tps
}

// drop ceases to read partitions. The caller holds mu.
func (c *consumer) drop(tps []engine.TopicPartition) {
	for _, tp := range tps {
		delete(c.places, tp)
	}
}

// OnGroupManageError implements kgo.HookGroupManageError. A static member whose place another one has must not come back,
// as the client would: they would take it from each other for ever.
func (m *member) OnGroupManageError(err error) {
	if errors.Is(err, kerr.FencedInstanceID) {
		_ = m.cl.LeaveGroupContext(nil) //nolint:staticcheck // documented: it does not wait
		m.c.mu.Lock()
		defer m.c.mu.Unlock()
		if m.c.fenced == nil && !m.gone() {
			m.c.fenced = explain(err)
			m.c.halt()
		}
	}
}

// serve tells of partitions that are about to be given up, and of those that are lost.
func (c *consumer) serve(ctx context.Context) {
	for {
		c.mu.Lock()
		if len(c.due) == 0 {
			c.mu.Unlock()
			return
		}
		h := c.due[0]
		c.due = c.due[1:]
		c.mu.Unlock()
		if h.done == nil {
			if c.config.OnLost != nil {
				c.config.OnLost(h.tps)
			}
			continue
		}
		if c.config.OnRevoked != nil {
			c.config.OnRevoked(ctx, h.tps)
		}
		c.mu.Lock()
		c.drop(h.tps)
		c.mu.Unlock()
		close(h.done)
	}
}

// awake is told when a Poll begins and ends. A member that nobody polls for too long is taken for stuck and leaves.
func (c *consumer) awake(polling bool) {
	if c.config.Group == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
	case polling && c.idle != nil:
		c.idle.Stop()
	case polling:
	case c.idle == nil:
		c.idle = c.e.opts.Clock.AfterFunc(c.maxPollInterval(), c.evict)
	default:
		c.idle.Reset(c.maxPollInterval())
	}
}

// evict takes the member out of its group. The next Poll joins again.
func (c *consumer) evict() {
	if !c.poll.TryLock() {
		return // somebody polls after all
	}
	defer c.poll.Unlock()
	c.mu.Lock()
	m, tps := c.member, c.assigned()
	if m == nil || c.closed {
		c.mu.Unlock()
		return
	}
	for _, h := range c.due {
		if h.done != nil {
			close(h.done)
		}
	}
	c.member, c.cl, c.due = nil, nil, nil
	c.drop(tps)
	if len(tps) > 0 {
		c.due = []handover{{tps: tps}}
	}
	c.background.Go(func() { m.close(context.Background()) })
	c.mu.Unlock()
	c.e.opts.Logger.Warn("left the group: nobody has polled for too long", "group", c.config.Group)
}
