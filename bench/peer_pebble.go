package main

import (
	"encoding/binary"
	"errors"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleDB: a log-structured merge tree. Without a sync its log is written by a goroutine of its own some time after
// the commit has returned, so that a killed process loses what was still in memory.
var pebbleDB = Contender{
	Name: "pebble", Module: "github.com/cockroachdb/pebble/v2",
	Reached: map[Level]Level{System: Memory, Fsync: Fsync},
	Open:    openPebble,
}

type pebbleLog struct {
	db   *pebble.DB
	sync *pebble.WriteOptions
	next atomic.Uint64
}

func openPebble(dir string, o OpenOptions) (Log, error) {
	db, err := pebble.Open(dir, &pebble.Options{Logger: quietPebble{}})
	if err != nil {
		return nil, err
	}
	log := &pebbleLog{db: db, sync: pebble.NoSync}
	if o.Level == Fsync {
		log.sync = pebble.Sync
	}
	return log, log.findEnd()
}

func (l *pebbleLog) findEnd() error {
	iter, err := l.db.NewIter(nil)
	if err != nil {
		return err
	}
	if iter.Last() {
		l.next.Store(binary.BigEndian.Uint64(iter.Key()) + 1)
	}
	return iter.Close()
}

func (l *pebbleLog) Append(records [][]byte) error {
	first := l.next.Add(uint64(len(records))) - uint64(len(records))
	if len(records) == 1 {
		return l.db.Set(bigEndian(first), records[0], l.sync)
	}
	batch := l.db.NewBatch()
	defer batch.Close()
	var key [8]byte
	for i, record := range records {
		binary.BigEndian.PutUint64(key[:], first+uint64(i))
		if err := batch.Set(key[:], record, nil); err != nil {
			return err
		}
	}
	return batch.Commit(l.sync)
}

func (l *pebbleLog) ReadAll() (records, bytes int64, err error) {
	iter, err := l.db.NewIter(nil)
	if err != nil {
		return 0, 0, err
	}
	for valid := iter.First(); valid; valid = iter.Next() {
		records++
		bytes += int64(len(iter.Value()))
	}
	return records, bytes, errors.Join(iter.Error(), iter.Close())
}

func (l *pebbleLog) Read(index int64) ([]byte, error) {
	value, closer, err := l.db.Get(bigEndian(uint64(index)))
	if err != nil {
		return nil, err
	}
	record := append([]byte(nil), value...)
	return record, closer.Close()
}

func (l *pebbleLog) Close() error { return l.db.Close() }

// quietPebble drops what Pebble would print about its housekeeping.
type quietPebble struct{}

func (quietPebble) Infof(string, ...any)  {}
func (quietPebble) Errorf(string, ...any) {}
func (quietPebble) Fatalf(format string, _ ...any) {
	panic("pebble: " + format)
}
