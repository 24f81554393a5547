package stream

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"fmt"
	"slices"
)

// flush implements operator.
func (s *store[K, A]) flush(write func(key, value []byte)) error {
	for _, e := range s.changed {
		e.dirty = false
		if e.removed && !e.stored {
			continue
		}
		key := binary.BigEndian.AppendUint64(nil, uint64(e.start))
		key = binary.BigEndian.AppendUint64(key, uint64(e.end))
		key, err := s.keyBytes(key, e.key)
		if err != nil {
			return err
		}
		if e.removed {
			if s.replaced(e) == nil {
				write(key, nil)
			}
			continue
		}
		value, err := s.coder.encode(binary.BigEndian.AppendUint64(nil, uint64(e.time)), e.value)
		if err != nil {
			return err
		}
		write(key, value)
		e.stored = true
	}
	clear(s.changed)
	s.changed = s.changed[:0]
	return nil
}

// replaced is the entry that took the place of a removed one, if any.
func (s *store[K, A]) replaced(e *entry[K, A]) *entry[K, A] {
	if o := s.find(e.key, e.start); o != nil && o.end == e.end {
		return o
	}
	return nil
}

func (s *store[K, A]) keyBytes(dst []byte, k K) ([]byte, error) {
	return appendKey(s.env, dst, k)
}

// restore implements operator.
func (s *store[K, A]) restore(key, value []byte) error {
	e := &entry[K, A]{stored: true}
	if len(key) < 16 || value != nil && len(value) < 8 {
		return fmt.Errorf("a changelog record of %d and %d bytes is too short", len(key), len(value))
	}
	e.start, e.end = int64(binary.BigEndian.Uint64(key)), int64(binary.BigEndian.Uint64(key[8:]))
	if text, ok := any(&e.key).(*string); ok {
		*text = string(key[16:])
	} else if err := s.env.StateCodec.Unmarshal(key[16:], &e.key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.replaced(e); old != nil {
		list := slices.DeleteFunc(s.entries[e.key], func(o *entry[K, A]) bool { return o == old })
		s.entries[e.key] = list
		if len(list) == 0 {
			delete(s.entries, e.key)
		}
	}
	if value == nil {
		return nil
	}
	e.time = int64(binary.BigEndian.Uint64(value))
	var err error
	if e.value, err = s.coder.decode(&meta{time: e.time, key: key[16:]}, value[8:]); err != nil {
		return err
	}
	s.link(e)
	return nil
}

// restored implements operator.
func (s *store[K, A]) restored(time int64) {
	if s.window.kind == noWindow {
		return
	}
	for _, list := range s.entries {
		for _, e := range list {
			if s.window.closesAt(e.end) <= time {
				s.closed = append(s.closed, e)
			} else {
				s.closing = append(s.closing, e)
			}
		}
	}
	heap.Init(&s.closing)
	slices.SortFunc(s.closed, func(a, b *entry[K, A]) int { return cmp.Compare(a.end, b.end) })
}
