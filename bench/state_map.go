package main

import "sync"

// mapState keeps state as package stream does: windows by key, the open ones in a heap as well, the changed ones in a
// list.
type mapState struct {
	mu      sync.RWMutex // a stream's state is read by queries as well
	entries map[string][]*mapEntry
	closing []*mapEntry // windows that end together are in order as they come
	changed []*mapEntry
	serial  uint64
}

// mapEntry has the fields of an entry in package stream.
type mapEntry struct {
	key                    string
	start, end             int64
	count                  int64
	time                   int64
	dirty, removed, stored bool
	serial                 uint64
}

func newMapState() *mapState { return &mapState{entries: map[string][]*mapEntry{}} }

func (s *mapState) add(key []byte, time int64) (int64, error) {
	list := s.entries[string(key)]
	var e *mapEntry
	if len(list) == 0 {
		e = s.insert(key)
	} else {
		e = list[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.count, e.time = e.count+1, max(e.time, time)
	if !e.dirty {
		e.dirty = true
		s.changed = append(s.changed, e)
	}
	return e.count, nil
}

func (s *mapState) insert(key []byte) *mapEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	e := &mapEntry{key: string(key), serial: s.serial}
	s.entries[e.key] = append(s.entries[e.key], e)
	s.closing = append(s.closing, e)
	return e
}

func (s *mapState) restore(key []byte, value stateValue) {
	e := s.insert(key)
	e.count, e.time, e.stored = value.count, value.time, true
}

func (s *mapState) commit() error {
	for _, e := range s.changed {
		e.dirty, e.stored = false, true
	}
	clear(s.changed)
	s.changed = s.changed[:0]
	return nil
}

func (s *mapState) Close() error { return nil }
