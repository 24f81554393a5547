package stream

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// held is an element that waits for others to join with.
type held[T any] struct {
	time    int64
	serial  uint64 // in order of arrival
	joinKey any
	key     []byte // of its record
	value   T
	matched bool
	dirty   bool
	removed bool
	stored  bool // the changelog has it
}

// side holds the elements of one side of a join.
//
// A changelog record has the key
//
//	side byte, serial uint64 (big-endian)
//
// and the value
//
//	time int64 (big-endian), matched byte, length of the record's key + 1 (uvarint; 0 is no key), that key,
//	element (encoded by the stream's coder)
type side[T any] struct {
	coder   coder[T]
	outer   bool               // elements without a match are emitted
	byKey   map[any][]*held[T] // sorted by time
	ages    ages[T]            // the oldest on top
	changed []*held[T]
	serial  uint64
	loading map[uint64]*held[T] // while the changelog is read
}

func newSide[T any](c coder[T], outer bool) *side[T] {
	return &side[T]{coder: c, outer: outer, byKey: map[any][]*held[T]{}, loading: map[uint64]*held[T]{}}
}

// within is the elements of a key from one time to another, both included.
func (s *side[T]) within(key any, from, to int64) []*held[T] {
	list := s.byKey[key]
	first, _ := slices.BinarySearchFunc(list, from, func(h *held[T], t int64) int { return cmp.Compare(h.time, t) })
	last := first
	for last < len(list) && list[last].time <= to {
		last++
	}
	return list[first:last]
}

func (s *side[T]) add(t *Task, joinKey any, m *meta, v T, matched bool) {
	s.serial++
	h := &held[T]{time: m.time, serial: s.serial, joinKey: joinKey, key: m.key, value: v, matched: matched}
	s.link(h)
	heap.Push(&s.ages, h)
	s.touch(t, h)
}

func (s *side[T]) link(h *held[T]) {
	list := s.byKey[h.joinKey]
	i := len(list)
	for i > 0 && list[i-1].time > h.time {
		i--
	}
	s.byKey[h.joinKey] = slices.Insert(list, i, h)
}

// match notes that an element has found another one, where that makes a difference.
func (s *side[T]) match(t *Task, h *held[T]) {
	if s.outer && !h.matched {
		h.matched = true
		s.touch(t, h)
	}
}

func (s *side[T]) touch(t *Task, h *held[T]) {
	if !h.dirty && t.id != "" {
		h.dirty = true
		s.changed = append(s.changed, h)
	}
}

// oldest is the time of the oldest element.
func (s *side[T]) oldest() (int64, bool) {
	if len(s.ages) == 0 {
		return 0, false
	}
	return s.ages[0].time, true
}

// pop removes the oldest element.
func (s *side[T]) pop(t *Task) *held[T] {
	h := heap.Pop(&s.ages).(*held[T])
	h.removed = true
	list := s.byKey[h.joinKey]
	i := slices.Index(list, h)
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(s.byKey, h.joinKey)
	} else {
		s.byKey[h.joinKey] = list
	}
	s.touch(t, h)
	return h
}

func (s *side[T]) flush(which byte, write func(key, value []byte)) error {
	for _, h := range s.changed {
		h.dirty = false
		if h.removed && !h.stored {
			continue
		}
		key := binary.BigEndian.AppendUint64([]byte{which}, h.serial)
		if h.removed {
			write(key, nil)
			continue
		}
		value, err := s.encode(h)
		if err != nil {
			return err
		}
		write(key, value)
		h.stored = true
	}
	clear(s.changed)
	s.changed = s.changed[:0]
	return nil
}

func (s *side[T]) encode(h *held[T]) ([]byte, error) {
	b := binary.BigEndian.AppendUint64(nil, uint64(h.time))
	matched := byte(0)
	if h.matched {
		matched = 1
	}
	b = append(b, matched)
	if h.key == nil {
		b = append(b, 0)
	} else {
		b = binary.AppendUvarint(b, uint64(len(h.key))+1)
		b = append(b, h.key...)
	}
	return s.coder.encode(b, h.value)
}

func (s *side[T]) restore(serial uint64, value []byte) error {
	s.serial = max(s.serial, serial)
	if value == nil {
		delete(s.loading, serial)
		return nil
	}
	if len(value) < 10 {
		return fmt.Errorf("a changelog record of a join has %d bytes, fewer than 10", len(value))
	}
	h := &held[T]{time: int64(binary.BigEndian.Uint64(value)), matched: value[8] == 1, serial: serial, stored: true}
	n, width := binary.Uvarint(value[9:])
	rest := value[9+max(width, 0):]
	if width <= 0 || n > uint64(len(rest))+1 {
		return fmt.Errorf("a changelog record of a join has a key of %d bytes where %d are left", n, len(rest))
	}
	if n > 0 {
		h.key, rest = rest[:n-1:n-1], rest[n-1:]
	}
	var err error
	h.value, err = s.coder.decode(&meta{time: h.time, key: h.key}, rest)
	s.loading[serial] = h
	return err
}

// restored takes over what was loaded, in order of arrival.
func (s *side[T]) restored(keyOf func(m *meta, v T) any) {
	for _, serial := range slices.Sorted(maps.Keys(s.loading)) {
		h := s.loading[serial]
		h.joinKey = keyOf(&meta{time: h.time, key: h.key}, h.value)
		s.link(h)
		s.ages = append(s.ages, h)
	}
	heap.Init(&s.ages)
	s.loading = nil
}

// ages is a heap of elements, the oldest on top.
type ages[T any] []*held[T]

func (a ages[T]) Len() int      { return len(a) }
func (a ages[T]) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a ages[T]) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(a[i].time, a[j].time), cmp.Compare(a[i].serial, a[j].serial)) < 0
}

// Push implements [heap.Interface].
func (a *ages[T]) Push(h any) { *a = append(*a, h.(*held[T])) }

// Pop implements [heap.Interface].
func (a *ages[T]) Pop() any {
	last := (*a)[len(*a)-1]
	(*a)[len(*a)-1] = nil
	*a = (*a)[:len(*a)-1]
	return last
}
