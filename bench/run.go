package main

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Run is one run of a scenario by one contender, in a process of its own.
type Run struct {
	Scenario  string
	Contender Contender
	Level     Level
	Dir       string
	Sizes     Sizes
	Data      *Data // what was made ready, if anything
	Records   int64 // in it

	meter Meter
	value float64
}

func (r *Run) open(batch, goroutines int) (Log, error) {
	return r.Contender.Open(r.Dir, OpenOptions{Level: r.Level, Batch: batch, Goroutines: goroutines})
}

// fill makes the log of a [Data] ready.
func (r *Run) fill() error {
	log, err := r.open(r.Data.Batch, 1)
	if err != nil {
		return err
	}
	records := makeRecords()
	batch := int64(r.Data.Batch)
	for done := int64(0); done < r.Records; {
		first := done % (batchSize - batch + 1)
		n := min(batch, r.Records-done)
		if err := log.Append(records[first : first+n]); err != nil {
			return err
		}
		done += n
	}
	return log.Close()
}

func runAppend(r *Run, batch, goroutines int) error {
	log, err := r.open(batch, goroutines)
	if err != nil {
		return err
	}
	records := makeRecords()
	// What is done once, such as creating files, is not part of the figure.
	if _, err := appendFor(log, records, batch, goroutines, r.Sizes.Budget/10, int64(r.Sizes.LimitMiB)<<17); err != nil {
		return err
	}
	r.meter.Start()
	n, err := appendFor(log, records, batch, goroutines, r.Sizes.Budget, int64(r.Sizes.LimitMiB)<<20)
	r.meter.Stop(n)
	if err != nil {
		return err
	}
	r.value = r.meter.NsPerRecord()
	return log.Close()
}

// appendFor has each goroutine append until the budget or the limit in bytes is used up, and returns how many records
// were appended.
func appendFor(log Log, records [][]byte, batch, goroutines int, budget time.Duration, limit int64) (int64, error) {
	limit /= recordBytes * int64(batch*goroutines)
	n, err := repeat(goroutines, budget, max(limit, 1), func(i int) func() error {
		at := i % (len(records) - batch + 1)
		return func() error {
			part := records[at : at+batch]
			if at += batch; at+batch > len(records) {
				at = 0
			}
			return log.Append(part)
		}
	})
	return n * int64(batch), err
}

// runReadAll reads the whole log again and again: once is over too soon for a figure that comes again.
func runReadAll(r *Run) error {
	log, err := r.open(r.Data.Batch, 1)
	if err != nil {
		return err
	}
	if err := r.timedReads(func(int) (records, bytes int64, err error) { return log.ReadAll() }); err != nil {
		return err
	}
	return log.Close()
}

// timedReads measures reads of the whole log, and checks that each was of all.
func (r *Run) timedReads(read func(i int) (records, bytes int64, err error)) error {
	i := 0
	r.meter.Start()
	n, err := repeat(1, r.Sizes.Budget, unlimited, func(int) func() error {
		return func() error {
			records, bytes, err := read(i)
			if err == nil {
				err = r.checkAll(records, bytes)
			}
			i++
			return err
		}
	})
	r.meter.Stop(n * r.Records)
	r.value = r.meter.NsPerRecord()
	return err
}

// checkAll says what is missing of the log that was made ready.
func (r *Run) checkAll(records, bytes int64) error {
	if records != r.Records || bytes < records*recordBytes {
		return fmt.Errorf("read %d records of %d bytes, want %d of %d", records, bytes, r.Records, r.Records*recordBytes)
	}
	return nil
}

func runReadRandom(r *Run) error {
	log, err := r.open(r.Data.Batch, 1)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	read := func() error {
		index := random.Int64N(r.Records)
		record, err := log.Read(index)
		if err == nil && len(record) < recordBytes {
			err = fmt.Errorf("record %d has %d bytes, want %d", index, len(record), recordBytes)
		}
		return err
	}
	if err := read(); err != nil { // what is loaded at the first read is not part of the figure
		return err
	}
	var over atomic.Bool
	timer := clock.Real.AfterFunc(r.Sizes.Budget, func() { over.Store(true) })
	defer timer.Stop()
	r.meter.Start()
	var n int64
	for ; !over.Load(); n++ {
		if err := read(); err != nil {
			return err
		}
	}
	r.meter.Stop(n)
	r.value = r.meter.NsPerRecord()
	return log.Close()
}

// runOpen opens the log again and again, and closes it in between.
func runOpen(r *Run) error {
	var took time.Duration
	open := func() error {
		began := clock.Real.Now()
		log, err := r.open(r.Data.Batch, 1)
		took += clock.Real.Now().Sub(began)
		if err != nil {
			return err
		}
		return log.Close()
	}
	r.meter.Start()
	n, err := repeat(1, r.Sizes.Budget, unlimited, func(int) func() error { return open })
	r.meter.Stop(n)
	r.value = float64(took.Nanoseconds()) / 1e6 / float64(max(n, 1))
	return err
}

func runMemory(r *Run) error {
	records := makeRecords()
	r.meter.Start()
	log, err := r.open(batchSize, 1)
	if err != nil {
		return err
	}
	n, err := appendFor(log, records, batchSize, 1, time.Minute, int64(r.Sizes.MemoryMiB)<<20)
	if err == nil {
		err = log.Close()
	}
	r.meter.Stop(n)
	r.value = float64(r.meter.Peak) / (1 << 20)
	return err
}

func runDisk(r *Run) error {
	var bytes int64
	err := filepath.WalkDir(r.Dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	r.value = float64(bytes) / float64(r.Records)
	return err
}
