package stream

import (
	"context"
	"iter"
)

// Branch routes the elements that Predicate accepts to Topic.
type Branch[T any] struct {
	Predicate func(T) bool
	Topic     string
}

// Sink is the topology that writes the stream to a topic, not run yet.
func (s *Stream[T]) Sink(topic string) *Topology {
	n := &node{kind: "to", detail: topic, inputs: []*node{s.node}}
	return &Topology{
		env: s.env, sink: true, root: n,
		build: func(b *builder) { s.into(b, writer[T](b, n, s.env, topic)) },
	}
}

// To writes the stream to a topic, until ctx ends, which is no error. It goes on where the last call of the same
// topology stopped.
func (s *Stream[T]) To(ctx context.Context, topic string) error { return s.Sink(topic).Run(ctx) }

// Branch writes each element to the topic of the first branch that accepts it; one that none accepts is left out. It
// runs as [Stream.To] does.
func (s *Stream[T]) Branch(ctx context.Context, branches ...Branch[T]) error {
	return s.branching(branches).Run(ctx)
}

func (s *Stream[T]) branching(branches []Branch[T]) *Topology {
	n := &node{kind: "branch", inputs: []*node{s.node}}
	for i, br := range branches {
		n.detail += []string{"", " "}[min(i, 1)] + br.Topic
	}
	return &Topology{env: s.env, sink: true, root: n, build: func(b *builder) {
		writers := make([]push[T], len(branches))
		for i, br := range branches {
			writers[i] = writer[T](b, n, s.env, br.Topic)
		}
		s.into(b, func(m *meta, v T) error {
			for i := range branches {
				if branches[i].Predicate(v) {
					return writers[i](m, v)
				}
			}
			return nil
		})
	}}
}

// each is the topology that calls fn.
func (s *Stream[T]) each(fn func(T) error) *Topology {
	return &Topology{
		env: s.env, root: &node{kind: "each", inputs: []*node{s.node}},
		build: func(b *builder) { s.into(b, func(_ *meta, v T) error { return fn(v) }) },
	}
}

// Each calls fn for each element, until ctx ends, which is no error, or fn fails. What fn does lies outside the log, so
// it is at least once: after a crash or an error, what came since the last commit comes again.
func (s *Stream[T]) Each(ctx context.Context, fn func(T) error) error { return s.each(fn).Run(ctx) }

// All loops over the elements, until ctx ends, which is no error. An error is the last pair. Like Each it is at least
// once: after a break, what came since the last commit comes again.
func (s *Stream[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var panicked any
		err := s.Each(ctx, func(v T) (err error) {
			defer func() {
				if panicked = recover(); panicked != nil {
					err = errStop // the loop's body panicked: that is not the topology's to judge
				}
			}()
			if !yield(v, nil) {
				return errStop
			}
			return nil
		})
		if panicked != nil {
			panic(panicked)
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// Results is [Stream.All] without the error, which is logged.
func (s *Stream[T]) Results(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v, err := range s.All(ctx) {
			if err != nil {
				s.env.Logger.Error("stream ended", "err", err)
				return
			}
			if !yield(v) {
				return
			}
		}
	}
}
