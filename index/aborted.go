package index

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

const abortedWidth = 34

// AbortedTxn is a transaction that was aborted. The layout is Kafka's:
//
//	0         2             10             18            26                   34
//	┌─────────┬─────────────┬──────────────┬─────────────┬────────────────────┐
//	│ version │ producer id │ first offset │ last offset │ last stable offset │  version is 0
//	└─────────┴─────────────┴──────────────┴─────────────┴────────────────────┘
type AbortedTxn struct {
	ProducerID int64
	First      int64 // first offset of the transaction in this partition
	Last       int64 // offset of its abort marker
	LastStable int64 // last stable offset once the marker was written
}

// Aborted lists the transactions whose abort markers stand in a segment, in the order of the markers. One goroutine
// appends; any number read.
type Aborted struct{ table }

// NewAborted is the index in f, of which st was recorded.
func NewAborted(f vfs.File, st State) *Aborted {
	a := new(Aborted)
	a.init(f, abortedWidth, st)
	return a
}

// Append adds a transaction.
func (a *Aborted) Append(t AbortedTxn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := binary.BigEndian.AppendUint16(a.room(), 0)
	for _, v := range [...]int64{t.ProducerID, t.First, t.Last, t.LastStable} {
		e = binary.BigEndian.AppendUint64(e, uint64(v))
	}
	a.added(e)
}

// Replace empties the index and fills it with ts.
func (a *Aborted) Replace(ts []AbortedTxn) {
	var b Aborted
	b.init(nil, abortedWidth, State{})
	for _, t := range ts {
		b.Append(t)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.replaceAll(b.tail)
}

// Collect appends to dst the transactions that have records in [from, upTo). It reports whether a later segment cannot
// hold any more of them. It returns ErrMismatch when the file has to be rebuilt.
func (a *Aborted) Collect(dst []AbortedTxn, from, upTo int64) (all []AbortedTxn, complete bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state.Entries == 0 {
		return dst, false, nil
	}
	if err := a.load(); err != nil {
		return dst, false, err
	}
	crc := uint32(0)
	take := func(entries []byte, _ int) {
		crc = crc32.Update(crc, castagnoli, entries)
		for ; len(entries) > 0 && !complete; entries = entries[abortedWidth:] {
			t := decodeAborted(entries)
			if t.Last >= from && t.First < upTo {
				dst = append(dst, t)
			}
			complete = t.LastStable >= upTo
		}
	}
	if err := a.readBlocks(take); err != nil {
		return dst, false, err
	}
	if crc != a.writtenCRC {
		return dst, false, fmt.Errorf("%w: it changed since", ErrMismatch)
	}
	take(a.tail, 0)
	return dst, complete, nil
}

func decodeAborted(e []byte) AbortedTxn {
	return AbortedTxn{
		ProducerID: int64(binary.BigEndian.Uint64(e[2:])),
		First:      int64(binary.BigEndian.Uint64(e[10:])),
		Last:       int64(binary.BigEndian.Uint64(e[18:])),
		LastStable: int64(binary.BigEndian.Uint64(e[26:])),
	}
}

// ParseAborted decodes a whole file, for tools.
func ParseAborted(b []byte) ([]AbortedTxn, error) {
	if len(b)%abortedWidth != 0 {
		return nil, fmt.Errorf("aborted-transaction index: %d bytes are not a multiple of %d", len(b), abortedWidth)
	}
	var ts []AbortedTxn
	for ; len(b) > 0; b = b[abortedWidth:] {
		if v := binary.BigEndian.Uint16(b); v != 0 {
			return nil, fmt.Errorf("aborted-transaction index: unknown version %d", v)
		}
		ts = append(ts, decodeAborted(b))
	}
	return ts, nil
}
