package stream

import (
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// input is a partition that a task reads.
type input struct {
	tp      engine.TopicPartition
	sources []*source
	buffer  []record.Record
	next    int64 // offset behind what was processed
	read    int64 // offset behind what was read
	end     int64 // the end of the partition, as far as known
	stored  int64 // next at the last commit
	final   bool  // nothing is read from end on
	arrival bool  // of a repartition topic
	paused  bool
	lanes   []lane
}

// lane is the records of an input that are in the order of one stream time: all of a source's, and those that one task
// wrote of a repartition topic's. So a task that is behind others loses nothing: what it writes later is not late.
type lane struct {
	time  int64     // stream time up to which the records have come
	since time.Time // of the clock, when the last one came
	idle  bool
}

// atEnd reports whether everything that is known of was processed.
func (in *input) atEnd() bool { return len(in.buffer) == 0 && in.read >= in.end }

// finished lets a partition whose end was reached for good no longer hold stream time back.
func (in *input) finished() {
	if in.final && in.atEnd() {
		for i := range in.lanes {
			in.lanes[i].idle = true
		}
	}
}

// lane returns a lane by number, and makes those that are missing: a sub-topology can get tasks.
func (in *input) lane(n int) *lane {
	for n >= len(in.lanes) {
		in.lanes = append(in.lanes, lane{time: never})
	}
	return &in.lanes[n]
}

// take keeps what was read.
func (in *input) take(f engine.Fetch) {
	for i := range in.lanes {
		in.lanes[i].idle = false
	}
	in.read = f.Next
	rs := f.Records
	if in.final {
		in.read = min(in.read, in.end)
		for len(rs) > 0 && rs[len(rs)-1].Offset >= in.end {
			rs = rs[:len(rs)-1]
		}
	} else {
		in.end = f.End
	}
	if len(in.buffer) == 0 {
		in.buffer = rs[:len(rs):len(rs)]
	} else {
		in.buffer = append(in.buffer, rs...)
	}
}
