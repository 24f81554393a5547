package kafka

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// WithIdempotence numbers the messages that are sent to a topic under an ID, for ever: per partition, from 0, in the order
// in which they are appended. The numbers are part of the log, so they survive what their messages survive, and a program
// that starts again can tell what it had sent.
//
// A program whose messages come from an ordered source asks [Producer.Progress] where it was, and goes on from there; or
// it says with [Producer.SendFrom] which number its first message has: those that are there are not appended again. How
// long ago they were sent does not matter.
//
// The ID follows the rules for names of topics. One producer at a time may use a topic under an ID: the first call of a
// newer one fences the older ones, whose calls are [ErrFenced] from then on. A partition forgets the numbers of an ID that
// was silent for seven days only when more than 10,000 IDs have sent to it, so IDs should not be made up anew with each
// start.
func WithIdempotence(id string) ProducerOption {
	return producerOption(func(c *producerConfig) { c.ID = id })
}

// Progress is how many messages each partition of the topic has been sent under the producer's ID, ever. It is
// [ErrInvalidArgument] without [WithIdempotence].
func (p *Producer) Progress(ctx context.Context) (map[int]int64, error) {
	return p.opener.progress(ctx)
}

// SendFrom sends messages to a partition, in one batch, of which the first has a number under the producer's ID, and each
// other one the next. Those whose number was sent before are left out, whatever they are now: they were sent. A number
// that would leave some out is [ErrOutOfOrderSequence]. It waits for the messages also with AcksNone.
//
// So a call that failed, or whose outcome a crash has hidden, can be made again as often as need be: its messages are
// appended once.
func (p *Producer) SendFrom(ctx context.Context, partition int, number int64, ms []Message) error {
	if err := checkPartition(p.topic, partition); err != nil {
		return err
	}
	if number < 0 {
		return engine.Errorf(ErrInvalidArgument, "messages count from 0").At(p.topic, partition)
	}
	s := scratches.Get().(*scratch)
	defer s.free()
	return p.write(ctx, s, func(o *opened) error {
		err := s.encode(p.topic, int32(partition), o.codec, ms)
		for i := range s.records {
			s.records[i].Sequence = number + int64(i) + 1
		}
		return err
	})
}

// Progress is [Producer.Progress] of what was written; messages that wait are not counted yet.
func (p *AsyncProducer) Progress(ctx context.Context) (map[int]int64, error) {
	return p.opener.progress(ctx)
}

func (o *opener) progress(ctx context.Context) (map[int]int64, error) {
	if o.config.ID == "" {
		return nil, engine.Errorf(ErrInvalidArgument, "only a producer with an ID has a progress").At(o.topic, -1)
	}
	p, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := p.producer.Progress(ctx, o.topic)
	if err != nil {
		return nil, err
	}
	progress := make(map[int]int64, len(counts))
	for partition, count := range counts {
		progress[int(partition)] = count
	}
	return progress, nil
}
