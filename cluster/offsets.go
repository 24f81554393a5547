package cluster

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// Timestamps that Kafka's ListOffsets understands besides real ones.
const (
	atEnd      = -1
	atStart    = -2
	atYoungest = -3 // the record with the largest timestamp; since Kafka 3.0, before that it is the first one
)

// listOffsets finds the offsets of partitions at a timestamp in milliseconds, or atStart or atEnd, as a consumer of an
// isolation sees them. Where no record is that young it is the end.
func (e *cluster) listOffsets(
	ctx context.Context, tps []engine.TopicPartition, timestamp int64, i engine.Isolation,
) (map[engine.TopicPartition]int64, error) {
	found, err := e.requestOffsets(ctx, tps, timestamp, i)
	if err != nil {
		return nil, err
	}
	offsets := make(map[engine.TopicPartition]int64, len(tps))
	var later []engine.TopicPartition
	for tp, p := range found {
		if offsets[tp] = p.Offset; p.Offset < 0 {
			later = append(later, tp)
		}
	}
	if later, err = e.overlooked(ctx, later, timestamp, offsets); err != nil {
		return nil, err
	}
	ends, err := e.requestOffsets(ctx, later, atEnd, i)
	for tp, p := range ends {
		offsets[tp] = p.Offset
	}
	return offsets, err
}

// listed is what a broker says of a partition.
type listed = kmsg.ListOffsetsResponseTopicPartition

// requestOffsets asks the leaders of partitions until each has answered.
func (e *cluster) requestOffsets(
	ctx context.Context, tps []engine.TopicPartition, timestamp int64, i engine.Isolation,
) (found map[engine.TopicPartition]listed, err error) {
	if len(tps) == 0 {
		return nil, nil
	}
	err = patiently(ctx, func() error {
		found, err = e.requestOffsetsOnce(ctx, tps, timestamp, i)
		return err
	})
	return found, err
}

func (e *cluster) requestOffsetsOnce(
	ctx context.Context, tps []engine.TopicPartition, timestamp int64, i engine.Isolation,
) (map[engine.TopicPartition]listed, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	if i == engine.ReadCommitted {
		req.IsolationLevel = 1
	}
	for topic, partitions := range byTopic(tps) {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for _, p := range partitions {
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp = p, timestamp
			t.Partitions = append(t.Partitions, rp)
		}
		req.Topics = append(req.Topics, t)
	}
	found := make(map[engine.TopicPartition]listed, len(tps))
	for _, shard := range e.admin.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, shard.Err
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				tp := engine.TopicPartition{Topic: t.Topic, Partition: p.Partition}
				if p.ErrorCode != 0 {
					return nil, answered(p.ErrorCode, tp)
				}
				found[tp] = p
			}
		}
	}
	for _, tp := range tps {
		if _, ok := found[tp]; !ok {
			return nil, at(kerr.UnknownTopicOrPartition, tp)
		}
	}
	return found, nil
}

func byTopic(tps []engine.TopicPartition) map[string][]int32 {
	m := map[string][]int32{}
	for _, tp := range tps {
		m[tp.Topic] = append(m[tp.Topic], tp.Partition)
	}
	return m
}

// checkOffset makes sure that an offset lies within its partition.
func (e *cluster) checkOffset(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	one := []engine.TopicPartition{tp}
	first, err := e.listOffsets(ctx, one, atStart, engine.ReadUncommitted)
	if err != nil {
		return err
	}
	end, err := e.listOffsets(ctx, one, atEnd, engine.ReadUncommitted)
	if err != nil {
		return err
	}
	if offset < first[tp] || offset > end[tp] {
		return errOutOfRange(tp, offset, first[tp], end[tp])
	}
	return nil
}

// checkNext makes sure that an offset may be committed: below the start there is nothing to lose, beyond the end later
// records would hide.
func (e *cluster) checkNext(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	end, err := e.listOffsets(ctx, []engine.TopicPartition{tp}, atEnd, engine.ReadUncommitted)
	if err == nil && (offset < 0 || offset > end[tp]) {
		err = errOutOfRange(tp, offset, 0, end[tp])
	}
	return err
}

func errOutOfRange(tp engine.TopicPartition, offset, first, end int64) error {
	return engine.Errorf(engine.ErrOffsetOutOfRange, "offset %d is outside of %d to %d", offset, first, end).
		At(tp.Topic, int(tp.Partition))
}

// OffsetAt implements engine.Engine.
func (e *cluster) OffsetAt(ctx context.Context, tp engine.TopicPartition, at time.Time) (offset int64, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		if err := e.topics.checkPartition(ctx, tp); err != nil {
			return err
		}
		offsets, err := e.listOffsets(ctx, []engine.TopicPartition{tp}, max(at.UnixMilli(), 0), engine.ReadUncommitted)
		offset = offsets[tp]
		return err
	})
	return offset, err
}

// DeleteRecords implements engine.Engine.
func (e *cluster) DeleteRecords(ctx context.Context, tp engine.TopicPartition, before int64) error {
	return e.call(ctx, func(ctx context.Context) error {
		if err := e.topics.checkPartition(ctx, tp); err != nil {
			return err
		}
		one := []engine.TopicPartition{tp}
		first, err := e.listOffsets(ctx, one, atStart, engine.ReadUncommitted)
		if err != nil {
			return err
		}
		// A broker takes -1 for all records, and would delete those of transactions that are open.
		stable, err := e.listOffsets(ctx, one, atEnd, engine.ReadCommitted)
		switch {
		case err != nil:
			return err
		case before < 0 || before > stable[tp]:
			return errOutOfRange(tp, before, 0, stable[tp])
		case before <= first[tp]:
			return nil
		}
		return patiently(ctx, func() error { return e.deleteRecords(ctx, tp, before) })
	})
}

func (e *cluster) deleteRecords(ctx context.Context, tp engine.TopicPartition, before int64) error {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = milliseconds(e.opts.Timeout)
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = tp.Topic
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = tp.Partition, before
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	for _, shard := range e.admin.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return shard.Err
		}
		for _, t := range shard.Resp.(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range t.Partitions {
				if err := answered(p.ErrorCode, tp); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
