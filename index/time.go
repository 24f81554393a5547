package index

import (
	"encoding/binary"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

const timeWidth = 12

// Time maps timestamps to offsets. The layout is Kafka's:
//
//	0                8       12
//	┌────────────────┬───────┐
//	│ timestamp (ms) │ rel   │  the largest timestamp so far, and the last offset of the batch that brought it,
//	└────────────────┴───────┘  less the segment's base
//
// Timestamps of records may go back; those of entries rise strictly. One goroutine appends; any number look up.
type Time struct {
	table
	last int64 // timestamp of the newest entry appended here
}

// NewTime is the time index in f, of which st was recorded; last is the timestamp of its newest entry, or -1.
func NewTime(f vfs.File, st State, last int64) *Time {
	t := &Time{last: last}
	t.init(f, timeWidth, st)
	return t
}

// Append adds the running maximum when it is larger than that of the newest entry.
func (t *Time) Append(timestamp int64, rel uint32) {
	if timestamp <= t.last {
		return
	}
	t.last = timestamp
	t.mu.Lock()
	defer t.mu.Unlock()
	t.added(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(t.room(), uint64(timestamp)), rel))
}

// Last is the timestamp of the newest entry, or -1. It belongs to the appending goroutine.
func (t *Time) Last() int64 { return t.last }

// Lookup finds the offset, less the base, from which to scan for the first record with a timestamp of at least
// timestamp: every record before it is older. It returns ErrMismatch when the file has to be rebuilt.
func (t *Time) Lookup(timestamp int64) (rel uint32, err error) {
	found, _, err := t.search(max(timestamp, 0) - 1)
	if err != nil || !found.ok {
		return 0, err
	}
	return uint32(found.value) + 1, nil
}
