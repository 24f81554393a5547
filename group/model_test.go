package group

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/engine"
)

// consumer is a member and what its holder believes to hold.
type consumer struct {
	*Member
	request JoinRequest
	last    Assignment
	owes    bool // last.Revoked is not acknowledged yet
}

func (c *consumer) holds() []engine.TopicPartition {
	if c.owes {
		return union(c.last.Partitions, c.last.Revoked)
	}
	return c.last.Partitions
}

func (c *consumer) gone() bool {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	return c.lost != nil
}

// model drives one group through everything that can happen to it.
type model struct {
	*harness
	consumers []*consumer // that have not found out that they are lost
	floor     offsets     // no committed offset may be lower
}

func newModel() *model {
	return &model{harness: newHarness(map[string]int{"t": 3, "u": 2}), floor: offsets{}}
}

func (m *model) pick(t *rapid.T) *consumer {
	if len(m.consumers) == 0 {
		t.Skip("no members")
	}
	return rapid.SampledFrom(m.consumers).Draw(t, "member")
}

func (m *model) forget(c *consumer) {
	m.consumers = slices.DeleteFunc(m.consumers, func(o *consumer) bool { return o == c })
}

func (m *model) Join(t *rapid.T) {
	r := request("", rapid.SliceOfN(rapid.SampledFrom([]string{"t", "u", "v"}), 1, 3).Draw(t, "topics")...)
	r.Assignors = rapid.SampledFrom([][]string{{Range, CooperativeSticky}, {CooperativeSticky, Range}, {CooperativeSticky},
		{CooperativeSticky}, {Sticky, RoundRobin}, {RoundRobin, CooperativeSticky}}).Draw(t, "assignors")
	r.InstanceID = rapid.SampledFrom([]string{"", "", "", "i", "j"}).Draw(t, "instance")
	joined, err := m.harness.Join(t.Context(), r)
	if err != nil {
		require.ErrorIs(t, err, engine.ErrInvalidArgument)
		return
	}
	m.consumers = append(m.consumers, &consumer{Member: joined, request: r})
}

func (m *model) Leave(t *rapid.T) {
	c := m.pick(t)
	gone := c.gone()
	err := c.Leave()
	require.Equal(t, gone, err != nil)
	require.True(t, c.Poll().Lost)
	m.forget(c)
}

func (m *model) Poll(t *rapid.T) { m.poll(t, m.pick(t)) }

func (m *model) poll(t *rapid.T, c *consumer) {
	gone := c.gone()
	before := c.last
	c.last = c.Member.Poll()
	require.Equal(t, gone, c.last.Lost)
	if gone {
		require.ErrorIs(t, c.last.Err, engine.ErrFenced)
		m.forget(c)
		return
	}
	c.owes = len(c.last.Revoked) > 0
	require.GreaterOrEqual(t, c.last.Generation, before.Generation)
	require.True(t, slices.IsSortedFunc(c.last.Partitions, compare))
	require.True(t, slices.IsSortedFunc(c.last.Revoked, compare))
	if before.Generation == c.last.Generation {
		more := subtract(c.last.Partitions, before.Partitions)
		require.Empty(t, more, "a new assignment has a new generation")
	}
}

func (m *model) PollAndAck(t *rapid.T) {
	c := m.pick(t)
	m.poll(t, c)
	m.ack(c)
}

func (m *model) ack(c *consumer) {
	if c.owes {
		c.Ack(c.last.Generation)
		c.owes = false
	}
}

func (m *model) Ack(t *rapid.T) {
	c := m.pick(t)
	c.Ack(c.last.Generation - int32(rapid.IntRange(1, 2).Draw(t, "stale")))
	m.ack(c)
	c.Ack(c.last.Generation)
}

func (m *model) Heartbeat(t *rapid.T) {
	c := m.pick(t)
	require.Equal(t, c.gone(), c.Heartbeat().Lost)
}

func (m *model) Commit(t *rapid.T) {
	c := m.pick(t)
	at := engine.TopicPartition{Topic: rapid.SampledFrom([]string{"t", "u", "v"}).Draw(t, "topic"),
		Partition: int32(rapid.IntRange(0, 3).Draw(t, "partition"))}
	offset := int64(rapid.IntRange(0, 100).Draw(t, "offset"))
	if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
		m.store.err = engine.ErrIO
		require.Error(t, c.Commit(t.Context(), offsets{at: offset + 1000}))
		m.store.err = nil
		return
	}
	err := c.Commit(t.Context(), offsets{at: offset})
	if c.gone() || !contains(c.holds(), at) {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	m.floor[at] = max(m.floor[at], offset)
}

