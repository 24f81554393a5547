package cluster

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// sentOffsets are offsets that a transaction commits, and the consumer whose they are, or nil.
type sentOffsets struct {
	next map[engine.TopicPartition]int64
	from *consumer
}

// SendOffsets implements engine.Producer.
func (p *producer) SendOffsets(
	ctx context.Context, group string, offsets map[engine.TopicPartition]int64, from engine.Consumer,
) error {
	return p.e.call(ctx, func(ctx context.Context) error {
		tx := p.current()
		if tx == nil {
			return errNoTransaction()
		}
		if err := engine.ValidateName("group", group); err != nil {
			return err
		}
		m := membership{generation: -1}
		var k *consumer
		if from != nil {
			var ok bool
			if k, ok = from.(*consumer); !ok || k.e != p.e {
				return engine.Errorf(engine.ErrInvalidArgument, "the consumer is of another client; a transaction commits offsets in its own")
			}
			if k.config.Group != group {
				return engine.Errorf(engine.ErrInvalidArgument, "the consumer is of group %q, not %q", k.config.Group, group)
			}
			var err error
			if m, err = k.membership(offsets); err != nil {
				return err
			}
		}
		for tp, offset := range offsets {
			if err := p.e.topics.checkPartition(ctx, tp); err != nil {
				return err
			}
			if err := p.e.checkNext(ctx, tp, offset); err != nil {
				return err
			}
		}
		return tx.sendOffsets(ctx, group, m, sentOffsets{offsets, k})
	})
}

// sendOffsets makes offsets part of the transaction.
func (t *transactor) sendOffsets(ctx context.Context, group string, m membership, o sentOffsets) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	id, epoch, err := t.cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = t.id, id, epoch, group
	if err := t.await(ctx, func() (int16, error) {
		answer, err := add.RequestWith(ctx, t.e.admin)
		if err != nil {
			return 0, err
		}
		return answer.ErrorCode, nil
	}); err != nil {
		return t.fail(err)
	}
	t.mu.Lock()
	t.offsets = append(t.offsets, o) // from here on there is something to end
	t.mu.Unlock()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = t.id, group, id, epoch
	req.Generation, req.MemberID, req.InstanceID = m.generation, m.id, m.instance
	for topic, offsets := range offsetsByTopic(o.next) {
		rt := kmsg.NewTxnOffsetCommitRequestTopic()
		rt.Topic = topic
		for partition, offset := range offsets {
			rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset = partition, offset
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	answer, err := req.RequestWith(ctx, t.e.admin)
	if err != nil {
		return t.fail(err)
	}
	for _, at := range answer.Topics {
		for _, ap := range at.Partitions {
			if err := answered(ap.ErrorCode, engine.TopicPartition{Topic: at.Topic, Partition: ap.Partition}); err != nil {
				return t.fail(refused(err))
			}
		}
	}
	return nil
}

// refused is what a group's refusal of a member means for its offsets: the records come again, elsewhere.
func refused(err error) error {
	for _, answer := range []error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.FencedMemberEpoch} {
		if errors.Is(err, answer) {
			return engine.Errorf(engine.ErrRebalanceInProgress, "the partitions were given up; their uncommitted records come again: %w", err)
		}
	}
	return err
}

// fail makes sure that the transaction is not committed without what an error says is missing.
func (t *transactor) fail(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err = t.late(err); t.failed == nil {
		t.failed = err
	}
	return err
}

// await asks the coordinator again while it still works on the transaction before.
func (t *transactor) await(ctx context.Context, ask func() (int16, error)) error {
	return await(ctx, func() (bool, error) {
		code, err := ask()
		if err != nil {
			return false, err
		}
		err = kerr.ErrorForCode(code)
		if errors.Is(err, kerr.ConcurrentTransactions) {
			return false, nil
		}
		return err == nil, err
	})
}

// onlyOffsets reports whether the cluster has a transaction open of which the client does not know, since nothing but
// offsets is in it.
func (t *transactor) onlyOffsets() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.offsets) > 0 && t.sent == 0
}

// endOffsets ends a transaction with nothing but offsets in it.
func (t *transactor) endOffsets(ctx context.Context, commit bool) error {
	id, epoch, err := t.cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = t.id, id, epoch, commit
	err = t.await(ctx, func() (int16, error) {
		answer, err := req.RequestWith(ctx, t.e.admin)
		if err != nil {
			return 0, err
		}
		return answer.ErrorCode, nil
	})
	if !commit && errors.Is(err, kerr.InvalidTxnState) {
		return nil // records failed, and the client has ended it
	}
	return err
}

// raise tells the consumers what is committed for them now.
func (t *transactor) raise() {
	t.mu.Lock()
	offsets := t.offsets
	t.mu.Unlock()
	for _, o := range offsets {
		if o.from != nil {
			o.from.raise(o.next)
		}
	}
}

func offsetsByTopic(offsets map[engine.TopicPartition]int64) map[string]map[int32]int64 {
	m := map[string]map[int32]int64{}
	for tp, offset := range offsets {
		if m[tp.Topic] == nil {
			m[tp.Topic] = map[int32]int64{}
		}
		m[tp.Topic][tp.Partition] = offset
	}
	return m
}
