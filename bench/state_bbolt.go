package main

import (
	"errors"

	"go.etcd.io/bbolt"
)

var bboltState = []byte("state")

// bboltStateDB reads in one transaction from commit to commit, since beginning one costs more than a read.
type bboltStateDB struct {
	db      *bbolt.DB
	reading *bbolt.Tx
	bucket  *bbolt.Bucket
}

func openBboltState(name string) (stateStore, error) {
	options := *bbolt.DefaultOptions
	options.NoSync, options.NoFreelistSync = true, true
	options.FreelistType = bbolt.FreelistMapType
	db, err := bbolt.Open(name, 0o644, &options)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bboltState)
		return err
	})
	s := &bboltStateDB{db: db}
	return newSpilledState(s), errors.Join(err, s.begin())
}

func (s *bboltStateDB) begin() (err error) {
	if s.reading, err = s.db.Begin(false); err == nil {
		s.bucket = s.reading.Bucket(bboltState)
	}
	return err
}

func (s *bboltStateDB) get(key []byte) ([]byte, error) { return s.bucket.Get(key), nil }

func (s *bboltStateDB) put(keys []string, values map[string]*stateValue) error {
	if err := s.reading.Rollback(); err != nil { // the file cannot be mapped anew while somebody reads
		return err
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bboltState)
		for _, key := range keys {
			if err := bucket.Put([]byte(key), values[key].append(nil)); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, s.begin())
}

func (s *bboltStateDB) Close() error { return errors.Join(s.reading.Rollback(), s.db.Close()) }
