package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// batchOverhead is what a batch has besides its records, and a little for what the client reckons otherwise.
const batchOverhead = record.HeaderSize + 16

// place picks the partitions of records and stamps them. What the topic does not take is refused before anything is sent.
func (p *producer) place(ctx context.Context, topic string, rs []engine.Record) (shape, error) {
	s, err := p.topic(ctx, topic)
	if err != nil {
		return s, err
	}
	for i := range rs {
		if n := int(rs[i].Partition); n >= s.partitions { // one that was added since?
			if s, err = p.e.topics.shape(ctx, topic, true); err != nil {
				return s, err
			}
			break
		}
	}
	limit := p.batchBytes(topic)
	now := p.e.opts.Clock.Now().UnixMilli()
	sticky := int32(engine.AnyPartition)
	for i := range rs {
		r := &rs[i]
		if size := record.SizeOf(r.Key, r.Value, r.Headers) + len(engine.CodecHeader) + 16 + batchOverhead; size > limit {
			return s, engine.Errorf(engine.ErrMessageTooLarge,
				"record %d takes a batch of %d bytes, the topic and the batch size allow %d; split it or raise them", i, size, limit)
		}
		n := int32(s.partitions)
		switch {
		case r.Sequence != 0:
			return s, errUnsupported("numbering records")
		case r.Partition >= n || r.Partition < engine.AnyPartition:
			return s, errPartition(engine.TopicPartition{Topic: topic, Partition: r.Partition}, s.partitions)
		case r.Partition == engine.AnyPartition && r.Key != nil:
			r.Partition = engine.PartitionForKey(r.Key, n)
		case r.Partition == engine.AnyPartition:
			if sticky < 0 {
				sticky = int32(p.sticky.Add(1) % uint32(n))
			}
			r.Partition = sticky
		}
		if r.Timestamp == engine.NoTimestamp {
			r.Timestamp = now
		}
	}
	return s, nil
}

// topic finds a topic, which is made if that is allowed.
func (p *producer) topic(ctx context.Context, topic string) (shape, error) {
	s, err := p.e.topics.shape(ctx, topic, false)
	if !p.config.AutoCreateTopics || !errors.Is(err, engine.ErrTopicNotFound) {
		return s, err
	}
	if err := p.e.createTopic(ctx, topic, engine.TopicConfig{}); err != nil && !errors.Is(err, engine.ErrTopicExists) {
		return s, err
	}
	return p.e.topics.shape(ctx, topic, true)
}

// encode makes copies of records for the client, which may still read them after the call has ended, and names their
// codec.
func (p *producer) encode(s shape, rs []engine.Record) []kgo.Record {
	name := p.config.Codec
	if name == "" {
		name, _ = p.e.topics.codec(s.identity)
	}
	size, headers := len(name), 0
	for i := range rs {
		size += len(rs[i].Key) + len(rs[i].Value)
		headers += len(rs[i].Headers) + 1
		for _, h := range rs[i].Headers {
			size += len(h.Value)
		}
	}
	c := copier{bytes: make([]byte, 0, size), headers: make([]kgo.RecordHeader, 0, headers)}
	label := c.copy([]byte(name))
	sent := make([]kgo.Record, len(rs))
	for i := range rs {
		r := &rs[i]
		sent[i] = kgo.Record{
			Topic: s.name, Partition: r.Partition, Timestamp: time.UnixMilli(r.Timestamp), Key: c.copy(r.Key), Value: c.copy(r.Value),
		}
		if name == "" || r.Value == nil {
			sent[i].Headers = c.copyHeaders(r.Headers, nil)
		} else {
			sent[i].Headers = c.copyHeaders(r.Headers, label)
		}
	}
	return sent
}

// copier copies into memory that was made for all records of a call.
type copier struct {
	bytes   []byte
	headers []kgo.RecordHeader
}

func (c *copier) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	first := len(c.bytes)
	c.bytes = append(c.bytes, b...)
	return c.bytes[first:len(c.bytes):len(c.bytes)]
}

// copyHeaders copies headers, and adds the one that names the codec unless it is there.
func (c *copier) copyHeaders(headers []record.Header, codec []byte) []kgo.RecordHeader {
	first := len(c.headers)
	for _, h := range headers {
		c.headers = append(c.headers, kgo.RecordHeader{Key: h.Key, Value: c.copy(h.Value)})
		if h.Key == engine.CodecHeader {
			codec = nil
		}
	}
	if codec != nil {
		c.headers = append(c.headers, kgo.RecordHeader{Key: engine.CodecHeader, Value: codec})
	}
	return c.headers[first:len(c.headers):len(c.headers)]
}

// usage is the shapes of the topics that a client has sent to, as it knows them.
type usage struct {
	mu     sync.Mutex
	shapes map[string]shape
}

// catchUp makes a client that has sent to a topic before forget it if it was made anew, and wait until it knows of the
// partitions that were added.
func (u *usage) catchUp(ctx context.Context, cl *kgo.Client, s shape) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	before, used := u.shapes[s.name]
	switch {
	case used && before.identity != s.identity:
		cl.PurgeTopicsFromProducing(s.name)
	case used && before.partitions < s.partitions:
		cl.ForceMetadataRefresh()
		err := await(ctx, func() (bool, error) {
			leader, _, err := cl.PartitionLeader(s.name, int32(s.partitions-1))
			return err == nil && leader >= 0, nil
		})
		if err != nil {
			return err
		}
	}
	if u.shapes == nil {
		u.shapes = map[string]shape{}
	}
	u.shapes[s.name] = s
	return nil
}
