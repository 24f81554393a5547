package group

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type offsets = map[engine.TopicPartition]int64

// memory is a Store whose next calls can be made to fail or to wait.
type memory struct {
	mu     sync.Mutex
	groups map[string]offsets
	calls  int
	err    error
	gate   chan struct{} // if set, every call takes a value from it first
	enter  chan struct{} // if set, every call puts a value in before that
}

func (s *memory) call(change func()) error {
	if s.enter != nil {
		s.enter <- struct{}{}
	}
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err == nil {
		change()
	}
	return s.err
}

func (s *memory) of(group string) offsets {
	if s.groups == nil {
		s.groups = map[string]offsets{}
	}
	if s.groups[group] == nil {
		s.groups[group] = offsets{}
	}
	return s.groups[group]
}

func (s *memory) Commit(group string, o offsets) error {
	return s.call(func() { raise(s.of(group), o) })
}

func (s *memory) Reset(group string, o offsets) error {
	return s.call(func() { maps.Copy(s.of(group), o) })
}

func (s *memory) Delete(group string) error {
	return s.call(func() { delete(s.groups, group) })
}

// catalogue is a Topics that tests change.
type catalogue struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *catalogue) Partitions(topic string) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.n[topic]
	return n, ok
}

func (c *catalogue) set(topic string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n == 0 {
		delete(c.n, topic)
	} else {
		c.n[topic] = n
	}
}

// harness is a coordinator under a clock that tests move.
type harness struct {
	*Coordinator
	clock  *clock.Manual
	topics *catalogue
	store  *memory
}

func newHarness(topics map[string]int) *harness {
	h := &harness{
		clock:  clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		topics: &catalogue{n: map[string]int{}},
		store:  &memory{},
	}
	maps.Copy(h.topics.n, topics)
	h.Coordinator = New(Config{Clock: h.clock, Topics: h.topics, Store: h.store})
	return h
}

// start is a harness that is closed at the end of a test.
func start(t *testing.T, topics map[string]int) *harness {
	h := newHarness(topics)
	t.Cleanup(h.Close)
	return h
}

// request has a session timeout of 10 s and a poll interval of 60 s.
func request(assignor string, topics ...string) JoinRequest {
	return JoinRequest{
		Group: "g", Topics: topics, Assignors: []string{assignor},
		SessionTimeout: 10 * time.Second, RebalanceTimeout: 60 * time.Second,
	}
}

func (h *harness) join(t testing.TB, r JoinRequest) *Member {
	m, err := h.Join(t.Context(), r)
	require.NoError(t, err)
	return m
}

func (h *harness) state(t testing.TB) string {
	info, err := h.Describe("g")
	require.NoError(t, err)
	return info.State
}

// reads polls and returns what the member may read.
func reads(m *Member) string { return format(m.Poll().Partitions) }

// release polls, and gives up what is asked for.
func release(m *Member) string {
	a := m.Poll()
	if len(a.Revoked) > 0 {
		m.Ack(a.Generation)
	}
	return format(a.Revoked)
}

func signalled(m *Member) bool {
	select {
	case <-m.Changed():
		return true
	default:
		return false
	}
}

func tp(topic string, partition int32) engine.TopicPartition {
	return engine.TopicPartition{Topic: topic, Partition: partition}
}
