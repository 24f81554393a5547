package main

import (
	"path/filepath"
	"sync"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
)

// etcdWAL: etcd's log of Raft entries, fsynced at every append. It has to be read whole before it can be appended to,
// and has no way to read one entry.
var etcdWAL = Contender{
	Name: "etcd wal", Module: "go.etcd.io/etcd/server/v3",
	Reached: map[Level]Level{Fsync: Fsync},
	Open:    openEtcdWAL,
}

type etcdLog struct {
	dir     string
	wal     *wal.WAL
	state   *raftpb.HardState
	mu      sync.Mutex
	next    uint64
	entries []*raftpb.Entry
}

func openEtcdWAL(dir string, o OpenOptions) (Log, error) {
	log := &etcdLog{dir: filepath.Join(dir, "wal"), state: new(raftpb.HardState), next: 1}
	for range o.Batch {
		log.entries = append(log.entries, &raftpb.Entry{Term: new(uint64), Index: new(uint64), Type: new(raftpb.EntryNormal)})
	}
	var err error
	if !wal.Exist(log.dir) {
		log.wal, err = wal.Create(zap.NewNop(), log.dir, nil)
		return log, err
	}
	if log.wal, err = wal.Open(zap.NewNop(), log.dir, &walpb.Snapshot{}); err != nil {
		return nil, err
	}
	_, _, entries, err := log.wal.ReadAll()
	log.next += uint64(len(entries))
	return log, err
}

func (l *etcdLog) Append(records [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, record := range records {
		*l.entries[i].Term, *l.entries[i].Index, l.entries[i].Data = 1, l.next, record
		l.next++
	}
	return l.wal.Save(l.state, l.entries[:len(records)])
}

func (l *etcdLog) ReadAll() (records, bytes int64, err error) {
	log, err := wal.OpenForRead(zap.NewNop(), l.dir, &walpb.Snapshot{})
	if err != nil {
		return 0, 0, err
	}
	defer log.Close()
	_, _, entries, err := log.ReadAll()
	for _, entry := range entries {
		records++
		bytes += int64(len(entry.Data))
	}
	return records, bytes, err
}

func (l *etcdLog) Read(int64) ([]byte, error) { return nil, errUnsupported }

func (l *etcdLog) Close() error { return l.wal.Close() }
