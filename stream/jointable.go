package stream

import (
	"github.com/dot-do/kafka-embedded/engine"
)

// ToTable is the newest element of each record key. An element that is nil, or whose record is a tombstone, removes its
// key; records without a key are left out.
func ToTable[T any](s *Stream[T], opts ...TableOption) *Table[string, T] {
	var c tableConfig
	for _, o := range opts {
		o(&c)
	}
	t := &Table[string, T]{
		node: &node{
			kind: "table", detail: c.name, inputs: []*node{s.node}, spread: []exchange{byKey}, store: c.name, stateful: true,
		},
		env: s.env, handle: new(handle[string, T]),
	}
	t.connect = func(b *builder, n *node, _ bool, out push[Result[string, T]]) {
		st := newStore(b, t, n, true, out)
		st.coder = s.coder
		connect(b, s, n, 0, byRecordKey[T](byKey), func(m *meta, v T) error { return latest(st, m, v) })
	}
	return t
}

// latest stores an element under its record's key.
func latest[T any](s *store[string, T], m *meta, v T) error {
	if m.key == nil {
		return nil
	}
	k := string(m.key)
	e := s.find(k, 0)
	switch {
	case s.env.value(v) == nil || m.record != nil && m.record.Value == nil:
		if e == nil {
			return nil
		}
		s.remove(e)
		gone := meta{time: m.time, key: m.key, removed: true}
		return s.out(&gone, Result[string, T]{Key: k, Value: v})
	case e == nil:
		e = s.insert(k, 0, 0, v, m.time)
	default:
		s.change(e, v, m.time)
		e.time = m.time // the newest element is the last one that came, whatever its time
	}
	return s.updated(e)
}

// JoinTable pairs each element with what the table holds, at that moment, for the key that fn gives it. Elements whose
// key the table does not hold are left out. The table must be one without windows.
func JoinTable[T any, K comparable, V any](s *Stream[T], t *Table[K, V], fn func(T) K) *Stream[JoinResult[T, V]] {
	return joinTable(s, t, fn, inner)
}

// LeftJoinTable is [JoinTable] that keeps elements whose key the table does not hold.
func LeftJoinTable[T any, K comparable, V any](s *Stream[T], t *Table[K, V], fn func(T) K) *Stream[JoinResult[T, V]] {
	return joinTable(s, t, fn, leftOuter)
}

func joinTable[T any, K comparable, V any](s *Stream[T], t *Table[K, V], fn func(T) K, kind joinKind) *Stream[JoinResult[T, V]] {
	n := &node{
		kind: kind.String(), detail: "table", inputs: []*node{s.node, t.node}, spread: []exchange{byValue, fixed},
	}
	key := func(_ *meta, v T) any { return fn(v) }
	return &Stream[JoinResult[T, V]]{
		node: n, env: s.env, coder: valueCoder[JoinResult[T, V]](s.env),
		connect: func(b *builder, out push[JoinResult[T, V]]) {
			if t.window.kind != noWindow {
				b.fail(engine.Errorf(engine.ErrInvalidArgument, "a stream cannot be joined with a table of windows"))
			}
			t.Stream().into(b, func(*meta, Result[K, V]) error { return nil })
			table, ok := b.stores[t.node].(*store[K, V])
			if !ok {
				panic("stream: a table has no store")
			}
			connect(b, s, n, 0, byAnyKey(s.env, key), func(m *meta, v T) error {
				e := table.find(fn(v), 0)
				switch {
				case e != nil:
					return out(m, JoinResult[T, V]{v, e.value, true, true})
				case kind == leftOuter:
					return out(m, JoinResult[T, V]{Left: v, HasLeft: true})
				}
				return nil
			})
		},
	}
}
