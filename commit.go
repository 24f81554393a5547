package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// Commit stores that this message and all before it in its partition are processed. It never moves a group back.
// ErrRebalanceInProgress says that the consumer has given the partition up since, or was taken out of the group: the
// message comes again, to whoever reads the partition now.
func (m *Message) Commit(ctx context.Context) error {
	if m.source == nil {
		return errNotReceived()
	}
	return m.source.reader.commit(ctx, m.source, m.Offset+1)
}

// CommitAsync is Commit that does not wait. The promise's metadata name the message. Commits that come while one is
// under way share the next; Close waits for all.
func (m *Message) CommitAsync() *Delivery {
	d := newDelivery()
	if m.source == nil {
		d.resolve(RecordMetadata{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset}, errNotReceived())
		return d
	}
	m.source.reader.async.add(m.source.reader, pendingCommit{m.source, m.Offset, RecordMetadata{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.Timestamp, Durability: DurabilityOS,
	}, d})
	return d
}

func errNotReceived() error {
	return engine.Errorf(ErrInvalidArgument, "the message was not received by a consumer")
}

// commit stores the next offset of a partition.
func (r *reader) commit(ctx context.Context, s *source, next int64) error {
	if !s.enter() {
		return r.errGone(s, nil)
	}
	defer s.leave()
	err := r.engine.Commit(ctx, map[engine.TopicPartition]int64{s.tp: next})
	return r.explain(s, err)
}

// commitHeld stores next offsets in one commit. Partitions that were given up are left out; gone is one of them, or nil.
func (r *reader) commitHeld(ctx context.Context, next map[*source]int64) (gone *source, err error) {
	offsets := make(map[engine.TopicPartition]int64, len(next))
	for s, offset := range next {
		if !s.enter() {
			gone = s
			continue
		}
		defer s.leave()
		offsets[s.tp] = offset
	}
	if len(offsets) == 0 {
		return gone, nil
	}
	return gone, r.engine.Commit(ctx, offsets)
}

// explain turns the group's refusal of a member that it has removed into what that means for a message. A static member
// that was superseded stays ErrFenced.
func (r *reader) explain(s *source, err error) error {
	if err != nil && errors.Is(err, ErrFenced) && r.config.InstanceID == "" {
		return r.errGone(s, err)
	}
	return err
}

func (r *reader) errGone(s *source, cause error) error {
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return errConsumerClosed()
	}
	e := engine.Errorf(ErrRebalanceInProgress, "the partition was given up; its uncommitted records come again").
		At(s.tp.Topic, int(s.tp.Partition))
	e.Err, e.Retriable = cause, false // committing the same message again cannot help
	return e
}

// commitMarks commits what auto-commit may. Where the group has given partitions to others there is nothing to do: the
// records come again.
func (r *reader) commitMarks(ctx context.Context) error {
	r.mu.Lock()
	marks := r.marks
	r.flushed = r.client.config.Clock.Now()
	if len(marks) == 0 {
		r.mu.Unlock()
		return nil
	}
	r.marks = map[*source]int64{}
	r.mu.Unlock()
	if r.config.Group == "" {
		return nil
	}
	_, err := r.commitHeld(ctx, marks)
	if err == nil {
		return nil
	}
	if refused(err) {
		r.client.config.Logger.Warn("auto-commit", "group", r.config.Group, "err", err)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, next := range marks {
		if !s.gone.Load() && r.marks[s] < next {
			r.marks[s] = next
		}
	}
	return err
}

// refused reports whether the group does not take a commit because others hold the partitions.
func refused(err error) bool {
	return errors.Is(err, ErrRebalanceInProgress) || errors.Is(err, ErrFenced)
}

// asyncCommits are commits that nobody waits in.
type asyncCommits struct {
	committing sync.Mutex // held around a commit, so that they end in order

	mu      sync.Mutex
	pending []pendingCommit
	running bool
}

type pendingCommit struct {
	source   *source
	offset   int64
	metadata RecordMetadata
	delivery *Delivery
}

// add enlists a commit, and starts a goroutine when there is none.
func (a *asyncCommits) add(r *reader, p pendingCommit) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		p.delivery.resolve(p.metadata, errConsumerClosed())
		return
	}
	defer r.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = append(a.pending, p)
	if !a.running {
		a.running = true
		r.background.Go(func() { a.run(r) })
	}
}

func (a *asyncCommits) run(r *reader) {
	for {
		_ = a.flush(context.Background(), r) // each promise has its error
		a.mu.Lock()
		if len(a.pending) == 0 {
			a.running = false
			a.mu.Unlock()
			return
		}
		a.mu.Unlock()
	}
}

// flush commits what is pending, and returns when it and what was under way is done.
func (a *asyncCommits) flush(ctx context.Context, r *reader) error {
	a.committing.Lock()
	defer a.committing.Unlock()
	a.mu.Lock()
	pending := a.pending
	a.pending = nil
	a.mu.Unlock()
	next := map[*source]int64{}
	for _, p := range pending {
		next[p.source] = max(next[p.source], p.offset+1)
	}
	errs := map[*source]error{}
	for s, offset := range next {
		errs[s] = r.commit(ctx, s, offset)
	}
	var first error
	for _, p := range pending {
		err := errs[p.source]
		if p.delivery.resolve(p.metadata, err); first == nil {
			first = err
		}
	}
	return first
}
