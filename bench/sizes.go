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
}

func sizesFor(short bool) Sizes {
	if short {
		return Sizes{
			Rounds: 3, Budget: 100 * time.Millisecond, ReadRecords: 200_000,
			OpenMiB: 32, MemoryMiB: 50, LimitMiB: 64,
		}
	}
	return Sizes{
		Rounds: 5, Budget: time.Second, ReadRecords: 1_000_000,
		OpenMiB: 1024, MemoryMiB: 100, LimitMiB: 512,
	}
}
