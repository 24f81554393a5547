package cluster

import (
	"context"
	"errors"
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
	id := ""
	if m.c.config.InstanceID != "" {
		_ = m.cl.LeaveGroupContext(ctx)
	} else {
		id = m.identity(ctx)
	}
	m.end()
	m.cl.Close()
	if id == "" {
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

// naming is how long a member that leaves waits to be told its name by the group, which may be about to: under a name that
// it does not know it would keep the others waiting for the session's timeout.
const naming = time.Second

// identity is the member's name in its group, or empty.
func (m *member) identity(ctx context.Context) (id string) {
	ctx, cancel := context.WithTimeout(ctx, naming)
	defer cancel()
	_ = await(ctx, func() (bool, error) {
		id, _ = m.cl.GroupMetadata()
		return id != "", nil
	})
	return id
}

// gone reports whether the member is its consumer's no more. The caller holds the consumer's mu.
func (m *member) gone() bool { return m.c.member != m }

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
