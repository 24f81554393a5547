package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
)

// ours lists this library's own ways to keep a log.
func ours() []Contender { return []Contender{embeddedClient, partitionLog} }

// partitionLog is package log: one partition, and batches made by package record, without topics or groups above it.
var partitionLog = Contender{
	Name:    partitionName,
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openPartition,
}

const (
	partitionName = "kafka-embedded log"
	partitionDir  = "partition"
	openFiles     = 512
	readChunk     = 1 << 20
	maxBatchBytes = 1 << 26
)

type partition struct {
	fs       vfs.FS
	pool     *vfs.Pool
	log      *log.Log
	sync     bool
	builders sync.Pool
	reader   record.Reader
	records  []record.Record
	buf      []byte // for reads
}

func openPartition(dir string, o OpenOptions) (Log, error) {
	fsys, err := vfs.OS(dir)
	if err != nil {
		return nil, err
	}
	p := &partition{
		fs: fsys, pool: vfs.NewPool(fsys, openFiles), sync: o.Level == Fsync, buf: make([]byte, readChunk),
	}
	p.builders.New = func() any { return new(record.Builder) }
	options := log.Options{
		FS: fsys, Pool: p.pool, Dir: partitionDir, Topic: partitionDir, ID: make([]byte, 16), Epoch: 1,
		Config: log.Config{SegmentBytes: log.DefaultSegmentBytes}, Clock: clock.Real,
		Logger: slog.New(slog.DiscardHandler),
	}
	switch err := fsys.Mkdir(partitionDir); {
	case err == nil:
		if err := log.Create(options); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	p.log, err = log.Open(options)
	return p, err
}

func (p *partition) Append(records [][]byte) error {
	builder := p.builders.Get().(*record.Builder)
	defer p.builders.Put(builder)
	now := clock.Real.Now().UnixMilli()
	builder.Reset(record.Plain(record.None))
	for _, value := range records {
		if err := builder.Append(now, nil, value, nil); err != nil {
			return err
		}
	}
	batch, err := builder.Finish()
	if err != nil {
		return err
	}
	if p.sync {
		_, err = p.log.AppendSync(batch, now)
	} else {
		_, err = p.log.Append(batch, now)
	}
	return err
}

func (p *partition) ReadAll() (records, bytes int64, err error) {
	var r record.Record
	end := p.log.End()
	for offset := p.log.Start(); offset < end; {
		data, next, err := p.log.ReadInto(p.buf, offset, end, readChunk)
		if err != nil {
			return records, bytes, err
		}
		for len(data) > 0 {
			batch, err := record.Parse(data)
			if err != nil {
				return records, bytes, err
			}
			data = data[batch.Size():]
			if err := p.reader.Reset(batch, maxBatchBytes); err != nil {
				return records, bytes, err
			}
			for p.reader.Next(&r) {
				records++
				bytes += int64(len(r.Value))
			}
			if err := p.reader.Err(); err != nil {
				return records, bytes, err
			}
		}
		offset = next
	}
	return records, bytes, nil
}

func (p *partition) Read(index int64) ([]byte, error) {
	data, _, err := p.log.ReadInto(p.buf, index, p.log.End(), 1)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, fs.ErrNotExist
	}
	batch, err := record.Parse(data)
	if err != nil {
		return nil, err
	}
	if err := p.reader.Reset(batch, maxBatchBytes); err != nil {
		return nil, err
	}
	p.records, err = p.reader.AppendTo(p.records[:0], index, 1)
	if len(p.records) == 0 {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	return p.records[0].Value, nil
}

func (p *partition) Close() error {
	return errors.Join(p.log.Close(), p.pool.Close(), p.fs.Close())
}
