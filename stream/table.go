package stream

import (
	"context"
	"iter"
	"time"
)

// Result is the value of a key, and of a window if there is one; without windows Start and End are zero.
type Result[K comparable, V any] struct {
	Key   K         `json:"key"`
	Value V         `json:"value"`
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// Table is what an aggregation makes: the current value of each key, or of each key and window. Its results are, with
// windows, one for each window when that closes, without windows and after [Table.EmitUpdates] one for each change.
//
// While a terminal call runs, Get, Range and Fetch may be called concurrently, also from its loop. They see state before
// it is committed. At other times a table is empty, or as the last run left it.
type Table[K comparable, V any] struct {
	node    *node
	env     *Env
	window  Window
	updates bool
	handle  *handle[K, V]
	connect func(b *builder, n *node, updates bool, out push[Result[K, V]])
}

func result[K comparable, V any](w Window, e *entry[K, V]) Result[K, V] {
	r := Result[K, V]{Key: e.key, Value: e.value}
	if w.kind != noWindow {
		r.Start, r.End = time.UnixMilli(e.start).UTC(), time.UnixMilli(e.end).UTC()
	}
	return r
}

// EmitUpdates is the table with a result for each change of a window, not only the last one.
func (t *Table[K, V]) EmitUpdates() *Table[K, V] {
	u := *t
	u.updates = true
	n := *t.node
	n.detail += " updates"
	n.delay = 0
	u.node = &n
	return &u
}

// Stream is the table's results as a stream. The key of an element, when it is written to a topic, is the result's key.
func (t *Table[K, V]) Stream() *Stream[Result[K, V]] {
	return &Stream[Result[K, V]]{
		node: t.node, env: t.env, coder: valueCoder[Result[K, V]](t.env),
		connect: func(b *builder, out push[Result[K, V]]) { t.connect(b, t.node, t.updates, out) },
	}
}

// Sink is the topology that writes the results to a topic, not run yet; see [Table.To].
func (t *Table[K, V]) Sink(topic string) *Topology {
	s := t.Stream()
	if t.window.kind != noWindow {
		return s.Sink(topic)
	}
	top := Map(s, func(r Result[K, V]) V { return r.Value }).Sink(topic)
	top.build = func(b *builder) {
		write := writer[any](b, top.root, t.env, topic)
		s.into(b, func(m *meta, r Result[K, V]) error {
			if m.removed {
				return write(m, nil)
			}
			return write(m, r.Value)
		})
	}
	return top
}

// To writes the results to a topic, as [Stream.To] does: key and value of the table, or with windows the key and the
// whole [Result]. A topic of a table without windows may be compacted: a key that is removed is written as a tombstone.
func (t *Table[K, V]) To(ctx context.Context, topic string) error { return t.Sink(topic).Run(ctx) }

// Each calls fn for each result; see [Stream.Each].
func (t *Table[K, V]) Each(ctx context.Context, fn func(Result[K, V]) error) error {
	return t.Stream().Each(ctx, fn)
}

// All loops over the results; see [Stream.All].
func (t *Table[K, V]) All(ctx context.Context) iter.Seq2[Result[K, V], error] {
	return t.Stream().All(ctx)
}

// Results loops over the results; see [Stream.Results].
func (t *Table[K, V]) Results(ctx context.Context) iter.Seq[Result[K, V]] {
	return t.Stream().Results(ctx)
}
