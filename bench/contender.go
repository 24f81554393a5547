package main

import (
	"errors"
	"regexp"
	"runtime/debug"
)

// Level is how far the records have got when an append returns.
type Level string

// The levels, from weak to strong.
const (
	Memory Level = "memory" // in this process: lost when it is killed
	System Level = "os"     // written to the operating system: survive the process, not a loss of power
	Fsync  Level = "fsync"  // fsynced: survive a loss of power
)

// Contender is one way to keep a log of records: this library, a peer, or the floor.
type Contender struct {
	Name   string
	Module string // path of the Go module, whose version is reported; empty for the floor

	// Reached maps each level that can be asked for to the one that is reached. A level that is absent cannot be asked
	// for, and the contender sits out the scenarios that ask for it.
	Reached map[Level]Level

	// Open opens or creates the log in an existing directory.
	Open func(dir string, o OpenOptions) (Log, error)
}

// OpenOptions says what the log will be asked to do, so that each contender can be set up for it as its users would.
type OpenOptions struct {
	Level      Level
	Batch      int // records in each Append, now or when the log was made
	Goroutines int // concurrent callers of Append
}

// Log is an open log. Append may be called concurrently; the rest is called by one goroutine at a time.
type Log interface {
	// Append adds records in order, all in one unit where the contender has such a thing, and returns when they have
	// reached the level asked for. The log does not keep the slices.
	Append(records [][]byte) error

	// ReadAll reads every record from the first on, in the cheapest way there is, and returns how many there were and
	// how many bytes their values had.
	ReadAll() (records, bytes int64, err error)

	// Read returns the record at index, counted from 0 and found by its place in the log. The slice is good until the
	// next call.
	Read(index int64) ([]byte, error)

	Close() error
}

// errUnsupported is returned by a method for which a contender has no counterpart.
var errUnsupported = errors.ErrUnsupported

// allContenders lists who takes part: this library first, the floor, then the peers.
func allContenders() []Contender {
	return append(ours(),
		floor,
		tidwallWAL,
		rosedbWAL,
		bboltDB,
		pebbleDB,
		raftWAL,
		etcdWAL,
		diskQueue,
		sqliteDB,
		badgerDB,
		natsStream,
		kfakeCluster,
		watermillChannel,
	)
}

// pseudoVersion is the end of a version that stands for a commit; what is kept of it is the day.
var pseudoVersion = regexp.MustCompile(`(\d{8})\d{6}-[0-9a-f]{12}$`)

// Title is the name with the version that was built in.
func (c Contender) Title() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return c.Name
	}
	for _, module := range info.Deps {
		if module.Path == c.Module && module.Replace == nil {
			return c.Name + " " + pseudoVersion.ReplaceAllString(module.Version, "$1")
		}
	}
	return c.Name
}

// weakest returns the weakest level that reaches beyond the process: that at which data is made ready before the clock
// starts. ok is false for a contender that keeps nothing.
func (c Contender) weakest() (asked Level, ok bool) {
	for _, level := range []Level{System, Fsync} {
		if _, ok := c.Reached[level]; ok && c.Reached[level] != Memory {
			return level, true
		}
	}
	return "", false
}

// takesPart reports whether the contender can do what the scenario asks for.
func (c Contender) takesPart(s Scenario) bool {
	if s.run(c.Name) == nil {
		return false
	}
	if s.Level == "" {
		_, ok := c.weakest()
		return ok
	}
	_, ok := c.Reached[s.Level]
	return ok
}
