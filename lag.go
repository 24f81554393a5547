package kafka

import (
	"context"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// Lag is how many offsets this consumer's positions are behind the ends of the partitions that it reads: the records
// still to come, and the gaps among them. It is as exact as [Consumer.Position]. Before the first loop, or Seek, nobody
// knows which partitions the consumer will read: then it is what a loop would have to read that is given all of them,
// from what the group has committed or, where that is nothing, from where the consumer starts. Asking does not join the
// group.
func (c *Consumer) Lag(ctx context.Context) (int64, error) {
	r := c.reader
	if err := r.open(ctx); err != nil {
		return 0, err
	}
	ends, err := r.engine.Ends(ctx)
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	begun := r.begun
	r.mu.Unlock()
	if !begun {
		return r.lagBefore(ctx, ends)
	}
	var lag int64
	for _, tp := range r.engine.Assignment() {
		position, err := r.position(tp)
		if err == nil { // otherwise it was given up meanwhile
			lag += max(ends[tp]-position, 0)
		}
	}
	return lag, nil
}

// lagBefore is the lag of a consumer that has not polled.
func (r *reader) lagBefore(ctx context.Context, ends map[engine.TopicPartition]int64) (lag int64, err error) {
	for _, topic := range slices.Compact(slices.Sorted(slices.Values(r.config.Topics))) {
		info, err := r.client.engine.DescribeTopic(ctx, topic)
		if err != nil {
			return 0, err
		}
		for _, p := range info.Partitions {
			tp := engine.TopicPartition{Topic: topic, Partition: p.Partition}
			end, ok := ends[tp]
			if !ok {
				continue // it cannot be used
			}
			first, err := r.first(ctx, tp, p.Start, end)
			if err != nil {
				return 0, err
			}
			lag += max(end-first, 0)
		}
	}
	return lag, nil
}

// first is where the consumer would begin to read a partition that has records from start to end.
func (r *reader) first(ctx context.Context, tp engine.TopicPartition, start, end int64) (int64, error) {
	if r.config.Group != "" {
		offset, err := r.engine.Committed(ctx, tp)
		if err != nil || offset >= start { // otherwise there is none, or it is not in the log any more
			return offset, err
		}
	}
	switch r.config.Start {
	case engine.StartLatest:
		return end, nil
	case engine.StartTime:
		return r.client.engine.OffsetAt(ctx, tp, r.config.StartTime)
	}
	return start, nil
}
