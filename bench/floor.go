package main

import (
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

const floorName = "floor"

// What the floor writes for a record: as many bytes as Kafka's format needs, without making them.
const (
	floorBatchHeader = 61 // of a batch
	floorRecord      = 9  // of a record, beside its value
	floorGrowth      = 1 << 20
	floorChunk       = 1 << 20 // of a read through the whole file
	floorPage        = 4 << 10 // of a read at random, unless the batch is longer
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// floor is what the work costs when nothing but the system calls is left of it. It finds no record and checks nothing.
var floor = Contender{
	Name:    floorName,
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openFloor,
}

// floorLog is a file written by position. When it is to be fsynced it is grown ahead, so that an fsync has no change of
// length to write; goroutines that wait for an fsync share it.
type floorLog struct {
	file    *os.File
	level   Level
	batch   int
	growth  int64 // how much the file is grown ahead at a time; 0 for not at all
	encoded []byte

	checksum uint32 // of what was read last

	writing sync.Mutex
	end     int64
	grown   int64

	syncing sync.Mutex
	durable atomic.Int64
}

func openFloor(dir string, o OpenOptions) (Log, error) {
	file, err := os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	log := &floorLog{file: file, level: o.Level, batch: o.Batch, end: info.Size(), grown: info.Size()}
	log.growth = floorGrowth
	log.encoded = make([]byte, max(floorSize(o.Batch), floorPage))
	for i := range log.encoded {
		log.encoded[i] = byte(i)
	}
	return log, nil
}

// floorSize is how many bytes a batch of so many records has.
func floorSize(records int) int { return floorBatchHeader + records*(floorRecord+recordBytes) }

func (l *floorLog) Append(records [][]byte) error {
	size := floorSize(len(records))
	l.writing.Lock()
	if l.level == Fsync && l.growth > 0 && l.end+int64(size) > l.grown {
		l.grown += l.growth
		if err := l.file.Truncate(l.grown); err != nil {
			l.writing.Unlock()
			return err
		}
	}
	_, err := l.file.WriteAt(l.encoded[:size], l.end)
	l.end += int64(size)
	end := l.end
	l.writing.Unlock()
	if err != nil || l.level != Fsync {
		return err
	}
	return l.sync(end)
}

// sync returns when the file is durable up to end. Whoever gets the lock first syncs for all who wait behind.
func (l *floorLog) sync(end int64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.durable.Load() >= end {
		return nil
	}
	l.writing.Lock()
	written := l.end
	l.writing.Unlock()
	if err := fdatasync(l.file); err != nil {
		return err
	}
	l.durable.Store(written)
	return nil
}

func (l *floorLog) ReadAll() (records, bytes int64, err error) {
	chunk := make([]byte, floorChunk)
	var read int64
	for {
		n, err := l.file.ReadAt(chunk, read)
		read += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, 0, err
		}
	}
	whole := int64(floorSize(l.batch))
	records = read / whole * int64(l.batch)
	return records, records * recordBytes, nil
}

// Read reads a page, or the batch and its checksum where it is longer than a page.
func (l *floorLog) Read(index int64) ([]byte, error) {
	size := int64(floorSize(l.batch))
	at := index / int64(l.batch) * size
	part := l.encoded[:max(size, floorPage)]
	if _, err := l.file.ReadAt(part, min(at, l.end-int64(len(part)))); err != nil {
		return nil, err
	}
	if size > floorPage {
		l.checksum = crc32.Checksum(part, castagnoli)
	}
	return part, nil
}

func (l *floorLog) Close() error {
	if err := l.file.Truncate(l.end); err != nil {
		return err
	}
	return l.file.Close()
}
