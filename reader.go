package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// reader is what a consumer and its filtered views share: the engine's consumer and what the last poll returned.
//
// One goroutine at a time runs a loop, which owns at, index and slab and is the only one to change buffer. Others only
// leave it notes (moved, closed) and raise attention. These are the invariants:
//
//  1. buffer changes under mu; the loop reads it without.
//  2. given counts the records of buffer that the loop's body was given, or that were skipped. The body may still work on
//     the last of them, so all but one are finished. delivered is what others know of it: it is behind, but for loops
//     with auto-commit and for consumers that were asked for a position before. Publishing it always would cost a tenth
//     of a loop's speed, since an atomic store waits for the message's own memory to be written.
//  3. Before a record is handed out attention is down, so every note that was left before was heeded.
type reader struct {
	client     *Client
	config     consumerConfig
	codecs     map[string]codec.Codec
	closing    chan struct{}  // closed by Close
	background sync.WaitGroup // goroutines that end with Close

	running sync.Mutex // held by the one loop

	attention atomic.Bool
	delivered atomic.Int32
	exact     bool // given is published at once
	given     int
	at, index int // the next record: which fetch of buffer, and where in it
	slab      []Message
	gathered  []*Message // an incomplete batch of Batches

	mu        sync.Mutex
	engine    engine.Consumer
	err       error
	closed    bool
	automatic bool // the loop's progress is marked for auto-commit
	watched   bool // somebody has asked for a position
	buffer    []fetched
	sources   map[engine.TopicPartition]*source
	moved     map[engine.TopicPartition]int64 // new position, or rewind: buffered records are void
	back      map[engine.TopicPartition]bool  // of aborted transactions: to be read again
	paused    map[engine.TopicPartition]bool
	marks     map[engine.TopicPartition]int64 // next offsets that auto-commit may commit
	flushed   time.Time                       // when it last did
	release   releaser                        // what Parallel has in flight
	letters   *opener                         // of the dead letters' producer
	async     asyncCommits
}

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
}

// releaser finishes work on partitions before they are given up.
type releaser interface {
	release(ctx context.Context, tps []engine.TopicPartition) // waits for it, and commits
	forget(tps []engine.TopicPartition)                       // they are gone already
}

// open opens the engine's consumer, and makes topics if that is allowed.
func (r *reader) open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errConsumerClosed()
	}
	if r.engine != nil {
		return nil
	}
	if err := r.config.validate(); err != nil {
		return err
	}
	for _, topic := range r.config.Topics {
		c, err := r.client.topicCodec(ctx, topic)
		if err != nil {
			return err
		}
		r.codecs[topic] = c
	}
	if err := r.client.keep(r); err != nil {
		return err
	}
	e, err := r.client.engine.OpenConsumer(ctx, r.config.ConsumerConfig)
	if err != nil {
		r.client.forget(r)
		return err
	}
	for tp := range r.paused {
		e.Pause(tp)
	}
	r.engine, r.flushed = e, r.client.config.Clock.Now()
	return nil
}

// interrupt makes the loop look around before its next message.
func (r *reader) interrupt() { r.attention.Store(true) }

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
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.closed && errors.Is(err, ErrClosed) {
				return errLoopClosed
			}
			return err
		}
	}
}

// poll gets the next records. Messages of one poll are one slab.
func (r *reader) poll(ctx context.Context) error {
	r.mu.Lock()
	r.settle(false)
	r.buffer, r.slab = nil, nil // a poll may wait for long
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
		if _, ok := to[m.source.tp]; void && !ok {
			if to[m.source.tp] = target; target == rewind {
				to[m.source.tp] = m.Offset
			}
		}
		return void || m.source.gone.Load()
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
			if r.marks[f.tp] = f.Next; n < len(f.Records) {
				r.marks[f.tp] = f.Records[n-1].Offset + 1
			}
		}
		n -= len(f.Records)
	}
}

// revoked is called before partitions are given up: by the loop's poll, or by Close.
func (r *reader) revoked(ctx context.Context, tps []engine.TopicPartition) {
	ctx = context.WithoutCancel(ctx)
	r.mu.Lock()
	r.mark(int(r.delivered.Load()) - 1)
	release := r.release
	r.mu.Unlock()
	if release != nil {
		release.release(ctx, tps)
	}
	err := errors.Join(r.async.flush(ctx, r), r.commitMarks(ctx))
	if err != nil {
		r.client.config.Logger.Warn("commit before partitions are given up", "group", r.config.Group, "err", err)
	}
	r.abandon(tps)
}

// lost is called when partitions were taken away.
func (r *reader) lost(tps []engine.TopicPartition) {
	r.mu.Lock()
	release := r.release
	r.mu.Unlock()
	if release != nil {
		release.forget(tps)
	}
	r.abandon(tps)
}

// abandon makes sure that nothing of these partitions is delivered or committed any more.
func (r *reader) abandon(tps []engine.TopicPartition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tp := range tps {
		if s := r.sources[tp]; s != nil {
			s.gone.Store(true)
			delete(r.sources, tp)
		}
		delete(r.marks, tp)
		delete(r.moved, tp)
	}
	r.interrupt()
}

func (r *reader) setReleaser(release releaser) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release = release
}

func (r *reader) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (r *reader) setErr(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *reader) close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	close(r.closing)
	r.interrupt()
	e, letters := r.engine, r.letters
	r.mu.Unlock()
	var err error
	if e != nil {
		err = e.Close(context.Background())
	}
	r.background.Wait()
	if letters != nil {
		err = errors.Join(err, letters.close())
	}
	return err
}

func errConsumerClosed() error {
	return engine.Errorf(ErrClosed, "the consumer is closed; open a new one")
}
