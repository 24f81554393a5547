package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// rewind stands for the offset of the first record that the loop was not given.
const rewind = -1

// Seek makes offset the next to read of a partition, which this consumer must be reading: ErrInvalidArgument otherwise.
// An offset outside of the log is ErrOffsetOutOfRange. Before the first loop it joins the group. A loop that runs goes on
// there with its next message. What the group has committed does not change.
func (c *Consumer) Seek(ctx context.Context, topic string, partition int, offset int64) error {
	if err := c.reader.open(ctx); err != nil {
		return err
	}
	return c.reader.seek(ctx, topicPartition(topic, partition), offset)
}

func (r *reader) seek(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	r.mu.Lock()
	r.begun = true
	r.mu.Unlock()
	if err := r.engine.Seek(ctx, tp, offset); err != nil {
		return err
	}
	r.note(offset, tp)
	return nil
}

// note tells the loop that buffered records of partitions are void.
func (r *reader) note(offset int64, tps ...engine.TopicPartition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.moved == nil {
		r.moved = map[engine.TopicPartition]int64{}
	}
	for _, tp := range tps {
		if _, sought := r.moved[tp]; !sought || offset != rewind {
			r.moved[tp] = offset
		}
	}
	r.interrupt()
}

// SeekToTime makes the first record that is not older than t the next to read, of every partition that this consumer
// reads; see [Consumer.Seek].
func (c *Consumer) SeekToTime(ctx context.Context, t time.Time) error {
	r := c.reader
	if err := r.open(ctx); err != nil {
		return err
	}
	ends, err := r.engine.Ends(ctx)
	if err != nil {
		return err
	}
	sought := false
	for tp := range ends {
		offset, err := r.client.engine.OffsetAt(ctx, tp, t)
		if err != nil {
			return err
		}
		err = r.seek(ctx, tp, offset)
		if err != nil && !errors.Is(err, ErrInvalidArgument) {
			return err // ErrInvalidArgument: another member of the group reads it
		}
		sought = sought || err == nil
	}
	if !sought {
		return engine.Errorf(ErrInvalidArgument, "the consumer reads no partition now")
	}
	return nil
}

// Pause stops the delivery of partitions until Resume; others go on. The group does not take them away for that.
func (c *Consumer) Pause(topic string, partitions ...int) {
	tps := topicPartitions(topic, partitions)
	r := c.reader
	r.mu.Lock()
	e := r.engine
	for _, tp := range tps {
		r.paused[tp] = true
	}
	r.mu.Unlock()
	if e != nil {
		e.Pause(tps...)
		r.note(rewind, tps...)
	}
}

// Resume ends Pause. Delivery goes on where it stopped.
func (c *Consumer) Resume(topic string, partitions ...int) {
	tps := topicPartitions(topic, partitions)
	r := c.reader
	r.mu.Lock()
	e := r.engine
	for _, tp := range tps {
		delete(r.paused, tp)
	}
	r.mu.Unlock()
	if e != nil {
		e.Resume(tps...)
	}
}

// Position is the offset of the next record that a loop will be given of a partition, which this consumer must be
// reading. Records that wait in an incomplete batch of [Consumer.Batches] count as given. While a loop runs that was
// never asked before, it is the position as of the loop's last poll; from then on it is exact.
func (c *Consumer) Position(topic string, partition int) (int64, error) {
	return c.reader.position(topicPartition(topic, partition))
}

func (r *reader) position(tp engine.TopicPartition) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine == nil {
		return 0, engine.Errorf(ErrInvalidArgument, "the consumer reads nothing yet").At(tp.Topic, int(tp.Partition))
	}
	if !r.watched {
		r.watched = true
		r.interrupt()
	}
	if offset, ok := r.moved[tp]; ok && offset != rewind {
		return offset, nil
	}
	n := int(r.delivered.Load())
	for i := range r.buffer {
		f := &r.buffer[i]
		if n < len(f.Records) && f.tp == tp && !f.gone.Load() {
			return f.Records[max(n, 0)].Offset, nil
		}
		n -= len(f.Records)
	}
	return r.engine.Position(tp)
}

func topicPartitions(topic string, partitions []int) []engine.TopicPartition {
	tps := make([]engine.TopicPartition, len(partitions))
	for i, p := range partitions {
		tps[i] = topicPartition(topic, p)
	}
	return tps
}
