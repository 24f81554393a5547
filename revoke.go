package kafka

import (
	"context"
	"errors"

	"github.com/dot-do/kafka-embedded/engine"
)

// releaser finishes work on partitions before they are given up.
type releaser interface {
	release(ctx context.Context, tps []engine.TopicPartition) // waits for it, and commits
	forget(tps []engine.TopicPartition)                       // they are gone already
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
