package kafka

import (
	"context"
	"errors"

	"github.com/dot-do/kafka-embedded/engine"
)

// transactional reports why a transaction cannot commit offsets of a partition.
func (r *reader) transactional(s *source) error {
	r.mu.Lock()
	parallel := r.release != nil
	r.mu.Unlock()
	switch {
	case r.config.Group == "":
		return engine.Errorf(ErrInvalidArgument, "a consumer without a group has nowhere to commit to")
	case r.config.autoCommit:
		return engine.Errorf(ErrInvalidArgument, "the consumer commits by itself, also what a transaction takes back; open it without auto-commit")
	case parallel:
		return engine.Errorf(ErrInvalidArgument, "Parallel commits by itself, also what a transaction takes back; use another kind of loop")
	case s.gone.Load():
		return r.errGone(s, nil)
	}
	return nil
}

// goBack makes the loop, before its next message, read partitions again from what the group has committed.
func (r *reader) goBack(tps []engine.TopicPartition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.back == nil {
		r.back = map[engine.TopicPartition]bool{}
	}
	for _, tp := range tps {
		r.back[tp] = true
	}
	r.interrupt()
}

// heedBack does what goBack has asked for. While it is not known what is committed it fails, and is due again.
func (r *reader) heedBack(ctx context.Context) error {
	r.mu.Lock()
	back := r.back
	r.back = nil
	r.mu.Unlock()
	for tp := range back {
		if err := r.seekCommitted(ctx, tp); err != nil {
			r.mu.Lock()
			r.back = back
			r.interrupt()
			r.mu.Unlock()
			return err
		}
	}
	return nil
}

// seekCommitted goes to the committed offset or, without one, to the first record since the partition was assigned.
func (r *reader) seekCommitted(ctx context.Context, tp engine.TopicPartition) error {
	r.mu.Lock()
	s := r.sources[tp]
	r.mu.Unlock()
	if s == nil {
		return nil // given up meanwhile
	}
	offset, err := r.engine.Committed(ctx, tp)
	if err != nil {
		return err
	}
	if offset < 0 {
		offset = s.first
	}
	if err := r.seek(ctx, tp, offset); err != nil && !errors.Is(err, ErrInvalidArgument) {
		return err // ErrInvalidArgument: the partition was given up meanwhile
	}
	return nil
}
