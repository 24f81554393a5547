package stream

import (
	"cmp"
	"iter"
	"slices"
	"sync"
	"time"
)

// shown is a store that can be asked for what it holds.
type shown interface {
	show()
	// hide undoes show; a store that is kept goes on until another one is shown.
	hide(kept bool)
}

// handle finds the stores of the tasks of this process that hold a table, one for each partition.
type handle[K comparable, V any] struct {
	mu     sync.RWMutex
	stores []*store[K, V]
	old    bool // the stores are what the last run left
}

func (h *handle[K, V]) add(s *store[K, V]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.old {
		h.stores, h.old = nil, false
	}
	h.stores = append(slices.Clone(h.stores), s)
}

func (h *handle[K, V]) remove(s *store[K, V], kept bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if kept {
		h.old = true
		return
	}
	h.stores = slices.DeleteFunc(slices.Clone(h.stores), func(o *store[K, V]) bool { return o == s })
}

// each calls fn for the stores that there are, one after the other.
func (h *handle[K, V]) each(fn func(s *store[K, V])) {
	h.mu.RLock()
	stores := h.stores
	h.mu.RUnlock()
	for _, s := range stores {
		s.mu.RLock()
		fn(s)
		s.mu.RUnlock()
	}
}

// Get is the value of a key; with windows, that of its latest one. Only keys of the tasks of this process are found.
func (t *Table[K, V]) Get(k K) (v V, ok bool) {
	latest := int64(never)
	t.handle.each(func(s *store[K, V]) {
		if list := s.entries[k]; len(list) > 0 && list[len(list)-1].start >= latest {
			e := list[len(list)-1]
			v, ok, latest = e.value, true, e.start
		}
	})
	return v, ok
}

// Fetch is the windows of a key that overlap with [from, to] and are not removed yet, the earliest first. A closed
// window is removed, sliding ones when no element can need them any more. Only keys of the tasks of this process are
// found.
func (t *Table[K, V]) Fetch(k K, from, to time.Time) (found []Result[K, V]) {
	t.handle.each(func(s *store[K, V]) {
		for _, e := range s.entries[k] {
			if e.start <= to.UnixMilli() && e.end >= from.UnixMilli() {
				found = append(found, result(s.window, e))
			}
		}
	})
	slices.SortStableFunc(found, func(a, b Result[K, V]) int { return cmp.Compare(a.Start.UnixMilli(), b.Start.UnixMilli()) })
	return found
}

// Range loops over what the table holds at the moment in the tasks of this process, in no order. The loop may use the
// table.
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
	t.handle.each(func(s *store[K, V]) {
		for _, list := range s.entries {
			for _, e := range list {
				all = append(all, result(s.window, e))
			}
		}
	})
	return all
}
