package main

import (
	"errors"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
)

// raftWAL: Raft's log, one writer, fsynced at every append.
var raftWAL = Contender{
	Name: "raft-wal", Module: "github.com/hashicorp/raft-wal",
	Reached: map[Level]Level{Fsync: Fsync},
	Open:    openRaftWAL,
}

type raftLog struct {
	wal     *wal.WAL
	meta    *metadb.BoltMetaDB // which the log opens and never closes
	mu      sync.Mutex
	next    uint64
	entries []*raft.Log
}

func openRaftWAL(dir string, o OpenOptions) (Log, error) {
	meta := new(metadb.BoltMetaDB)
	log, err := wal.Open(dir, wal.WithLogger(hclog.NewNullLogger()), wal.WithMetaStore(meta))
	if err != nil {
		return nil, err
	}
	last, err := log.LastIndex()
	entries := make([]*raft.Log, o.Batch)
	for i := range entries {
		entries[i] = new(raft.Log)
	}
	return &raftLog{wal: log, meta: meta, next: last + 1, entries: entries}, err
}

func (l *raftLog) Append(records [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, record := range records {
		*l.entries[i] = raft.Log{Index: l.next, Term: 1, Data: record}
		l.next++
	}
	return l.wal.StoreLogs(l.entries[:len(records)])
}

func (l *raftLog) ReadAll() (records, bytes int64, err error) {
	var entry raft.Log
	for index := uint64(1); index < l.next; index++ {
		if err := l.wal.GetLog(index, &entry); err != nil {
			return records, bytes, err
		}
		records++
		bytes += int64(len(entry.Data))
	}
	return records, bytes, nil
}

func (l *raftLog) Read(index int64) ([]byte, error) {
	var entry raft.Log
	err := l.wal.GetLog(uint64(index)+1, &entry)
	return entry.Data, err
}

func (l *raftLog) Close() error { return errors.Join(l.wal.Close(), l.meta.Close()) }
