package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// player plays verbs on one engine, and tells what can be seen of them in words that are the same for all engines. Topics
// and groups have names of their own in each history.
type player struct {
	t       *testing.T
	e       engine.Engine
	ctx     context.Context
	name    func(string) string
	cluster bool
	began   time.Time
	plain   map[string]engine.Producer // by what they are configured with
	tx      map[string]engine.Producer
	pending map[string][]string // groups whose offsets are in transactions that are open, by transactional id
	sent    map[string]bool     // transactional ids whose open transactions hold something
}

func newPlayer(t *testing.T, e engine.Engine, name func(string) string, cluster bool) *player {
	return &player{
		t: t, e: e, ctx: t.Context(), name: name, cluster: cluster, began: clock.Real.Now(),
		plain: map[string]engine.Producer{}, tx: map[string]engine.Producer{},
		pending: map[string][]string{}, sent: map[string]bool{},
	}
}

func (p *player) close() {
	p.closeProducers()
	for _, name := range []string{"a", "b", "missing"} {
		_ = p.e.DeleteTopic(context.WithoutCancel(p.ctx), p.topic(name)) // most are not there
	}
	require.NoError(p.t, p.e.Close())
}

// closeProducers aborts what is open.
func (p *player) closeProducers() {
	clear(p.pending)
	clear(p.sent)
	for _, producers := range []map[string]engine.Producer{p.plain, p.tx} {
		for name, producer := range producers {
			require.NoError(p.t, producer.Close())
			delete(producers, name)
		}
	}
}

// topic is the name that the engine knows a topic by: names that are not allowed stay as they are.
func (p *player) topic(name string) string {
	if engine.ValidateName("topic", name) != nil {
		return name
	}
	return p.name("topic-" + name)
}

func (p *player) group(name string) string {
	if engine.ValidateName("group", name) != nil {
		return name
	}
	return p.name("group-" + name)
}

func (p *player) tp(v verb) engine.TopicPartition {
	return engine.TopicPartition{Topic: p.topic(v.topic), Partition: v.partition}
}

// failed is what can be seen of an error.
func failed(err error) string {
	var e *engine.Error
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &e):
		return "other error: " + err.Error()
	}
	s := string(e.Code)
	if e.Retriable {
		s += ", retriable"
	}
	if errors.Is(err, errors.ErrUnsupported) {
		s += ", unsupported"
	}
	return s
}

// play plays a verb and tells what could be seen.
func (p *player) play(v verb) string {
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	switch v.do {
	case "create":
		return failed(p.e.CreateTopic(ctx, p.topic(v.topic), v.config))
	case "delete":
		if len(p.sent) > 0 {
			return "left out: the transactions that are open may have sent to it"
		}
		return failed(p.e.DeleteTopic(ctx, p.topic(v.topic)))
	case "alter":
		return failed(p.e.AlterTopic(ctx, p.topic(v.topic), v.config))
	case "partitions":
		return failed(p.e.CreatePartitions(ctx, p.topic(v.topic), int(v.number)))
	case "list":
		infos, err := p.e.ListTopics(ctx)
		return failed(err) + p.topics(infos)
	case "describe":
		info, err := p.e.DescribeTopic(ctx, p.topic(v.topic))
		if err != nil {
			return failed(err)
		}
		return p.topics([]engine.TopicInfo{info})
	case "trim":
		return failed(p.e.DeleteRecords(ctx, p.tp(v), v.number))
	case "at":
		offset, err := p.e.OffsetAt(ctx, p.tp(v), time.UnixMilli(v.number))
		return fmt.Sprintf("%s %d, %s", failed(err), offset, p.firstFrom(ctx, p.tp(v), offset))
	case "read":
		return p.read(ctx, v)
	case "produce":
		return p.produce(ctx, v)
	case "close":
		p.closeProducers()
		return "ok"
	}
	if s, ok := p.playTransaction(ctx, v); ok {
		return s
	}
	return p.playGroup(ctx, v)
}

// topics are those of this history, with what does not depend on the engine.
func (p *player) topics(infos []engine.TopicInfo) string {
	var lines []string
	for _, info := range infos {
		name, _, _ := strings.Cut(strings.TrimPrefix(info.Name, "topic-"), "-")
		if p.topic(name) != info.Name {
			continue
		}
		c := info.Config
		c.SegmentBytes, c.SegmentMs = 0, 0 // sizes and ages of segments are the cluster's
		line := fmt.Sprintf("\n  %s %+v", name, c)
		for _, part := range info.Partitions {
			line += fmt.Sprintf(" [%d: %d to %d, stable %d]", part.Partition, part.Start, part.End, part.LastStable)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (p *player) produce(ctx context.Context, v verb) string {
	key := fmt.Sprint(v.acks, v.packed, v.yes)
	producer := p.plain[key]
	if producer == nil {
		var err error
		producer, err = p.e.OpenProducer(ctx, engine.ProducerConfig{
			Acks: v.acks, Compression: v.packed, CompressionSet: v.yes, Codec: "msgpack",
		})
		require.NoError(p.t, err)
		p.plain[key] = producer
	}
	rs := slices.Clone(v.records)
	_, err := producer.Produce(ctx, p.topic(v.topic), rs)
	s := failed(err)
	for _, r := range rs {
		if err == nil {
			s += fmt.Sprintf(" %d@%d", r.Partition, r.Offset)
		}
	}
	return s
}
