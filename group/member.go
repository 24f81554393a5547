package group

import (
	"fmt"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// Assignment is what a member should know. Its slices are sorted by topic and partition and must not be written to.
type Assignment struct {
	// Generation counts the assignments of the group; it rises with every change.
	Generation int32
	// Partitions may be read and committed.
	Partitions []engine.TopicPartition
	// Revoked partitions must not be read any more. Commit what was processed, then call Ack.
	Revoked []engine.TopicPartition
	// Lost tells that this is no member any more: everything was taken away, and only joining again helps.
	Lost bool
	// Err says why, when Lost: it matches [engine.ErrFenced], or [engine.ErrClosed].
	Err error
}

// Member is a consumer's membership in a group. Its methods may be called concurrently.
//
// The holder calls Poll whenever it asks for records and, while it waits for some, at least every third of its session
// timeout and whenever Changed is signalled. It reads the partitions that the last Poll returned, and no others.
type Member struct {
	group    *group
	id       string
	instance string
	changed  chan struct{}
	session  time.Duration // the longest time without any sign of life
	interval time.Duration // the longest time without Poll, and to give partitions up

	// The rest is guarded by group.mu. Lists are sorted and never changed in place.
	topics    []string
	assignors []string

	target   []engine.TopicPartition // what the last assignment gives it
	current  []engine.TopicPartition // what it reads: part of target
	next     []engine.TopicPartition // what it will read from the next Poll on: part of target
	revoking []engine.TopicPartition // what it must give up and does not know of yet
	revoked  []engine.TopicPartition // what it must give up and has been told

	beat, polled, asked time.Duration // when it last gave a sign of life, polled, was asked to give up

	generation int32  // that Poll last returned
	gaveUp     uint64 // how often it has given partitions up
	away       bool   // stands in for a static member that left and may come back
	left       bool
	lost       *engine.Error // why it is no member any more, or nil
}

// ID is unique among members of all groups.
func (m *Member) ID() string { return m.id }

// Group is the name of the member's group.
func (m *Member) Group() string { return m.group.name }

// Changed is signalled when Poll has something new to tell. One signal may stand for several changes or, rarely, none;
// it reaches one receiver.
func (m *Member) Changed() <-chan struct{} { return m.changed }

// Poll keeps the membership alive and takes up what the member was given.
func (m *Member) Poll() Assignment {
	g := m.group
	now := g.c.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.lost != nil {
		return Assignment{Lost: true, Err: m.lost}
	}
	m.beat, m.polled = now, now
	m.takeUp()
	m.generation = g.generation
	return Assignment{Generation: g.generation, Partitions: m.current, Revoked: m.revoked}
}

// Heartbeat is a sign of life that does not count as asking for records. It shows the assignment without taking
// anything up: what was given since the last Poll is not in it.
func (m *Member) Heartbeat() Assignment {
	g := m.group
	now := g.c.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.lost != nil {
		return Assignment{Lost: true, Err: m.lost}
	}
	m.beat = now
	return Assignment{Generation: g.generation, Partitions: m.current, Revoked: union(m.revoked, m.revoking)}
}

// takeUp makes what changed since the last Poll known to the member.
func (m *Member) takeUp() {
	if len(m.revoking) > 0 {
		m.revoked, m.revoking = union(m.revoked, m.revoking), nil
	}
	if len(m.next) > 0 {
		if len(m.current)+len(m.next) == len(m.target) {
			m.current = m.target // the same, and one list less
		} else {
			m.current = union(m.current, m.next)
		}
		m.next = nil
	}
}

// Ack tells that the member has stopped reading what Poll last returned as Revoked, and has committed what it wanted to.
// A generation other than that Poll's is ignored: there is something newer to look at.
func (m *Member) Ack(generation int32) {
	g := m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.lost != nil || generation != m.generation || len(m.revoked) == 0 {
		return
	}
	m.revoked = nil
	m.gaveUp++
	g.settle()
}

// Leave ends the membership and gives its partitions to others. Those of a static member are kept for it until its
// session timeout ends. An error says that the membership had ended before, so that others may have processed the same
// records; leaving twice is no error.
func (m *Member) Leave() error {
	g := m.group
	g.mu.Lock()
	if m.lost != nil {
		defer g.mu.Unlock()
		if m.left || m.lost.Code == engine.ErrClosed {
			return nil
		}
		return m.lost
	}
	m.left = true
	reason := m.errLost("it left")
	if m.instance == "" {
		g.remove(map[*Member]*engine.Error{m: reason})
		g.rebalance()
	} else {
		g.stepOut(m, reason)
	}
	g.mu.Unlock()
	g.c.reap(g)
	return nil
}

// holds reports whether the member has partitions that it must give up.
func (m *Member) holds() bool { return len(m.revoked)+len(m.revoking) > 0 }

// revoke asks the member to give up what it reads.
func (m *Member) revoke(tps []engine.TopicPartition) {
	if !m.holds() {
		m.asked = m.group.c.now()
	}
	m.revoking = union(m.revoking, tps)
}

// lose ends the membership.
func (m *Member) lose(reason *engine.Error) {
	m.lost = reason
	m.target, m.current, m.next, m.revoking, m.revoked = nil, nil, nil, nil, nil
	m.notify()
}

func (m *Member) notify() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// overdue is what a member failed to do in time.
type overdue int

const (
	overdueHeartbeat overdue = iota
	overduePoll
	overdueAck
)

// deadline is when the member is removed unless it acts, and what it must do.
func (m *Member) deadline() (at time.Duration, what overdue) {
	at = m.beat + m.session
	if m.away {
		return at, overdueHeartbeat
	}
	if poll := m.polled + m.interval; poll < at {
		at, what = poll, overduePoll
	}
	if ack := m.asked + m.interval; m.holds() && ack < at {
		at, what = ack, overdueAck
	}
	return at, what
}

func (m *Member) explain(what overdue) string {
	switch what {
	case overduePoll:
		return fmt.Sprintf("no poll within the poll interval of %v", m.interval)
	case overdueAck:
		return fmt.Sprintf("revoked partitions were not given up within %v", m.interval)
	}
	return fmt.Sprintf("no heartbeat within the session timeout of %v", m.session)
}

// errLost is Kafka's UNKNOWN_MEMBER_ID.
func (m *Member) errLost(reason string) *engine.Error {
	return engine.Errorf(engine.ErrFenced, "member %s is no longer in group %s: %s; join again", m.id, m.group.name, reason)
}

// errSuperseded is Kafka's FENCED_INSTANCE_ID.
func (m *Member) errSuperseded() *engine.Error {
	return engine.Errorf(engine.ErrFenced, "another consumer joined group %s with instance id %s", m.group.name, m.instance)
}
