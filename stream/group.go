package stream

import (
	"github.com/dot-do/kafka-embedded/engine"
)

// WindowedStream is a stream whose elements belong to windows; group it next.
type WindowedStream[T any] struct {
	stream *Stream[T]
	window Window
}

// GroupedStream is a stream whose elements have a key to aggregate by.
type GroupedStream[K comparable, T any] struct {
	stream *Stream[T]
	key    func(m *meta, v T) K
	spread exchange
	window Window
}

// Window puts the elements into windows.
func (s *Stream[T]) Window(w Window) *WindowedStream[T] { return &WindowedStream[T]{s, w} }

// GroupBy gives each element the key that fn returns.
func (w *WindowedStream[T]) GroupBy(fn func(T) string) *GroupedStream[string, T] {
	return GroupBy(w.stream, fn).Window(w.window)
}

// GroupBy gives each element the key that fn returns.
func (s *Stream[T]) GroupBy(fn func(T) string) *GroupedStream[string, T] { return GroupBy(s, fn) }

// GroupBy gives each element the key that fn returns, which may be of any type that the StateCodec encodes.
func GroupBy[T any, K comparable](s *Stream[T], fn func(T) K) *GroupedStream[K, T] {
	return &GroupedStream[K, T]{stream: s, key: func(_ *meta, v T) K { return fn(v) }, spread: byValue}
}

// GroupByKey groups the elements by the keys of their records, so that a topic whose records are spread by key over
// several partitions needs no repartition topic. The key of a record without one is empty.
func (s *Stream[T]) GroupByKey() *GroupedStream[string, T] {
	return &GroupedStream[string, T]{stream: s, key: func(m *meta, _ T) string { return string(m.key) }, spread: byKey}
}

// route finds the partition of an element's key.
func (g *GroupedStream[K, T]) route() route[T] {
	return func(dst []byte, m *meta, v T) ([]byte, error) { return appendKey(g.stream.env, dst, g.key(m, v)) }
}

// Window puts the elements into windows.
func (g *GroupedStream[K, T]) Window(w Window) *GroupedStream[K, T] {
	windowed := *g
	windowed.window = w
	return &windowed
}

// TableOption configures a table.
type TableOption func(*tableConfig)

type tableConfig struct{ name string }

// StoreName names the table's store, and with it its changelog. Without it a store is numbered, so that its state is not
// found again once operators are put in before it.
func StoreName(name string) TableOption { return func(c *tableConfig) { c.name = name } }

// Count counts the elements of each key, and window.
func (g *GroupedStream[K, T]) Count(opts ...TableOption) *Table[K, int64] {
	return aggregate(g, "count", opts, aggregator[T, int64]{
		init: func() int64 { return 0 }, add: func(n int64, _ T) int64 { return n + 1 },
		merge: func(a, b int64) int64 { return a + b },
	})
}

// Reduce folds the elements of each key, and window, beginning with init, which fn must not change in place. Session
// windows need [Aggregate], which can merge two of them.
func Reduce[K comparable, T, A any](g *GroupedStream[K, T], init A, fn func(A, T) A, opts ...TableOption) *Table[K, A] {
	return aggregate(g, "reduce", opts, aggregator[T, A]{init: func() A { return init }, add: fn})
}

// Aggregate folds the elements of each key, and window, beginning with what init returns. merge makes one of two
// aggregates when an element joins two sessions; with other windows it may be nil.
func Aggregate[K comparable, T, A any](
	g *GroupedStream[K, T], init func() A, add func(A, T) A, merge func(a, b A) A, opts ...TableOption,
) *Table[K, A] {
	return aggregate(g, "aggregate", opts, aggregator[T, A]{init: init, add: add, merge: merge})
}

// aggregator is the functions of an aggregation.
type aggregator[T, A any] struct {
	init  func() A
	add   func(A, T) A
	merge func(a, b A) A
}

func aggregate[K comparable, T, A any](g *GroupedStream[K, T], kind string, opts []TableOption, fns aggregator[T, A]) *Table[K, A] {
	var c tableConfig
	for _, o := range opts {
		o(&c)
	}
	n := &node{
		kind: kind, detail: c.name, inputs: []*node{g.stream.node}, spread: []exchange{g.spread},
		store: c.name, stateful: true, delay: g.window.delay(),
	}
	if g.window.kind != noWindow {
		n.detail = first(c.name, kind) + " " + g.window.String()
	}
	t := &Table[K, A]{node: n, env: g.stream.env, window: g.window, handle: new(handle[K, A])}
	t.connect = func(b *builder, n *node, updates bool, out push[Result[K, A]]) {
		if err := g.window.check(); err != nil {
			b.fail(err)
		}
		if g.window.kind == session && fns.merge == nil {
			b.fail(engine.Errorf(engine.ErrInvalidArgument, "a %s over session windows cannot merge two of them: use Aggregate", kind))
		}
		s := newStore(b, t, n, updates, out)
		op := &aggregation[K, T, A]{store: s, fns: fns, env: g.stream.env, key: g.key}
		connect(b, g.stream, n, 0, g.route(), op.process())
	}
	return t
}
