// Package group coordinates consumer groups within one process: who is a member, who reads which partition, and how far
// each group has read. It holds no records and writes no files; committed offsets go to a [Store].
//
// The rules are Kafka's as a consumer observes them (KIP-54 and KIP-429 for the assignors, KIP-345 for static members),
// without the protocol: the coordinator knows what every member holds, so it checks ownership instead of trusting a
// generation number, and asks only those to give partitions up who have any.
//
// # Invariants
//
//  1. A partition stands in the lists of one member at most. It passes to another after an [Member.Ack], after the
//     member left or was removed, or when a static member was superseded; commits of the last two fail.
//  2. A member reads only what its last [Member.Poll] returned: what it was given but has not looked at can be taken back
//     without asking.
//  3. A rebalance ends: every wait for an Ack has a deadline, after which the member is removed.
//  4. A committed offset rises, except by [Coordinator.SetOffsets], and only after the Store has it.
//
// Locks are taken in this order: a group's store, the coordinator's mu, a group's mu. Only the first is ever held while
// the Store works, so heartbeats never wait for a disk.
package group

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Store keeps committed offsets. Calls for one group come one at a time; maps are read only until the call returns and
// must not be kept. A Store must not call back into the Coordinator.
type Store interface {
	// Commit stores offsets of a group durably enough to survive a killed process and returns when they are. Reading
	// them back must keep the highest offset of a partition since the last Reset or Delete, whatever the order of
	// entries: a transaction's offsets reach the journal beside those given here.
	Commit(group string, offsets map[engine.TopicPartition]int64) error
	// Reset stores offsets that replace those there are, also by lower ones.
	Reset(group string, offsets map[engine.TopicPartition]int64) error
	// Delete forgets a group.
	Delete(group string) error
}

// Topics tells how many partitions a topic has; ok is false when there is no such topic. It is called with locks held:
// it must neither block nor call back into the Coordinator.
type Topics interface {
	Partitions(topic string) (n int, ok bool)
}

// Config is what a Coordinator works with. Topics and Store are required.
type Config struct {
	Clock  clock.Clock // nil means the real one
	Topics Topics
	Store  Store
	Logger *slog.Logger // nil means silence
}

// Coordinator holds the groups of an engine. All methods may be called concurrently.
type Coordinator struct {
	clock  clock.Clock
	topics Topics
	store  Store
	log    *slog.Logger
	start  time.Time     // deadlines are counted from here
	serial atomic.Uint64 // of the last member id

	mu     sync.RWMutex
	groups map[string]*group
	closed bool
}

// New returns a Coordinator without groups.
func New(c Config) *Coordinator {
	if c.Clock == nil {
		c.Clock = clock.Real
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Coordinator{
		clock: c.Clock, topics: c.Topics, store: c.Store, log: c.Logger,
		start: c.Clock.Now(), groups: map[string]*group{},
	}
}

// now is the time since the coordinator started.
func (c *Coordinator) now() time.Duration { return c.clock.Now().Sub(c.start) }

// partitions is the number of partitions of a topic, 0 if there is none.
func (c *Coordinator) partitions(topic string) int32 {
	n, ok := c.topics.Partitions(topic)
	if !ok || n < 0 {
		return 0
	}
	return int32(min(int64(n), 1<<31-1))
}

func (c *Coordinator) exists(tp engine.TopicPartition) bool {
	return tp.Partition >= 0 && tp.Partition < c.partitions(tp.Topic)
}

// get returns a group with its mu locked, or nil when there is none.
func (c *Coordinator) get(name string) *group {
	c.mu.RLock()
	defer c.mu.RUnlock()
	g := c.groups[name]
	if g != nil {
		g.mu.Lock()
	}
	return g
}

// open returns a group with its mu locked, made if there was none. It waits while the group is reset or deleted.
func (c *Coordinator) open(name string) (*group, error) {
	for {
		g, err := c.getOrMake(name)
		if err != nil || !g.exclusive {
			return g, err
		}
		g.mu.Unlock()
		g.store.Lock() // held by whoever wanted the group to itself
		g.store.Unlock()
	}
}

func (c *Coordinator) getOrMake(name string) (*group, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed()
	}
	g := c.groups[name]
	if g == nil {
		g = &group{c: c, name: name, offsets: map[engine.TopicPartition]int64{}}
		c.groups[name] = g
	}
	g.mu.Lock()
	return g, nil
}

// all returns the groups sorted by name.
func (c *Coordinator) all() []*group {
	c.mu.RLock()
	defer c.mu.RUnlock()
	gs := make([]*group, 0, len(c.groups))
	for _, g := range c.groups {
		gs = append(gs, g)
	}
	slices.SortFunc(gs, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	return gs
}

// reap forgets a group that holds nothing any more.
func (c *Coordinator) reap(g *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.groups[g.name] == g && len(g.members) == 0 && len(g.offsets) == 0 && g.users == 0 && !g.exclusive {
		delete(c.groups, g.name)
	}
}

// TopicsChanged rebalances the groups whose topics have appeared, vanished or grown since their last assignment. Call it
// after Topics tells so.
func (c *Coordinator) TopicsChanged() {
	for _, g := range c.all() {
		g.mu.Lock()
		g.topicsChanged()
		g.mu.Unlock()
	}
}

// Close removes all members, whose calls then fail with [engine.ErrClosed], and waits for calls of the Store to return.
// It is idempotent.
func (c *Coordinator) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	for _, g := range c.all() {
		g.mu.Lock()
		for _, m := range g.members {
			m.lose(errClosed())
		}
		g.members, g.closed = nil, true
		g.disarm()
		g.mu.Unlock()
		g.store.Lock() // held during every call of the Store
		g.store.Unlock()
	}
}

func errClosed() *engine.Error {
	return engine.Errorf(engine.ErrClosed, "the engine that coordinates the group is closed")
}
