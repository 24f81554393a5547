package group

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// The states of a group, by Kafka's names. A deleted group is not there any more.
const (
	StateEmpty               = "Empty"               // no members
	StatePreparingRebalance  = "PreparingRebalance"  // members have partitions to give up
	StateCompletingRebalance = "CompletingRebalance" // members have not looked at what they were given
	StateStable              = "Stable"
)

// group is one consumer group.
type group struct {
	c    *Coordinator
	name string

	store sync.Mutex // held around every call of the Store, so that the journal has them in order

	mu         sync.Mutex
	members    []*Member // sorted: static members by instance id, then the others by id
	generation int32     // of the last assignment
	protocol   string    // the assignor of the last assignment
	topics     []count   // what the last assignment was made for
	pending    bool      // an assignment waits until nobody holds anything
	offsets    map[engine.TopicPartition]int64
	batch      *batch // commits that wait for the store, or nil
	users      int    // commits under way
	closed     bool   // the coordinator is
	exclusive  bool   // being reset or deleted: nobody may join
	timer      clock.Timer
	timers     uint64        // counts timers, to tell the current one from one that fires late
	due        time.Duration // when timer fires
}

// count is a topic subscribed to and how many partitions it has, 0 if it does not exist.
type count struct {
	topic      string
	partitions int32
}

func (g *group) state() string {
	state := StateStable
	for _, m := range g.members {
		if m.holds() {
			return StatePreparingRebalance
		}
		if len(m.next) > 0 && !m.away {
			state = StateCompletingRebalance
		}
	}
	if len(g.members) == 0 {
		return StateEmpty
	}
	return state
}

// position is where a member with these ids stands or would stand.
func (g *group) position(instance, id string) (int, bool) {
	return slices.BinarySearchFunc(g.members, id, func(m *Member, id string) int {
		if (m.instance == "") != (instance == "") {
			if m.instance == "" {
				return 1
			}
			return -1
		}
		if c := strings.Compare(m.instance, instance); c != 0 || instance != "" {
			return c
		}
		return strings.Compare(m.id, id)
	})
}

// remove takes members out for the reasons given.
func (g *group) remove(gone map[*Member]*engine.Error) {
	g.members = slices.DeleteFunc(g.members, func(m *Member) bool {
		reason, ok := gone[m]
		if ok {
			m.lose(reason)
		}
		return ok
	})
}

// expire removes members whose time is up.
func (g *group) expire(timer uint64) {
	now := g.c.now()
	g.mu.Lock()
	if timer != g.timers {
		g.mu.Unlock()
		return // it was replaced while it fired
	}
	g.disarm()
	gone := map[*Member]*engine.Error{}
	for _, m := range g.members {
		if at, why := m.deadline(); now >= at {
			gone[m] = m.errLost(m.explain(why))
		}
	}
	if len(gone) > 0 {
		g.remove(gone)
		g.rebalance()
	}
	g.arm()
	g.mu.Unlock()

	for m, reason := range gone {
		g.c.log.Warn("consumer removed from its group", "group", g.name, "member", m.id, "reason", reason.Message)
	}
	g.c.reap(g)
}

// arm makes sure that the timer fires at the earliest deadline or before. Keep-alives only move deadlines back, so they
// leave the timer alone: when it fires early, it is set again.
func (g *group) arm() {
	if len(g.members) == 0 {
		g.disarm()
		return
	}
	first, _ := g.members[0].deadline()
	for _, m := range g.members[1:] {
		at, _ := m.deadline()
		first = min(first, at)
	}
	g.armAt(first)
}

func (g *group) armAt(at time.Duration) {
	if g.timer != nil && g.due <= at {
		return
	}
	g.disarm()
	g.due = at
	serial := g.timers
	g.timer = g.c.clock.AfterFunc(max(at-g.c.now(), 0), func() { g.expire(serial) })
}

func (g *group) disarm() {
	g.timers++
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
}
