package main

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"
)

// spilledState keeps state in a database. What changed since the last commit is in memory and is written in the order of
// its keys, so that a key costs the database at most one read and one write a commit.
type spilledState struct {
	mu      sync.RWMutex // a stream's state is read by queries as well
	db      stateDB
	changed map[string]*stateValue
}

// stateDB is a database under a spilledState.
type stateDB interface {
	// get returns the value of a key, good until the next call, or nil.
	get(key []byte) ([]byte, error)

	// put writes all of the values in one unit. The keys rise.
	put(keys []string, values map[string]*stateValue) error

	Close() error
}

func newSpilledState(db stateDB) *spilledState {
	return &spilledState{db: db, changed: map[string]*stateValue{}}
}

func (s *spilledState) add(key []byte, time int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.changed[string(key)]
	if v == nil {
		stored, err := s.db.get(key)
		if err != nil {
			return 0, err
		}
		v = new(stateValue)
		if stored != nil {
			*v = decodeState(stored)
		}
		s.changed[string(key)] = v
	}
	v.count, v.time = v.count+1, max(v.time, time)
	return v.count, nil
}

func (s *spilledState) restore(key []byte, value stateValue) { s.changed[string(key)] = &value }

func (s *spilledState) commit() error {
	if len(s.changed) == 0 {
		return nil
	}
	if err := s.db.put(slices.Sorted(maps.Keys(s.changed)), s.changed); err != nil {
		return err
	}
	clear(s.changed)
	return nil
}

func (s *spilledState) Close() error { return s.db.Close() }

// append writes the count and the time, big-endian.
func (v stateValue) append(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(v.count)), uint64(v.time))
}

func decodeState(b []byte) stateValue {
	return stateValue{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
}
