package main

import (
	"sync"

	"github.com/tidwall/wal"
)

// tidwallWAL: entries in text or binary segments, without checksums. The index of an entry is the caller's business.
var tidwallWAL = Contender{
	Name: "tidwall/wal", Module: "github.com/tidwall/wal",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openTidwall,
}

type tidwallLog struct {
	log   *wal.Log
	mu    sync.Mutex
	next  uint64
	batch wal.Batch
}

func openTidwall(dir string, o OpenOptions) (Log, error) {
	log, err := wal.Open(dir, &wal.Options{NoSync: o.Level != Fsync, NoCopy: true})
	if err != nil {
		return nil, err
	}
	last, err := log.LastIndex()
	return &tidwallLog{log: log, next: last + 1}, err
}

func (l *tidwallLog) Append(records [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(records) == 1 {
		err := l.log.Write(l.next, records[0])
		l.next++
		return err
	}
	for _, record := range records {
		l.batch.Write(l.next, record)
		l.next++
	}
	return l.log.WriteBatch(&l.batch)
}

func (l *tidwallLog) ReadAll() (records, bytes int64, err error) {
	for index := uint64(1); index < l.next; index++ {
		record, err := l.log.Read(index)
		if err != nil {
			return records, bytes, err
		}
		records++
		bytes += int64(len(record))
	}
	return records, bytes, nil
}

func (l *tidwallLog) Read(index int64) ([]byte, error) { return l.log.Read(uint64(index) + 1) }

func (l *tidwallLog) Close() error { return l.log.Close() }
