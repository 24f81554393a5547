package local

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
)

// list returns all topics by name.
func (c *core) list() []*topic {
	c.mu.RLock()
	defer c.mu.RUnlock()
	ts := make([]*topic, 0, len(c.topics))
	for _, name := range slices.Sorted(maps.Keys(c.topics)) {
		ts = append(ts, c.topics[name])
	}
	return ts
}

// topic finds a topic.
func (c *core) topic(name string) (*topic, error) {
	c.mu.RLock()
	t := c.topics[name]
	c.mu.RUnlock()
	if t == nil {
		if err := engine.ValidateName("topic", name); err != nil {
			return nil, err
		}
		return nil, engine.Errorf(engine.ErrTopicNotFound, "create it, or allow topics to be made by use").At(name, -1)
	}
	return t, nil
}

// topicFor finds a topic, and makes it when that is allowed.
func (c *core) topicFor(ctx context.Context, name string, autoCreate bool) (*topic, error) {
	t, err := c.topic(name)
	if !autoCreate || !errors.Is(err, engine.ErrTopicNotFound) {
		return t, err
	}
	if err := c.createTopic(ctx, name, engine.TopicConfig{}); err != nil && !errors.Is(err, engine.ErrTopicExists) {
		return nil, err
	}
	return c.topic(name)
}

func (c *core) partition(tp engine.TopicPartition) (*partition, error) {
	t, err := c.topic(tp.Topic)
	if err != nil {
		return nil, err
	}
	return t.partition(tp.Partition)
}

// topicCounts tells the group coordinator how many partitions there are.
type topicCounts struct{ *core }

func (c topicCounts) Partitions(name string) (int, bool) {
	t, err := c.topic(name)
	if err != nil {
		return 0, false
	}
	return len(t.list()), true
}

// createTopic makes a topic: its directories first, then the journal entry that makes it exist.
func (c *core) createTopic(ctx context.Context, name string, config engine.TopicConfig) error {
	if err := engine.ValidateName("topic", name); err != nil {
		return err
	}
	config = withDefaults(config, c.opts.DefaultPartitions, c.opts.Codec)
	if err := validate(name, config); err != nil {
		return err
	}
	c.admin.Lock()
	defer c.admin.Unlock()
	if err := c.vacant(name, config.Partitions); err != nil {
		return err
	}
	t := newTopic(name, stored{Config: config})
	if _, err := rand.Read(t.id[:]); err != nil {
		return err
	}
	list, err := c.makePartitions(ctx, t, config.Partitions)
	if err != nil {
		return err
	}
	t.partitions.Store(&list)
	s := stored{ID: t.id, Config: config}
	if err := c.journal.Commit(true, journal.Change{Key: topicKey(name), Value: s.encode()}); err != nil {
		// The directories stay: the next Open may find that the topic exists.
		return errors.Join(ioError(err, "creating a topic"), t.close())
	}
	c.add(t)
	c.topicsChanged()
	return nil
}

// vacant reports why a topic of this name cannot be made. The caller holds admin.
func (c *core) vacant(name string, partitions int) error {
	c.mu.RLock()
	other, taken := c.folded[strings.ToLower(name)]
	topics := len(c.topics)
	c.mu.RUnlock()
	switch {
	case taken && other == name:
		return engine.Errorf(engine.ErrTopicExists, "choose another name, or alter it").At(name, -1)
	case taken:
		return engine.Errorf(engine.ErrInvalidArgument,
			"topic %s differs only by case, which some file systems cannot tell apart", other).At(name, -1)
	case topics >= maxTopics:
		return engine.Errorf(engine.ErrQuotaExceeded, "there are %d topics, as many as there may be", topics).At(name, -1)
	}
	return c.roomFor(name, partitions)
}

// roomFor reports whether so many more partitions would be too many. The caller holds admin.
func (c *core) roomFor(name string, partitions int) error {
	have := 0
	c.mu.RLock()
	for _, t := range c.topics {
		have += len(t.list())
	}
	c.mu.RUnlock()
	if have+partitions > maxPartitions {
		return engine.Errorf(engine.ErrQuotaExceeded,
			"there are %d partitions in all topics; with %d more there would be more than %d", have, partitions, maxPartitions).
			At(name, -1)
	}
	return nil
}

func (c *core) add(t *topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.topics[t.name] = t
	c.folded[strings.ToLower(t.name)] = t.name
}

func (c *core) drop(t *topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.topics, t.name)
	delete(c.folded, strings.ToLower(t.name))
}

// topicsChanged rebalances groups and wakes consumers and the background after topics or partitions came or went.
func (c *core) topicsChanged() {
	c.changes.Add(1)
	c.groups.TopicsChanged()
	for _, k := range c.watchers() {
		k.waiter.Wake()
	}
	c.configChanged()
}

// configChanged makes the background look at flush intervals.
func (c *core) configChanged() {
	select {
	case c.retime <- struct{}{}:
	default:
	}
}

// alterTopic changes what is not zero in change.
func (c *core) alterTopic(name string, change engine.TopicConfig) error {
	c.admin.Lock()
	defer c.admin.Unlock()
	t, err := c.topic(name)
	if err != nil {
		return err
	}
	if change.Codec != "" && change.Codec != t.config.Load().Codec {
		return engine.Errorf(engine.ErrInvalidArgument, "the codec is fixed when a topic is created").At(name, -1)
	}
	if change.Partitions != 0 && change.Partitions != len(t.list()) {
		return engine.Errorf(engine.ErrInvalidArgument, "use CreatePartitions to change their number").At(name, -1)
	}
	after := merge(*t.config.Load(), change)
	if err := c.store(t, after); err != nil {
		return err
	}
	t.apply(after)
	c.configChanged()
	return nil
}

// store makes a configuration durable. The caller holds admin.
func (c *core) store(t *topic, config engine.TopicConfig) error {
	if err := validate(t.name, config); err != nil {
		return err
	}
	change := journal.Change{Key: topicKey(t.name), Value: stored{ID: t.id, Config: config}.encode()}
	return ioError(c.journal.Commit(true, change), "altering a topic")
}

// createPartitions raises the number of partitions to total.
func (c *core) createPartitions(ctx context.Context, name string, total int) error {
	c.admin.Lock()
	defer c.admin.Unlock()
	t, err := c.topic(name)
	if err != nil {
		return err
	}
	have := len(t.list())
	if total <= have || total > maxPartitions {
		return engine.Errorf(engine.ErrInvalidArgument,
			"there are %d partitions; the new total must be larger, and at most %d", have, maxPartitions).At(name, -1)
	}
	if err := c.roomFor(name, total-have); err != nil {
		return err
	}
	list, err := c.makePartitions(ctx, t, total)
	if err != nil {
		return err
	}
	after := *t.config.Load()
	after.Partitions = total
	if err := c.store(t, after); err != nil {
		return errors.Join(err, closeAll(list[have:]))
	}
	t.config.Store(&after)
	t.partitions.Store(&list)
	c.topicsChanged()
	return nil
}
