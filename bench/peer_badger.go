package main

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// badgerDB: a log-structured merge tree whose newest data is in a mapped file, which survives a killed process.
var badgerDB = Contender{
	Name: "badger", Module: "github.com/dgraph-io/badger/v4",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openBadger,
}

type badgerLog struct {
	db   *badger.DB
	next atomic.Uint64
}

func openBadger(dir string, o OpenOptions) (Log, error) {
	options := badger.DefaultOptions(dir).WithLogger(nil).WithSyncWrites(o.Level == Fsync).WithDetectConflicts(false)
	db, err := badger.Open(options)
	if err != nil {
		return nil, err
	}
	log := &badgerLog{db: db}
	err = db.View(func(tx *badger.Txn) error {
		iter := tx.NewIterator(badger.IteratorOptions{Reverse: true})
		defer iter.Close()
		if iter.Rewind(); iter.Valid() {
			log.next.Store(binary.BigEndian.Uint64(iter.Item().Key()) + 1)
		}
		return nil
	})
	return log, err
}

func (l *badgerLog) Append(records [][]byte) error {
	first := l.next.Add(uint64(len(records))) - uint64(len(records))
	tx := l.db.NewTransaction(true)
	defer tx.Discard() // of no effect after the commit
	for i, record := range records {
		if err := tx.Set(bigEndian(first+uint64(i)), record); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (l *badgerLog) ReadAll() (records, bytes int64, err error) {
	err = l.db.View(func(tx *badger.Txn) error {
		iter := tx.NewIterator(badger.DefaultIteratorOptions)
		defer iter.Close()
		count := func(value []byte) error {
			records++
			bytes += int64(len(value))
			return nil
		}
		for iter.Rewind(); iter.Valid(); iter.Next() {
			if err := iter.Item().Value(count); err != nil {
				return err
			}
		}
		return nil
	})
	return records, bytes, err
}

func (l *badgerLog) Read(index int64) (record []byte, err error) {
	err = l.db.View(func(tx *badger.Txn) error {
		item, err := tx.Get(bigEndian(uint64(index)))
		if err != nil {
			return err
		}
		record, err = item.ValueCopy(nil)
		return err
	})
	return record, err
}

func (l *badgerLog) Close() error { return l.db.Close() }