func (m *model) Advance(t *rapid.T) {
	m.clock.Advance(time.Duration(rapid.IntRange(1, 12).Draw(t, "seconds")) * time.Second)
}

// Diligent lets some members work as they should for longer than any timeout: then they are the only ones, and the group
// is stable.
func (m *model) Diligent(t *rapid.T) {
	var working []*consumer
	for _, c := range m.consumers {
		if rapid.Bool().Draw(t, "works") && !c.gone() {
			working = append(working, c)
		}
	}
	for second := range 64 {
		if second > 0 {
			m.clock.Advance(time.Second)
		}
		for _, c := range working {
			m.poll(t, c)
			m.ack(c)
			require.False(t, c.last.Lost)
		}
	}
	m.consumers = working
	m.requireSettled(t)
}

// requireSettled checks that each partition that somebody subscribes to is read by one member.
func (m *model) requireSettled(t *rapid.T) {
	read := map[engine.TopicPartition]bool{}
	want := 0
	topics := map[string]bool{}
	for _, c := range m.consumers {
		for _, at := range c.last.Partitions {
			require.False(t, read[at])
			read[at] = true
		}
		for _, topic := range c.request.Topics {
			topics[topic] = true
		}
	}
	for topic := range topics {
		n, _ := m.topics.Partitions(topic)
		want += n
	}
	require.Len(t, read, want)
	info, err := m.Describe("g")
	if len(m.consumers) == 0 {
		require.Zero(t, m.clock.Timers())
		return
	}
	require.NoError(t, err)
	require.Equal(t, StateStable, info.State)
	require.Len(t, info.Members, len(m.consumers))
	require.Equal(t, 1, m.clock.Timers())
}

func (m *model) ChangeTopic(t *rapid.T) {
	topic := rapid.SampledFrom([]string{"t", "u", "v"}).Draw(t, "topic")
	n, _ := m.topics.Partitions(topic)
	if n < 4 {
		m.topics.set(topic, n+1)
		m.TopicsChanged()
		return
	}
	m.topics.set(topic, 0)
	m.DeleteTopic(topic)
	ofTopic := func(at engine.TopicPartition) bool { return at.Topic == topic }
	for _, o := range []offsets{m.floor, m.store.of("g")} { // the engine's journal forgets them too
		maps.DeleteFunc(o, func(at engine.TopicPartition, _ int64) bool { return ofTopic(at) })
	}
	for _, c := range m.consumers {
		c.last.Partitions = slices.DeleteFunc(slices.Clone(c.last.Partitions), ofTopic)
		c.last.Revoked = slices.DeleteFunc(slices.Clone(c.last.Revoked), ofTopic)
	}
}

func (m *model) SetOffsets(t *rapid.T) {
	at, offset := tp("t", 0), int64(rapid.IntRange(0, 100).Draw(t, "offset"))
	if n, _ := m.topics.Partitions("t"); n == 0 {
		t.Skip("no topic")
	}
	_, members := m.Count()
	err := m.harness.SetOffsets("g", offsets{at: offset})
	if members > 0 {
		require.ErrorIs(t, err, engine.ErrGroupNotEmpty)
		return
	}
	require.NoError(t, err)
	m.floor[at] = offset
}

// Check holds after every step.
func (m *model) Check(t *rapid.T) {
	holder := map[engine.TopicPartition]string{}
	for _, c := range m.consumers {
		if c.gone() {
			continue
		}
		for _, at := range c.holds() {
			require.Empty(t, holder[at], "%v is held by two", at)
			holder[at] = c.ID()
			require.Contains(t, c.request.Topics, at.Topic)
		}
	}
	for at, least := range m.floor {
		have, ok := m.Committed("g", at)
		require.True(t, ok, "%v", at)
		require.GreaterOrEqual(t, have, least, "%v", at)
		m.floor[at] = have
		require.Equal(t, have, m.store.of("g")[at], "memory and store differ")
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		defer m.Close()
		actions := map[string]func(*rapid.T){
			"": m.Check, "join": m.Join, "leave": m.Leave, "poll": m.Poll, "poll and ack": m.PollAndAck, "ack": m.Ack,
			"heartbeat": m.Heartbeat, "commit": m.Commit, "commit again": m.Commit, "advance": m.Advance,
			"diligent": m.Diligent, "change topic": m.ChangeTopic, "set offsets": m.SetOffsets,
		}
		t.Repeat(actions)
		m.Diligent(t)
	})
}
