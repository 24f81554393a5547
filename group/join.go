package group

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// Kafka's defaults.
const (
	DefaultSessionTimeout   = 45 * time.Second
	DefaultRebalanceTimeout = 5 * time.Minute
)

// forever bounds timeouts, so that adding one to a time cannot overflow.
const forever = 100 * 365 * 24 * time.Hour

// JoinRequest is what a consumer tells when it joins a group.
type JoinRequest struct {
	Group  string
	Topics []string // those that do not exist are assigned once they do
	// InstanceID makes the membership static (KIP-345): it takes over from an earlier holder of the same id.
	InstanceID string
	// Assignors in order of preference; none means Range, then CooperativeSticky, as in Kafka's consumer. The group
	// uses one that all members support, by vote.
	Assignors []string
	// SessionTimeout is the longest time without any sign of life; 0 means DefaultSessionTimeout.
	SessionTimeout time.Duration
	// RebalanceTimeout is the longest time between polls, and for giving up revoked partitions; 0 means
	// DefaultRebalanceTimeout.
	RebalanceTimeout time.Duration
}

// normalize fills in defaults and copies what the caller might change.
func (r JoinRequest) normalize() (JoinRequest, error) {
	r.Topics = slices.Clone(r.Topics)
	slices.Sort(r.Topics)
	r.Topics = slices.Compact(r.Topics)
	if len(r.Assignors) == 0 {
		r.Assignors = []string{Range, CooperativeSticky}
	}
	r.Assignors = slices.Clone(r.Assignors)
	for _, name := range r.Assignors {
		if assignors[name] == nil {
			return r, engine.Errorf(engine.ErrInvalidArgument,
				"assignor %q: there are range, roundrobin, sticky and cooperative-sticky", name)
		}
	}
	if r.SessionTimeout < 0 || r.RebalanceTimeout < 0 {
		return r, engine.Errorf(engine.ErrInvalidArgument, "negative session timeout or poll interval")
	}
	if r.SessionTimeout == 0 {
		r.SessionTimeout = DefaultSessionTimeout
	}
	if r.RebalanceTimeout == 0 {
		r.RebalanceTimeout = DefaultRebalanceTimeout
	}
	r.SessionTimeout, r.RebalanceTimeout = min(r.SessionTimeout, forever), min(r.RebalanceTimeout, forever)
	return r, nil
}

// Join makes a member and rebalances the group; the member's Poll tells what it gets. A static member that comes back
// with the same topics and assignors gets what its predecessor had, without a rebalance; the predecessor is fenced.
// Assignors of which not all members support one are [engine.ErrInvalidArgument].
func (c *Coordinator) Join(ctx context.Context, r JoinRequest) (*Member, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := r.normalize()
	if err != nil {
		return nil, err
	}
	g, err := c.open(r.Group)
	if err != nil {
		return nil, err
	}
	m, old, err := g.join(r)
	g.mu.Unlock()
	if err != nil {
		c.reap(g)
		return nil, err
	}
	if old != nil && !old.away {
		c.log.Info("static consumer taken over", "group", g.name, "instance", m.instance, "from", old.id, "to", m.id)
	}
	return m, nil
}

func (g *group) join(r JoinRequest) (m, old *Member, err error) {
	now := g.c.now()
	m = &Member{
		group: g, instance: r.InstanceID, changed: make(chan struct{}, 1),
		session: r.SessionTimeout, interval: r.RebalanceTimeout, topics: r.Topics, assignors: r.Assignors,
		beat: now, polled: now,
	}
	m.id = fmt.Sprintf("consumer-%06d", g.c.serial.Add(1))
	if m.instance != "" {
		m.id = m.instance + m.id[len("consumer"):]
	}
	at, taken := g.position(m.instance, m.id)
	if taken {
		old = g.members[at]
	}
	if !g.compatible(m, old) {
		return nil, nil, engine.Errorf(engine.ErrInvalidArgument,
			"none of the assignors %v is supported by all members of group %s", r.Assignors, r.Group)
	}
	if taken {
		g.takeOver(at, m)
	} else {
		m.shareLists(g.members)
		g.members = slices.Insert(g.members, at, m)
		g.rebalance()
	}
	g.arm()
	return m, old, nil
}

// shareLists saves memory where another member has the same subscription.
func (m *Member) shareLists(others []*Member) {
	if len(others) == 0 {
		return
	}
	if o := others[len(others)-1]; slices.Equal(m.topics, o.topics) && slices.Equal(m.assignors, o.assignors) {
		m.topics, m.assignors = o.topics, o.assignors
	}
}

// takeOver lets m stand in for the static member at a position.
func (g *group) takeOver(at int, m *Member) {
	old := g.members[at]
	same := slices.Equal(m.topics, old.topics) && slices.Equal(m.assignors, old.assignors)
	released := old.holds()
	m.target = old.target
	g.members[at] = m
	old.lose(old.errSuperseded())
	switch {
	case !same:
		g.rebalance()
	case g.pending || released:
		g.settle()
	default:
		g.grant()
	}
}

// stepOut leaves a stand-in for a static member, which keeps its partitions from others until the session timeout ends.
func (g *group) stepOut(m *Member, reason *engine.Error) {
	at, _ := g.position(m.instance, m.id)
	released := m.holds()
	g.members[at] = &Member{
		group: g, id: m.id, instance: m.instance, changed: m.changed,
		session: m.session, interval: m.interval, topics: m.topics, assignors: m.assignors,
		target: m.target, beat: g.c.now(), away: true,
	}
	m.lose(reason)
	if g.pending || released {
		g.settle()
	}
}

// compatible reports whether some assignor is supported by m and by all members but old, which m replaces.
func (g *group) compatible(m, old *Member) bool {
	return slices.ContainsFunc(m.assignors, func(name string) bool {
		return !slices.ContainsFunc(g.members, func(o *Member) bool { return o != old && !o.supports(name) })
	})
}

func (m *Member) supports(assignor string) bool { return slices.Contains(m.assignors, assignor) }
