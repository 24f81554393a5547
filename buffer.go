package kafka

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// fetched is records of one partition.
type fetched struct {
	*source
	engine.Fetch
}

// source is a partition from its assignment until it is given up. Messages point to it.
type source struct {
	reader *reader
	tp     engine.TopicPartition
	codec  codec.Codec
	first  int64       // offset of the first record that was fetched; -1 before that
	gone   atomic.Bool // given up: nothing is delivered or committed any more

	commits int // under way; guarded by the reader's mu
}

// prepare heeds what others have asked for and gets the next records.
func (r *reader) prepare(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.attention.Swap(false) {
			if err := r.attend(ctx); err != nil {
				return err
			}
		}
		if r.at < len(r.buffer) {
			return nil
		}
		if err := r.poll(ctx); err != nil {
			return err
		}
	}
}

// poll gets the next records. Messages of one poll are one slab.
func (r *reader) poll(ctx context.Context) error {
	r.mu.Lock()
	r.settle(false)
	r.buffer, r.slab, r.begun = nil, nil, true // a poll may wait for long
	due := r.config.autoCommit && r.client.config.Clock.Now().Sub(r.flushed) >= r.config.autoCommitInterval
	r.mu.Unlock()
	if due {
		if err := r.commitMarks(ctx); err != nil {
			return err
		}
	}
	fetches, err := r.engine.Poll(ctx, r.config.maxPoll)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buffer = make([]fetched, 0, len(fetches))
	n := 0
	for _, f := range fetches {
		if len(f.Records) > 0 {
			s := r.source(f.TopicPartition)
			if s.first < 0 {
				s.first = f.Records[0].Offset
			}
			r.buffer = append(r.buffer, fetched{s, f})
			n += len(f.Records)
		}
	}
	r.at, r.index, r.slab = 0, 0, make([]Message, n)
	return nil
}

// source returns what stands for a partition since its assignment. The caller holds mu.
func (r *reader) source(tp engine.TopicPartition) *source {
	s := r.sources[tp]
	if s == nil {
		s = &source{reader: r, tp: tp, codec: r.codecs[tp.Topic], first: -1}
		r.sources[tp] = s
	}
	return s
}

// head makes a message of the next record.
func (r *reader) head() *Message {
	f := &r.buffer[r.at]
	m := &r.slab[0]
	m.receive(f.source, &f.Records[r.index])
	return m
}

// advance moves behind the message that head made.
func (r *reader) advance() {
	r.slab = r.slab[1:]
	if r.index++; r.index == len(r.buffer[r.at].Records) {
		r.at, r.index = r.at+1, 0
	}
	if r.given++; r.exact {
		r.delivered.Store(int32(r.given))
	}
}

// attend heeds notes: it drops buffered records that are void and makes the engine read from where they tell.
func (r *reader) attend(ctx context.Context) error {
	if err := r.heedBack(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return errLoopClosed
	}
	r.settle(false)
	moved, to := r.moved, map[engine.TopicPartition]int64{}
	r.moved = nil
	r.gathered = slices.DeleteFunc(r.gathered, func(m *Message) bool {
		target, void := moved[m.source.tp]
		if !void || m.source.gone.Load() {
			return m.source.gone.Load()
		}
		if _, ok := to[m.source.tp]; !ok {
			if to[m.source.tp] = target; target == rewind {
				to[m.source.tp] = m.Offset
			}
		}
		return true
	})
	var kept []fetched
	for _, f := range r.buffer {
		target, void := moved[f.tp]
		switch {
		case f.gone.Load():
		case !void:
			kept = append(kept, f)
		case target != rewind:
			to[f.tp] = target
		default:
			if _, ok := to[f.tp]; !ok {
				to[f.tp] = f.Records[0].Offset
			}
		}
	}
	r.buffer = kept
	r.mu.Unlock()
	for tp, offset := range to {
		if err := r.engine.Seek(ctx, tp, offset); err != nil && !errors.Is(err, ErrInvalidArgument) {
			return err // ErrInvalidArgument: the partition was given up meanwhile
		}
	}
	return nil
}

// settle takes what the loop went through out of the buffer, and marks it for auto-commit: all of it, or all but the
// message that the body still has. The caller is the loop and holds mu.
func (r *reader) settle(unfinished bool) {
	if unfinished {
		r.mark(r.given - 1)
	} else {
		r.mark(r.given)
	}
	r.given, r.exact = 0, r.automatic || r.watched
	r.delivered.Store(0)
	rest := r.buffer[r.at:]
	if r.index > 0 {
		rest[0].Records = rest[0].Records[r.index:]
	}
	r.buffer, r.at, r.index = rest, 0, 0
}

// mark lets auto-commit commit the first n records of the buffer. The caller holds mu.
func (r *reader) mark(n int) {
	if !r.automatic {
		return
	}
	for i := range r.buffer {
		f := &r.buffer[i]
		if n <= 0 {
			return
		}
		if !f.gone.Load() {
			if r.marks[f.source] = f.Next; n < len(f.Records) {
				r.marks[f.source] = f.Records[n-1].Offset + 1
			}
		}
		n -= len(f.Records)
	}
}
