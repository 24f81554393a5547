package log

import (
	"fmt"

	"github.com/dot-do/kafka-embedded/engine"
)

// Report is what Verify found in the directory of a partition.
type Report struct {
	Segments  int
	Batches   int64 // sound ones, as all that follows
	Records   int64 // markers of transactions included
	Bytes     int64
	Start     int64 // first offset that can be read
	End       int64 // offset after the last batch
	Durable   int64 // offset below which everything was promised to survive
	Epoch     int32 // of the newest batch
	TailBytes int64 // behind the last batch, other than zeros, and never promised: cut off by the next Open

	// Problems are places where bytes are not what was written. While there is one the partition may be read-only;
	// Repair deals with them.
	Problems []engine.Damage
	// Notes are what the next Open, or the first use of an index, puts right by itself, and what was kept aside.
	Notes []string
}

func (r *Report) problem(file, detail string, first, next int64) {
	r.Problems = append(r.Problems, engine.Damage{File: file, Detail: detail, First: first, Next: next})
}

func (r *Report) notef(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}
