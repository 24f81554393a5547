package stream

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
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
	connect func(b *builder, updates bool, out push[Result[K, V]])
}

// handle finds the store of the latest run.
type handle[K comparable, V any] struct{ store atomic.Pointer[store[K, V]] }

func (h *handle[K, V]) set(s *store[K, V]) { h.store.Store(s) }

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
	u.node = &node{kind: t.node.kind, detail: t.node.detail + " updates", inputs: t.node.inputs}
	return &u
}

// Stream is the table's results as a stream. The key of an element, when it is written to a topic, is the result's key.
func (t *Table[K, V]) Stream() *Stream[Result[K, V]] {
	return &Stream[Result[K, V]]{
		node: t.node, env: t.env, coder: valueCoder[Result[K, V]](t.env),
		connect: func(b *builder, out push[Result[K, V]]) { t.connect(b, t.updates, out) },
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
		write := writer[any](b, t.env, topic)
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

// Get is the value of a key; with windows, that of its latest one.
func (t *Table[K, V]) Get(k K) (v V, ok bool) {
	s := t.handle.store.Load()
	if s == nil {
		return v, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := s.entries[k]
	if len(list) == 0 {
		return v, false
	}
	return list[len(list)-1].value, true
}

// Fetch is the windows of a key that overlap with [from, to] and are not removed yet, the earliest first. A closed
// window is removed, sliding ones when no element can need them any more.
func (t *Table[K, V]) Fetch(k K, from, to time.Time) []Result[K, V] {
	s := t.handle.store.Load()
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []Result[K, V]
	for _, e := range s.entries[k] {
		if e.start <= to.UnixMilli() && e.end >= from.UnixMilli() {
			found = append(found, result(s.window, e))
		}
	}
	return found
}

// Range loops over what the table holds at the moment, in no order. The loop may use the table.
func (t *Table[K, V]) Range() iter.Seq[Result[K, V]] {
	return func(yield func(Result[K, V]) bool) {
		for _, r := range t.snapshot() {
			if !yield(r) {
				return
			}
		}
	}
}

func (t *Table[K, V]) snapshot() (all []Result[K, V]) {
	s := t.handle.store.Load()
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for list := range maps.Values(s.entries) {
		for e := range slices.Values(list) {
			all = append(all, result(s.window, e))
		}
	}
	return all
}
