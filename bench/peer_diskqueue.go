package main

import (
	"math"
	"time"

	"github.com/nsqio/go-diskqueue"
)

// diskQueue: nsq's queue, without checksums. What is read is gone, so it takes no part in reading.
var diskQueue = Contender{
	Name: "go-diskqueue", Module: "github.com/nsqio/go-diskqueue",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openDiskQueue,
}

type diskQueueLog struct {
	queue diskqueue.Interface
}

func openDiskQueue(dir string, o OpenOptions) (Log, error) {
	syncEvery := int64(math.MaxInt64)
	if o.Level == Fsync {
		syncEvery = int64(o.Batch)
	}
	logf := func(diskqueue.LogLevel, string, ...any) {}
	return &diskQueueLog{diskqueue.New("records", dir, 64<<20, 1, 1<<20, syncEvery, time.Hour, logf)}, nil
}

func (l *diskQueueLog) Append(records [][]byte) error {
	for _, record := range records {
		if err := l.queue.Put(record); err != nil {
			return err
		}
	}
	return nil
}

func (l *diskQueueLog) ReadAll() (records, bytes int64, err error) { return 0, 0, errUnsupported }

func (l *diskQueueLog) Read(int64) ([]byte, error) { return nil, errUnsupported }

func (l *diskQueueLog) Close() error { return l.queue.Close() }
