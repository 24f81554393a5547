package main

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Meter takes the figures of one run: time, allocations and memory between Start and Stop.
type Meter struct {
	Elapsed time.Duration
	Records int64
	Allocs  float64 // heap allocations a record
	Bytes   float64 // heap bytes allocated a record
	Peak    int64   // bytes of resident memory, at its highest, over what the process had at Start; 0 where unknown

	began  time.Time
	before runtime.MemStats
	base   int64
}

// Start begins the measured part.
func (m *Meter) Start() {
	debug.FreeOSMemory() // so that what was resident for the preparation does not hide what the run needs
	m.base = resetPeakMemory()
	runtime.ReadMemStats(&m.before)
	m.began = clock.Real.Now()
}

// Stop ends the measured part, in which the given number of records were handled.
func (m *Meter) Stop(records int64) {
	m.Elapsed = clock.Real.Now().Sub(m.began)
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	m.Records = records
	if records > 0 {
		m.Allocs = float64(after.Mallocs-m.before.Mallocs) / float64(records)
		m.Bytes = float64(after.TotalAlloc-m.before.TotalAlloc) / float64(records)
	}
	if m.base > 0 {
		m.Peak = max(peakMemory()-m.base, 0)
	}
}

// NsPerRecord is the time that one record took.
func (m *Meter) NsPerRecord() float64 {
	return float64(m.Elapsed.Nanoseconds()) / float64(max(m.Records, 1))
}
