package cluster

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// verb is one step of a history. It does not depend on what came before, so that any may be left out.
type verb struct {
	do        string
	topic     string
	partition int32
	group     string
	tx        string // transactional id
	number    int64  // partitions, an offset or a time, as the verb has it
	count     int    // of records to commit
	yes       bool   // commit, seek or read what is not committed, as the verb has it
	config    engine.TopicConfig
	acks      engine.Acks
	packed    record.Compression
	records   []engine.Record
}

func (v verb) String() string {
	s := fmt.Sprintf("%s topic=%q partition=%d group=%q tx=%q number=%d count=%d yes=%t acks=%d compression=%s",
		v.do, v.topic, v.partition, v.group, v.tx, v.number, v.count, v.yes, v.acks, v.packed)
	if v.config != (engine.TopicConfig{}) {
		s += fmt.Sprintf(" config=%+v", v.config)
	}
	for _, r := range v.records {
		s += fmt.Sprintf(" [%d %s %s %d headers at %d]", r.Partition, quoted(r.Key), quoted(r.Value), len(r.Headers), r.Timestamp)
	}
	return s
}

// verbs are all that a history may have, and how often.
var verbs = []struct {
	do     string
	weight int
}{
	{"create", 5}, {"delete", 1}, {"alter", 2}, {"partitions", 2}, {"list", 1}, {"describe", 2},
	{"produce", 12}, {"begin", 5}, {"send", 7}, {"offsets", 3}, {"end", 5}, {"take", 1},
	{"read", 5}, {"consume", 8}, {"set", 4}, {"committed", 2},
	{"groups", 1}, {"group", 2}, {"forget", 1}, {"trim", 3}, {"at", 3},
}

// lookAtAll is what is looked at after each history.
var lookAtAll = []verb{
	{do: "list"}, {do: "close"}, {do: "list"}, {do: "groups"},
	{do: "read", topic: "a"}, {do: "read", topic: "a", yes: true}, {do: "read", topic: "b"}, {do: "read", topic: "b", yes: true},
}

// firstTime is that of the earliest record with a time of its own; theirs are within ten seconds of it.
const firstTime = 1_700_000_000_000

// draw makes a history, which begins with a topic.
func draw(r *rand.Rand, n int) []verb {
	history := []verb{{do: "create", topic: "a", config: engine.TopicConfig{Partitions: 2}}}
	total := 0
	for _, v := range verbs {
		total += v.weight
	}
	for len(history) < n {
		pick, i := r.IntN(total), 0
		for ; pick >= verbs[i].weight; i++ {
			pick -= verbs[i].weight
		}
		history = append(history, drawVerb(r, verbs[i].do))
	}
	return history
}

func drawVerb(r *rand.Rand, do string) verb {
	v := verb{
		do: do, topic: often(r, "a", "b", "a", "missing", "", "not/a name"), group: often(r, "g", "h", "g", "", "not/a name"),
		tx: often(r, "x", "y"), partition: int32(often(r, 0, 1, 0, 2, 7, -1)), count: r.IntN(4), yes: r.IntN(2) == 0,
		acks: engine.Acks(r.IntN(3)), packed: record.Compression(r.IntN(5)),
	}
	switch do {
	case "create":
		v.config = drawConfig(r, v.topic)
		v.config.Partitions = often(r, 1, 2, 3, 0, -1)
	case "alter":
		v.config = drawConfig(r, v.topic)
		v.config.Partitions = often(r, 0, 0, 0, 3)
	case "partitions":
		v.number = int64(often(r, 2, 3, 4, 0, -1))
	case "produce", "send":
		for range 1 + r.IntN(4) {
			v.records = append(v.records, drawRecord(r, v.topic))
		}
	case "at":
		v.number = often(r, firstTime+r.Int64N(10_000), firstTime+r.Int64N(10_000), 0, -1, firstTime*2)
	default:
		v.number = often(r, r.Int64N(10), r.Int64N(10), r.Int64N(3), -1, 1_000_000)
	}
	return v
}

// often is one of several values, the earlier ones more often.
func often[T any](r *rand.Rand, values ...T) T {
	for _, v := range values[:len(values)-1] {
		if r.IntN(2) == 0 {
			return v
		}
	}
	return values[len(values)-1]
}

// drawConfig makes a configuration, in which b alone may be compacted.
func drawConfig(r *rand.Rand, topic string) engine.TopicConfig {
	c := engine.TopicConfig{
		RetentionMs:       often[int64](r, 0, -1, 100*365*86_400_000, -2), // longer than since firstTime
		RetentionBytes:    often[int64](r, 0, -1, 1<<30, -2),
		CleanupPolicy:     often(r, "", engine.CleanupDelete, engine.CleanupCompact, engine.CleanupCompactDelete, "none"),
		DeleteRetentionMs: often[int64](r, 0, 0, 3_600_000, -1),
		Compression:       often(r, 0, record.Gzip, record.Zstd, record.LZ4, record.Snappy, -1, 9),
		MaxMessageBytes:   often(r, 0, 0, 2000, -1),
		FlushMs:           often[int64](r, 0, 0, 1000, -1, -2),
	}
	if topic != "b" && strings.HasPrefix(string(c.CleanupPolicy), "compact") {
		c.CleanupPolicy = engine.CleanupDelete
	}
	return c
}

// drawRecord makes a record, which has a key in a topic that may be compacted.
func drawRecord(r *rand.Rand, topic string) engine.Record {
	rec := engine.Record{
		Key:       often(r, []byte(fmt.Sprint("key ", r.IntN(20))), nil, []byte{}),
		Value:     often(r, []byte(fmt.Sprint("value ", r.IntN(1000))), nil, []byte{}, []byte(strings.Repeat("x", 5000))),
		Timestamp: often(r, firstTime+r.Int64N(10_000), engine.NoTimestamp, 0),
		Partition: often[int32](r, engine.AnyPartition, 0, 1, 0, 7, -2),
	}
	if topic == "b" && rec.Key == nil {
		rec.Key = []byte("b")
	}
	for range r.IntN(3) {
		rec.Headers = append(rec.Headers, record.Header{Key: often(r, "h", "h", ""), Value: often(r, []byte("v"), nil, []byte{})})
	}
	return rec
}
