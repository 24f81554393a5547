package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// coldScenarios are those of a machine that was just started: nothing of the log is in the page cache. There are none
// where the system has no way to ask for that without privileges. Opening is part of each figure, since some contenders
// read everything then.
func coldScenarios() []Scenario {
	if !canDropCache {
		return nil
	}
	return []Scenario{
		{
			Name: "open-cold", Title: "open a log after a clean close, cold cache", Unit: Milliseconds, Data: openData,
			Goal: "shown only", Run: runOpenCold,
		},
		{
			Name: "read-cold", Title: "open and read one at a random offset, batches below 4 KiB, cold cache",
			Unit: Milliseconds, Data: smallData, Goal: "shown only", Run: runReadCold,
		},
		{
			Name: "read-all-cold", Title: "open and read all, raw records, cold cache", Unit: NsPerRecord, Data: readData,
			Goal: "shown only", Run: runReadAllCold,
		},
	}
}

func runOpenCold(r *Run) error {
	return r.cold(func(log Log, _ int64) error { return nil })
}

func runReadCold(r *Run) error {
	return r.cold(func(log Log, index int64) error {
		record, err := log.Read(index)
		if err == nil && len(record) < recordBytes {
			err = fmt.Errorf("record %d has %d bytes, want %d", index, len(record), recordBytes)
		}
		return err
	})
}

func runReadAllCold(r *Run) error {
	err := r.cold(func(log Log, _ int64) error {
		records, bytes, err := log.ReadAll()
		if err == nil {
			err = r.checkAll(records, bytes)
		}
		return err
	})
	r.value *= 1e6 / float64(r.Records)
	return err
}

// cold opens the log and does something with it, again and again with a cold cache, and reports the mean in ms. The log
// is closed in between, also because pages of a mapped file cannot be dropped.
func (r *Run) cold(use func(log Log, index int64) error) error {
	var took time.Duration
	random := rand.New(rand.NewPCG(1, 2))
	once := func() error {
		if err := dropCache(r.Dir); err != nil {
			return err
		}
		began := clock.Real.Now()
		log, err := r.open(r.Data.Batch, 1)
		if err != nil {
			return err
		}
		err = use(log, random.Int64N(r.Records))
		took += clock.Real.Now().Sub(began)
		return errors.Join(err, log.Close())
	}
	r.meter.Start()
	n, err := repeat(1, r.Sizes.Budget, unlimited, func(int) func() error { return once })
	r.meter.Stop(n)
	r.value = float64(took.Nanoseconds()) / 1e6 / float64(max(n, 1))
	return err
}
