package stream

import (
	"container/heap"
	"reflect"
	"slices"
	"sync"
)

// entry is the aggregate of a key in a window; without windows start and end are 0.
type entry[K comparable, A any] struct {
	key        K
	start, end int64
	value      A
	time       int64 // of the newest element in it
	dirty      bool  // changed since the last flush
	removed    bool
	stored     bool   // the changelog has it
	serial     uint64 // in order of making
}

// store holds the aggregates of one operator, by key and start. One goroutine changes it; queries come from others.
//
// A changelog record has the key
//
//	start int64, end int64 (big-endian), key (a string as it is, other types encoded by the StateCodec)
//
// and the value
//
//	time int64 (big-endian), aggregate (encoded by the StateCodec)
type store[K comparable, A any] struct {
	task    *Task
	env     *Env
	place   *placed
	window  Window
	updates bool // results are emitted with each change, not when windows close
	out     push[Result[K, A]]
	coder   coder[A]
	copies  bool // aggregates refer to memory that functions may change
	handle  *handle[K, A]

	mu      sync.RWMutex
	entries map[K][]*entry[K, A] // sorted by start
	closing closing[K, A]        // windows that are open
	closed  []*entry[K, A]       // windows that were closed but are retained, in the order of their ends
	changed []*entry[K, A]
	serial  uint64
}

// newStore makes the store of a table, whose operator is n.
func newStore[K comparable, A any](b *builder, t *Table[K, A], n *node, updates bool, out push[Result[K, A]]) *store[K, A] {
	s := &store[K, A]{
		task: b.task(n), env: t.env, window: t.window, updates: updates || t.window.kind == noWindow, out: out,
		coder: valueCoder[A](t.env), copies: !plain(reflect.TypeFor[A]()), entries: map[K][]*entry[K, A]{}, handle: t.handle,
	}
	s.place = b.add(n, s)
	s.task.tables = append(s.task.tables, s)
	b.stores[n] = s
	return s
}

// show implements shown.
func (s *store[K, A]) show() { s.handle.add(s) }

// hide implements shown.
func (s *store[K, A]) hide(kept bool) { s.handle.remove(s, kept) }

// plain reports whether copying a value of the type copies all of it.
func plain(t reflect.Type) bool {
	k := t.Kind()
	return k == reflect.String || k >= reflect.Bool && k <= reflect.Complex128
}

func (s *store[K, A]) now() int64 { return s.task.now(s.place) }

// of is the windows of a key; without windows, one.
func (s *store[K, A]) of(k K) []*entry[K, A] { return s.entries[k] }

func (s *store[K, A]) find(k K, start int64) *entry[K, A] {
	list := s.entries[k]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].start == start {
			return list[i]
		}
	}
	return nil
}

// insert makes an entry. There must be none of this key and start.
func (s *store[K, A]) insert(k K, start, end int64, value A, time int64) *entry[K, A] {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &entry[K, A]{key: k, start: start, end: end, value: value, time: time}
	s.link(e)
	if s.window.kind != noWindow {
		heap.Push(&s.closing, e)
	}
	s.touch(e)
	return e
}

// link puts an entry into the list of its key.
func (s *store[K, A]) link(e *entry[K, A]) {
	s.serial++
	e.serial = s.serial
	list := s.entries[e.key]
	i := len(list)
	for i > 0 && list[i-1].start > e.start {
		i--
	}
	s.entries[e.key] = slices.Insert(list, i, e)
}

func (s *store[K, A]) change(e *entry[K, A], value A, time int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.value, e.time = value, max(e.time, time)
	s.touch(e)
}

func (s *store[K, A]) remove(e *entry[K, A]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unlink(e)
}

func (s *store[K, A]) unlink(e *entry[K, A]) {
	e.removed = true
	list := s.entries[e.key]
	if list = slices.DeleteFunc(list, func(o *entry[K, A]) bool { return o == e }); len(list) == 0 {
		delete(s.entries, e.key)
	} else {
		s.entries[e.key] = list
	}
	s.touch(e)
}

func (s *store[K, A]) touch(e *entry[K, A]) {
	if !e.dirty && s.task.id != "" {
		e.dirty = true
		s.changed = append(s.changed, e)
	}
}

// duplicate is an entry's value with memory of its own.
func (s *store[K, A]) duplicate(e *entry[K, A]) (A, error) {
	if !s.copies {
		return e.value, nil
	}
	return s.coder.copied(nil, e.value)
}

// updated emits a change where updates are wanted.
func (s *store[K, A]) updated(e *entry[K, A]) error {
	if !s.updates {
		return nil
	}
	return s.emit(e)
}

func (s *store[K, A]) emit(e *entry[K, A]) error {
	key, err := s.keyBytes(nil, e.key)
	if err != nil {
		return err
	}
	m := meta{time: e.time, key: key}
	return s.out(&m, result(s.window, e))
}

// nextClose implements operator.
func (s *store[K, A]) nextClose() (int64, bool) {
	for len(s.closing) > 0 && s.closing[0].removed {
		heap.Pop(&s.closing)
	}
	if len(s.closing) == 0 {
		return 0, false
	}
	return s.window.closesAt(s.closing[0].end), true
}

// close implements operator.
func (s *store[K, A]) close(time int64) error {
	for {
		at, ok := s.nextClose()
		if !ok || at > time {
			s.expire(time)
			return nil
		}
		e := heap.Pop(&s.closing).(*entry[K, A])
		if s.window.retention() > 0 {
			s.closed = append(s.closed, e)
		} else {
			s.remove(e)
		}
		if !s.updates {
			if err := s.emit(e); err != nil {
				return err
			}
		}
	}
}

// expire removes closed windows that no element can need any more.
func (s *store[K, A]) expire(time int64) {
	for len(s.closed) > 0 && s.closed[0].end+s.window.retention() < time {
		s.remove(s.closed[0])
		s.closed = s.closed[1:]
	}
}
