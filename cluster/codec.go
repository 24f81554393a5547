package cluster

import (
	"context"
	"maps"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
	"github.com/dot-do/kafka-embedded/record"
)

// How much is read of a partition to see what its first record is encoded with, and the most that a batch may become
// when it is decompressed for that.
const (
	peekBytes = 64 << 10
	peekLimit = 64 << 20
)

// find tells the codecs of topics: what was told before, else what the first record says, else the client's. What is
// told once stays for as long as the engine is open, so that everything that is sent is labelled as it is encoded.
func (ts *topics) find(
	ctx context.Context, details []kadm.TopicDetail, extents map[engine.TopicPartition]extent,
) (map[string]string, error) {
	codecs := make(map[string]string, len(details))
	leaders := map[int32][]kadm.PartitionDetail{}
	ids := map[string][16]byte{}
	for _, d := range details {
		ids[d.Topic] = d.ID
		if name, ok := ts.codec(identity{d.Topic, d.ID}); ok {
			codecs[d.Topic] = name
			continue
		}
		for _, tp := range partitionsOf(d) {
			if x, p := extents[tp], d.Partitions[tp.Partition]; x.start < x.end && p.Leader >= 0 {
				leaders[p.Leader] = append(leaders[p.Leader], p)
				break
			}
		}
	}
	for leader, partitions := range leaders {
		found, err := ts.engine.peek(ctx, leader, partitions, ids, extents)
		if err != nil {
			return nil, err
		}
		maps.Copy(codecs, found)
	}
	for _, d := range details {
		name := codecs[d.Topic]
		set(&name, ts.engine.opts.Codec)
		set(&name, codec.MsgPack.Name())
		codecs[d.Topic] = ts.tell(identity{d.Topic, d.ID}, name)
	}
	return codecs, nil
}

// codec is what was told of a topic's codec.
func (ts *topics) codec(t identity) (string, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	name, ok := ts.codecs[t]
	return name, ok
}

// tell keeps what a topic's codec is said to be, and returns what was said first.
func (ts *topics) tell(t identity, name string) string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if told, ok := ts.codecs[t]; ok {
		return told
	}
	if ts.codecs == nil {
		ts.codecs = map[identity]string{}
	}
	ts.codecs[t] = name
	return name
}

// peek reads the first batches of partitions from the broker that leads them, and returns the codecs that their topics'
// records name.
func (e *cluster) peek(
	ctx context.Context, leader int32, partitions []kadm.PartitionDetail, ids map[string][16]byte,
	extents map[engine.TopicPartition]extent,
) (map[string]string, error) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes = int32(min(peekBytes*len(partitions), 16<<20))
	names := map[[16]byte]string{}
	for _, p := range partitions {
		names[ids[p.Topic]] = p.Topic
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = p.Topic, ids[p.Topic]
		fp := kmsg.NewFetchRequestTopicPartition()
		fp.Partition, fp.PartitionMaxBytes = p.Partition, peekBytes
		fp.FetchOffset = extents[engine.TopicPartition{Topic: p.Topic, Partition: p.Partition}].start
		t.Partitions = append(t.Partitions, fp)
		req.Topics = append(req.Topics, t)
	}
	answer, err := req.RequestWith(ctx, e.admin.Broker(int(leader)))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, t := range answer.Topics {
		name := t.Topic
		if name == "" {
			name = names[t.TopicID]
		}
		for _, p := range t.Partitions {
			err := answered(p.ErrorCode, engine.TopicPartition{Topic: name, Partition: p.Partition})
			if engine.IsRetriable(err) {
				return nil, err // otherwise what is not found out would be told for good
			}
			if c := firstCodec(p.RecordBatches); c != "" {
				found[name] = c
			}
		}
	}
	return found, nil
}

// firstCodec is the codec that the first record names that has a value, or empty. Bytes are a broker's answer: they may
// be cut off, and need not be what they should.
func firstCodec(batches []byte) string {
	for len(batches) > 0 {
		n, err := record.Peek(batches)
		if err != nil || n > len(batches) {
			return ""
		}
		b, err := record.Parse(batches[:n:n])
		batches = batches[n:]
		if err != nil {
			return ""
		}
		if b.IsControl() {
			continue
		}
		var r record.Reader
		if r.Reset(b, peekLimit) != nil {
			return ""
		}
		for rec := (record.Record{}); r.Next(&rec); {
			if rec.Value == nil {
				continue
			}
			if c, err := codec.Of(&rec).Codec(nil); err == nil && c != nil {
				return c.Name()
			}
			return ""
		}
	}
	return ""
}
