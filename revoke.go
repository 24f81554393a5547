package kafka

import (
	"context"
	"errors"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// releaser finishes work on partitions before they are given up.
type releaser interface {
	release(ctx context.Context, tps []engine.TopicPartition) // waits for it, and commits
	forget(tps []engine.TopicPartition)                       // they are gone already
}

// revoked is called before partitions are given up: by the loop's poll, or by Close.
func (r *reader) revoked(ctx context.Context, tps []engine.TopicPartition) {
	ctx = context.WithoutCancel(ctx)
	if seeded.On(seeded.UncommittedWork) {
		r.abandon(tps)
		return
	}
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

// abandon makes sure that nothing of these partitions is delivered or committed any more. It returns when no commit of
// them is under way: the engine knows a commit only by its partition, and would count one that comes late for what the
// consumer is assigned next.
func (r *reader) abandon(tps []engine.TopicPartition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var given []*source
	for _, tp := range tps {
		if s := r.sources[tp]; s != nil {
			s.gone.Store(true)
			delete(r.sources, tp)
			delete(r.marks, s)
			given = append(given, s)
		}
		delete(r.moved, tp)
	}
	r.interrupt()
	for _, s := range given {
		for s.commits > 0 {
			r.settled.Wait()
		}
	}
}

// enter begins a commit, unless the partition was given up, which it reports with false. Whoever gives it up waits for
// leave.
func (s *source) enter() bool {
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	if s.gone.Load() {
		return false
	}
	s.commits++
	return true
}

func (s *source) leave() {
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	if s.commits--; s.commits == 0 {
		s.reader.settled.Broadcast()
	}
}

func (r *reader) setReleaser(release releaser) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release = release
}
