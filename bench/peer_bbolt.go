package main

import (
	"encoding/binary"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// bboltDB: a B+ tree in one file, one transaction for each append. Where several goroutines append single records, they
// share transactions through DB.Batch.
var bboltDB = Contender{
	Name: "bbolt", Module: "go.etcd.io/bbolt",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openBbolt,
}

var bboltBucket = []byte("records")

type bboltLog struct {
	db    *bbolt.DB
	share bool
}

func openBbolt(dir string, o OpenOptions) (Log, error) {
	options := *bbolt.DefaultOptions
	options.NoSync = o.Level != Fsync
	options.FreelistType = bbolt.FreelistMapType
	db, err := bbolt.Open(filepath.Join(dir, "records.db"), 0o644, &options)
	if err != nil {
		return nil, err
	}
	db.MaxBatchSize = o.Goroutines
	db.MaxBatchDelay = 200 * time.Microsecond
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bboltBucket)
		return err
	})
	return &bboltLog{db: db, share: o.Goroutines > 1}, err
}

func (l *bboltLog) Append(records [][]byte) error {
	put := func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bboltBucket)
		bucket.FillPercent = 1 // keys only ever rise
		for _, record := range records {
			sequence, err := bucket.NextSequence()
			if err != nil {
				return err
			}
			if err := bucket.Put(bigEndian(sequence), record); err != nil {
				return err
			}
		}
		return nil
	}
	if l.share {
		return l.db.Batch(put)
	}
	return l.db.Update(put)
}

func (l *bboltLog) ReadAll() (records, bytes int64, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(bboltBucket).Cursor()
		for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
			records++
			bytes += int64(len(value))
		}
		return nil
	})
	return records, bytes, err
}

func (l *bboltLog) Read(index int64) (record []byte, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		record = append(record, tx.Bucket(bboltBucket).Get(bigEndian(uint64(index)+1))...)
		return nil
	})
	return record, err
}

func (l *bboltLog) Close() error { return l.db.Close() }

// bigEndian is a key that sorts as its number does.
func bigEndian(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 8), n) }
