package kafka

import (
	"context"
	"errors"
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
	begun     bool // the engine's consumer was asked to poll or to seek, and so to join
	buffer    []fetched
	sources   map[engine.TopicPartition]*source
	moved     map[engine.TopicPartition]int64 // new position, or rewind: buffered records are void
	back      map[engine.TopicPartition]bool  // of aborted transactions: to be read again
	paused    map[engine.TopicPartition]bool
	marks     map[*source]int64 // next offsets that auto-commit may commit
	flushed   time.Time         // when it last did
	release   releaser          // what Parallel has in flight
	letters   *opener           // of the dead letters' producer
	async     asyncCommits
	settled   sync.Cond // a source has no commit under way any more
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

func (r *reader) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// closedBy reports whether err only says that the consumer was closed meanwhile, which is an ordinary end of a loop.
func (r *reader) closedBy(err error) bool { return errors.Is(err, ErrClosed) && r.isClosed() }

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
