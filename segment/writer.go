package segment

import (
	"fmt"
	"math"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
)

// writeBuffer is how much a Writer gathers before it writes: batches are often small, and nobody reads them yet.
const writeBuffer = 256 << 10

// Writer makes a segment that takes the place of others: with gaps between its offsets. Until Seal nobody reads it. It
// is for one goroutine.
type Writer struct {
	s       *Segment
	buf     []byte
	written int64
}

// NewWriter starts a segment in files that must not exist.
func NewWriter(p Place, base int64) (*Writer, error) {
	s, err := Create(p, base)
	if err != nil {
		return nil, err
	}
	s.info.Compacted = true
	return &Writer{s: s}, nil
}

// Size is how many bytes of batches were appended.
func (w *Writer) Size() int64 { return w.s.info.Size }

// Append copies a batch, which has its final offset and epoch. Offsets rise from batch to batch.
func (w *Writer) Append(b record.Batch) error {
	if w.s.info.Size > math.MaxInt32-int64(len(b)) {
		return fmt.Errorf("a segment cannot have more than %d bytes", math.MaxInt32)
	}
	if len(w.buf)+len(b) > writeBuffer {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.s.info.note(b, 0, w.s.offsets, w.s.times)
	w.buf = append(w.buf, b...)
	return nil
}

// NoteAborted enters an aborted transaction, in the order of the markers.
func (w *Writer) NoteAborted(t index.AbortedTxn) { w.s.aborted.Append(t) }

func (w *Writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if _, err := w.s.file.WriteAt(w.buf, w.written); err != nil {
		return err
	}
	w.written += int64(len(w.buf))
	w.buf = w.buf[:0]
	return nil
}

// Seal makes the files and their names durable and returns the segment. What its batches do not tell is taken from
// like: the end of its offsets, which may lie in a gap, the newest append, the epoch and Clean.
func (w *Writer) Seal(like Info) (*Segment, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	s := w.s
	s.info.Next, s.info.MaxAppend, s.info.Epoch, s.info.Clean = like.Next, like.MaxAppend, like.Epoch, like.Clean
	s.grown = s.info.Size
	s.largest.Store(s.info.MaxTimestamp)
	s.size.Store(s.info.Size)
	s.next.Store(s.info.Next)
	if err := s.Seal(); err != nil {
		return nil, err
	}
	if err := s.place.FS.SyncDir(s.place.Dir); err != nil {
		return nil, err
	}
	return s, nil
}

// Discard removes the files.
func (w *Writer) Discard() error { return w.s.Remove(nil) }
