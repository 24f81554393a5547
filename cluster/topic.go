package cluster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// topics is what an engine knows of the cluster's topics.
type topics struct {
	engine *cluster

	mu     sync.Mutex
	shapes map[string]shape
	codecs map[identity]string // that were told to somebody: they stay
}

// identity tells a recreated topic from an earlier one of the same name.
type identity struct {
	name string
	id   [16]byte
}

// shape is what producers have to know of a topic.
type shape struct {
	identity
	partitions  int
	largest     int // bytes of a batch
	compression record.Compression
	looked      time.Time
}

// shape is what is known of a topic, and not older than metadataAge; fresh looks it up again in any case.
func (ts *topics) shape(ctx context.Context, topic string, fresh bool) (shape, error) {
	now := ts.engine.opts.Clock.Now()
	ts.mu.Lock()
	s, ok := ts.shapes[topic]
	ts.mu.Unlock()
	if ok && !fresh && now.Sub(s.looked) < metadataAge {
		return s, nil
	}
	detail, err := ts.detail(ctx, topic)
	if err != nil {
		return shape{}, err
	}
	configs, err := ts.configs(ctx, topic)
	if err != nil {
		return shape{}, err
	}
	c := configs[topic]
	s = shape{identity{topic, detail.ID}, len(detail.Partitions), c.MaxMessageBytes, c.Compression, now}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.shapes == nil {
		ts.shapes = map[string]shape{}
	}
	ts.shapes[topic] = s
	return s, nil
}

// largest is the size of the largest batch that a topic takes, as far as that is known.
func (ts *topics) largest(topic string) int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if s, ok := ts.shapes[topic]; ok {
		return s.largest
	}
	return defaultMaxMessageBytes
}

// forget makes sure that a topic is looked up anew.
func (ts *topics) forget(topic string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.shapes, topic)
}

// detail asks the cluster for a topic's partitions.
func (ts *topics) detail(ctx context.Context, topic string) (kadm.TopicDetail, error) {
	details, err := ts.details(ctx, topic)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	if len(details) == 0 {
		return kadm.TopicDetail{}, errTopic(topic)
	}
	return details[0], nil
}

// details asks for topics, or all that are not internal; sorted by name.
func (ts *topics) details(ctx context.Context, names ...string) ([]kadm.TopicDetail, error) {
	for _, name := range names {
		if !possible(name) { // a broker hangs up on an empty one; others would stay among what the client knows
			return nil, errTopic(name)
		}
	}
	found, err := ts.engine.adm.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, err
	}
	var details []kadm.TopicDetail
	for _, d := range found.Sorted() {
		switch {
		case errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			ts.forget(d.Topic)
			if len(names) > 0 {
				return nil, errTopic(d.Topic)
			}
		case d.Err != nil:
			return nil, atTopic(d.Err, d.Topic)
		case len(names) > 0 || !d.IsInternal:
			details = append(details, d)
		}
	}
	return details, nil
}

// possible reports whether there can be a topic of this name on a cluster, which also takes what file systems do not:
// [engine.ValidateName] is stricter.
func possible(name string) bool {
	if name == "" || len(name) > engine.MaxNameBytes || name == "." || name == ".." {
		return false
	}
	const others = "._-"
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	})
}

// configs reads the configurations of topics. Those that may not be read have the defaults.
func (ts *topics) configs(ctx context.Context, names ...string) (map[string]engine.TopicConfig, error) {
	m := make(map[string]engine.TopicConfig, len(names))
	if len(names) == 0 {
		return m, nil
	}
	all, err := ts.engine.adm.DescribeTopicConfigs(ctx, names...)
	if err != nil && !errors.Is(err, kerr.TopicAuthorizationFailed) {
		return nil, err
	}
	for _, rc := range all {
		switch {
		case errors.Is(rc.Err, kerr.UnknownTopicOrPartition):
			return nil, errTopic(rc.Name)
		case rc.Err != nil && !errors.Is(rc.Err, kerr.TopicAuthorizationFailed):
			return nil, atTopic(rc.Err, rc.Name)
		}
		m[rc.Name] = configOf(rc)
	}
	return m, nil
}

// checkPartition makes sure that there is a partition.
func (ts *topics) checkPartition(ctx context.Context, tp engine.TopicPartition) error {
	detail, err := ts.detail(ctx, tp.Topic)
	if err != nil {
		return err
	}
	if tp.Partition < 0 || int(tp.Partition) >= len(detail.Partitions) {
		return errPartition(tp, len(detail.Partitions))
	}
	return nil
}

// describe describes topics, or all, sorted by name.
func (ts *topics) describe(ctx context.Context, names ...string) (infos []engine.TopicInfo, err error) {
	err = patiently(ctx, func() error {
		infos, err = ts.describeNow(ctx, names)
		return err
	})
	return infos, err
}

func (ts *topics) describeNow(ctx context.Context, names []string) ([]engine.TopicInfo, error) {
	details, err := ts.details(ctx, names...)
	if err != nil || len(details) == 0 {
		return nil, err
	}
	var found []string
	var tps []engine.TopicPartition
	for _, d := range details {
		found = append(found, d.Topic)
		tps = append(tps, partitionsOf(d)...)
	}
	configs, err := ts.configs(ctx, found...)
	if err != nil {
		return nil, err
	}
	extents, err := ts.engine.extents(ctx, tps)
	if err != nil {
		return nil, err
	}
	codecs, err := ts.find(ctx, details, extents)
	if err != nil {
		return nil, err
	}
	infos := make([]engine.TopicInfo, len(details))
	for i, d := range details {
		infos[i] = engine.TopicInfo{Name: d.Topic, ID: d.ID, Config: configs[d.Topic], CodecInRecords: true}
		infos[i].Config.Partitions, infos[i].Config.Codec = len(d.Partitions), codecs[d.Topic]
		for _, tp := range partitionsOf(d) {
			infos[i].Partitions = append(infos[i].Partitions, extents[tp].info(tp.Partition))
		}
	}
	return infos, nil
}

// partitionsOf are a topic's partitions in order.
func partitionsOf(d kadm.TopicDetail) []engine.TopicPartition {
	tps := make([]engine.TopicPartition, 0, len(d.Partitions))
	for p := range d.Partitions {
		tps = append(tps, engine.TopicPartition{Topic: d.Topic, Partition: p})
	}
	slices.SortFunc(tps, func(a, b engine.TopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
	return tps
}

// extent is where a partition begins and ends.
type extent struct{ start, end, stable int64 }

// info describes a partition. What is durable, and on which disk, is not for a client of the cluster to see.
func (x extent) info(partition int32) engine.PartitionInfo {
	return engine.PartitionInfo{Partition: partition, Start: x.start, End: x.end, LastStable: x.stable, DurableEnd: -1}
}

func (e *cluster) extents(ctx context.Context, tps []engine.TopicPartition) (map[engine.TopicPartition]extent, error) {
	starts, err := e.listOffsets(ctx, tps, atStart, engine.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	stable, err := e.listOffsets(ctx, tps, atEnd, engine.ReadCommitted)
	if err != nil {
		return nil, err
	}
	ends, err := e.listOffsets(ctx, tps, atEnd, engine.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	extents := make(map[engine.TopicPartition]extent, len(tps))
	for _, tp := range tps {
		extents[tp] = extent{starts[tp], ends[tp], stable[tp]}
	}
	return extents, nil
}
