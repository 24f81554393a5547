package main

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// What Pebble gets, well above its defaults of 8 and 4 MiB. More would be the map again.
const (
	pebbleStateCache    = 64 << 20
	pebbleStateMemTable = 16 << 20
)

// pebbleStateDB has no log of its own: what was not flushed yet is in the changelog.
type pebbleStateDB struct {
	db     *pebble.DB
	closer interface{ Close() error } // of the last value that was read
}

func openPebbleState(dir string) (stateStore, error) {
	options := &pebble.Options{
		Logger: quietPebble{}, DisableWAL: true, CacheSize: pebbleStateCache, MemTableSize: pebbleStateMemTable,
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, options)
	return newSpilledState(&pebbleStateDB{db: db}), err
}

func (s *pebbleStateDB) get(key []byte) ([]byte, error) {
	if err := s.release(); err != nil {
		return nil, err
	}
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	s.closer = closer
	return value, err
}

// release gives back the value that was read last.
func (s *pebbleStateDB) release() error {
	closer := s.closer
	if closer == nil {
		return nil
	}
	s.closer = nil
	return closer.Close()
}

func (s *pebbleStateDB) put(keys []string, values map[string]*stateValue) error {
	batch := s.db.NewBatch()
	for _, key := range keys {
		if err := batch.Set([]byte(key), values[key].append(nil), nil); err != nil {
			return err
		}
	}
	return errors.Join(batch.Commit(pebble.NoSync), batch.Close())
}

func (s *pebbleStateDB) Close() error { return errors.Join(s.release(), s.db.Flush(), s.db.Close()) }
