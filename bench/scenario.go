package main

import (
	"fmt"
	"slices"
)

// Unit is what a scenario's figure counts. Less is better in every unit.
type Unit string

// The units.
const (
	NsPerRecord    Unit = "ns/record"
	Milliseconds   Unit = "ms"
	MiB            Unit = "MiB"
	BytesPerRecord Unit = "B/record"
	NsPerOperation Unit = "ns each"
	BytesEach      Unit = "B each"
	GoroutinesEach Unit = "goroutines each"
	Times          Unit = "times"
)

// Scenario is one thing that is measured.
type Scenario struct {
	Name  string // for -run
	Title string
	Unit  Unit
	Level Level  // asked of each contender; empty where it does not matter
	Goal  string // for this library

	// Data names the log that must be there before the run, made once and read by every round; nil for an empty one.
	Data *Data

	// Run does it, through the methods of a Log, and so for every contender.
	Run func(r *Run) error

	// By does it for those contenders that are able to, by their names, where a Log is not enough. It stands in place
	// of Run.
	By map[string]func(r *Run) error

	// Apart is measured only when -run asks for it: it decides something about this library, and says nothing about logs.
	Apart bool
}

// run returns what the contender is to do, or nil if it has no part in the scenario.
func (s Scenario) run(contender string) func(r *Run) error {
	if s.By != nil {
		return s.By[contender]
	}
	return s.Run
}

// Data is a log made ready for scenarios that read.
type Data struct {
	Name    string
	Batch   int // records in each append
	Records func(Sizes) int64
}

var (
	readData  = &Data{Name: "read", Batch: batchSize, Records: func(s Sizes) int64 { return s.ReadRecords }}
	smallData = &Data{Name: "small", Batch: smallBatch, Records: func(s Sizes) int64 { return s.ReadRecords }}
	openData  = &Data{Name: "open", Batch: batchSize, Records: func(s Sizes) int64 {
		return int64(s.OpenMiB) << 20 / recordBytes
	}}
)

// allScenarios lists what is measured, in the order in which it is printed.
func allScenarios() []Scenario {
	return slices.Concat(
		logScenarios(), sendScenarios(), readScenarios(), coldScenarios(), commitScenarios(), idleScenarios(),
		stateScenarios(),
	)
}

// logScenarios are those in which any log can take part.
func logScenarios() []Scenario {
	return []Scenario{
		appending("send-one-os", System, 1, 1, "<= 1.25 x floor, ahead of all"),
		appending("send-one-os-64", System, 1, 64, "scales, never below one goroutine"),
		appending("batch-os", System, batchSize, 1, "<= 2 x floor, ahead of all"),
		appending("send-one-fsync", Fsync, 1, 1, "<= 1.05 x floor, ahead of all"),
		appending("send-one-fsync-64", Fsync, 1, 64, ">= 1.2 x Pebble"),
		appending("batch-fsync", Fsync, batchSize, 1, ">= 0.85 x floor"),
		{
			Name: "read-all", Title: "read all, raw records", Unit: NsPerRecord, Data: readData,
			Goal: "<= 40 ns (25 M/s)", Run: runReadAll,
		},
		{
			Name: "read-random", Title: "read one at a random offset, batches below 4 KiB, warm cache",
			Unit: NsPerRecord, Data: smallData, Goal: "<= 2 us", Run: runReadRandom,
		},
		{
			Name: "read-random-1000", Title: "read one at a random offset, batches of 1000, warm cache",
			Unit: NsPerRecord, Data: readData, Goal: "<= 1.5 x floor (reading and checking a batch)", Run: runReadRandom,
		},
		{
			Name: "open", Title: "open a log after a clean close, warm cache", Unit: Milliseconds, Data: openData,
			Goal: "<= 2 ms at 1 GiB", Run: runOpen,
		},
		{
			Name: "memory", Title: "peak memory while appending batches of 1000", Unit: MiB, Level: System,
			Goal: "<= 12 MiB over the harness", Run: runMemory,
		},
		{
			Name: "disk", Title: "bytes on disk, batches of 1000", Unit: BytesPerRecord, Data: readData,
			Goal: "<= 112 B", Run: runDisk,
		},
	}
}

// appending is a scenario in which each of some goroutines appends batches without a pause.
func appending(name string, level Level, batch, goroutines int, goal string) Scenario {
	title := "send one"
	if batch > 1 {
		title = fmt.Sprintf("batches of %d", batch)
	}
	if goroutines > 1 {
		title += fmt.Sprintf(", %d goroutines", goroutines)
	}
	title += map[Level]string{System: ", to the operating system", Fsync: ", fsynced"}[level]
	return Scenario{
		Name: name, Title: title, Unit: NsPerRecord, Level: level, Goal: goal,
		Run: func(r *Run) error { return runAppend(r, batch, goroutines) },
	}
}
