package main

import (
	"io"

	"github.com/rosedblabs/wal"
)

// rosedbWAL: checksummed chunks in blocks of 32 KiB. A record is found by a position that the caller has to keep.
var rosedbWAL = Contender{
	Name: "rosedb/wal", Module: "github.com/rosedblabs/wal",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openRosedb,
}

type rosedbLog struct {
	log       *wal.WAL
	sync      bool
	positions []*wal.ChunkPosition // filled by the first Read
}

func openRosedb(dir string, o OpenOptions) (Log, error) {
	options := wal.DefaultOptions
	options.DirPath = dir
	options.Sync = o.Level == Fsync
	log, err := wal.Open(options)
	if err != nil {
		return nil, err
	}
	return &rosedbLog{log: log, sync: options.Sync}, nil
}

func (l *rosedbLog) Append(records [][]byte) error {
	if len(records) == 1 {
		_, err := l.log.Write(records[0])
		return err
	}
	for _, record := range records {
		l.log.PendingWrites(record)
	}
	if _, err := l.log.WriteAll(); err != nil || !l.sync {
		return err
	}
	return l.log.Sync() // WriteAll takes no notice of the option
}

func (l *rosedbLog) ReadAll() (records, bytes int64, err error) {
	return l.scan(func(*wal.ChunkPosition) {})
}

func (l *rosedbLog) scan(visit func(*wal.ChunkPosition)) (records, bytes int64, err error) {
	reader := l.log.NewReader()
	for {
		record, position, err := reader.Next()
		if err == io.EOF {
			return records, bytes, nil
		}
		if err != nil {
			return records, bytes, err
		}
		records++
		bytes += int64(len(record))
		visit(position)
	}
}

func (l *rosedbLog) Read(index int64) ([]byte, error) {
	if l.positions == nil {
		keep := func(position *wal.ChunkPosition) { l.positions = append(l.positions, position) }
		if _, _, err := l.scan(keep); err != nil {
			return nil, err
		}
	}
	return l.log.Read(l.positions[index])
}

func (l *rosedbLog) Close() error { return l.log.Close() }
