package main

import "time"

// Sizes is how much is done. All of it is written into the report.
type Sizes struct {
	Rounds      int           // how often each contender runs
	Budget      time.Duration // how long one timed run lasts
	ReadRecords int64         // records in the log that is read
	OpenMiB     int           // size of the log that is opened
	MemoryMiB   int           // how much is appended while memory is watched
	LimitMiB    int           // a timed run ends early once it has appended this much
	Damaged     int64         // records in the log whose files are damaged
	Idle        int           // how many partitions or consumers are open and idle
	StateKeys   int64         // the most keys that state has, whatever a scenario is named for
}

func sizesFor(short bool) Sizes {
	if short { // so short that many contenders hold all of it in memory: a check that all of it runs
		return Sizes{
			Rounds: 2, Budget: 50 * time.Millisecond, ReadRecords: 96_000,
			OpenMiB: 16, MemoryMiB: 25, LimitMiB: 32, Damaged: 200, Idle: 100,
			StateKeys: 5000,
		}
	}
	return Sizes{
		Rounds: 5, Budget: time.Second, ReadRecords: 1_000_000,
		OpenMiB: 1024, MemoryMiB: 100, LimitMiB: 512, Damaged: 10_000, Idle: 1000,
		StateKeys: 1_000_000,
	}
}
