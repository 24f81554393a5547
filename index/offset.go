package index

import (
	"encoding/binary"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

const offsetWidth = 8

// Offset maps offsets to positions in a segment file. The layout is Kafka's:
//
//	0       4          8
//	┌───────┬──────────┐
//	│ rel   │ position │  rel: last offset of the batch at position, less the segment's base
//	└───────┴──────────┘
//
// One goroutine appends; any number look up.
type Offset struct{ table }

// NewOffset is the offset index in f, of which st was recorded.
func NewOffset(f vfs.File, st State) *Offset {
	o := new(Offset)
	o.init(f, offsetWidth, st)
	return o
}

// Append adds the batch at position whose last offset is rel. Both rise from entry to entry.
func (o *Offset) Append(rel, position uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.added(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(o.room(), rel), position))
}

// Place says where to look for an offset.
type Place struct {
	Position  int64 // of the last indexed batch that ends no later than the offset
	Last      int64 // that batch's last offset, less the base; -1 when Position is the start of the file
	Bound     int64 // position of the next indexed batch; -1 when there is none
	BoundLast int64 // that batch's last offset, less the base
}

// Lookup finds where to start to scan for an offset. It returns ErrMismatch when the file has to be rebuilt.
func (o *Offset) Lookup(rel uint32) (Place, error) {
	found, next, err := o.search(int64(rel))
	if err != nil {
		return Place{}, err
	}
	p := Place{Position: 0, Last: -1, Bound: -1, BoundLast: -1}
	if found.ok {
		p.Position, p.Last = found.value, found.key
	}
	if next.ok {
		p.Bound, p.BoundLast = next.value, next.key
	}
	return p, nil
}
