package segment

import (
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
)

// Tally computes from batches what an Info should say, without touching a file.
type Tally struct {
	info    Info
	offsets *index.Offset
	times   *index.Time
}

// NewTally begins at the start of the segment with a base.
func NewTally(base int64) *Tally {
	return &Tally{
		info: Empty(base), offsets: index.NewOffset(nil, index.State{}), times: index.NewTime(nil, index.State{}, -1),
	}
}

// Add takes account of the next batch.
func (t *Tally) Add(b record.Batch) { t.info.note(b, 0, t.offsets, t.times) }

// Size is how many bytes the batches have.
func (t *Tally) Size() int64 { return t.info.Size }

// Info is what is known by now. It lacks the newest append and the index of aborted transactions, which batches do not
// tell.
func (t *Tally) Info() Info {
	i := t.info
	i.Offsets, i.Times, i.TimeIndexed = t.offsets.State(), t.times.State(), t.times.Last()
	return i
}
