package log

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// reading is the reading of one log file from its start.
type reading struct {
	tally  *segment.Tally
	atMark segment.Info    // at the size that the watermark has
	aborts map[int64]int64 // offsets of abort markers, to their producer ids
	bad    *segment.Invalid
	err    error // of the file system
	epoch  int32 // of the newest batch
}

// read reads sound batches and counts them.
func (v *verification) read(f vfs.File, name string, size int64, c segment.Chain, base int64) *reading {
	r := &v.reading
	*r = reading{tally: segment.NewTally(base), aborts: map[int64]int64{}, epoch: c.Epoch}
	v.report.Segments++
	sc := segment.NewScanner(f, 0, size, c)
	var decoder record.Reader
	for {
		position := sc.Position()
		b, err := sc.Scan()
		if errors.Is(err, io.EOF) {
			r.bad, r.err = checkZeros(f, position, size, sc.Next)
			return r
		}
		var records int
		if err == nil {
			records, err = countRecords(&decoder, b, position)
		}
		if errors.As(err, &r.bad) {
			return r
		}
		if err != nil {
			r.err = err
			return r
		}
		r.note(b)
		if r.tally.Size() == v.mark.info.Size {
			r.atMark = r.tally.Info()
		}
		v.report.Batches++
		v.report.Records += int64(records)
		v.report.Bytes += int64(len(b))
	}
}

func (r *reading) note(b record.Batch) {
	r.tally.Add(b)
	r.epoch = b.PartitionLeaderEpoch()
	if b.IsControl() && !commits(b) {
		r.aborts[b.BaseOffset()] = b.ProducerID()
	}
}

// countRecords decodes every record of a batch.
func countRecords(r *record.Reader, b record.Batch, position int64) (n int, err error) {
	err = r.Reset(b, mostDecompressed)
	if err == nil {
		for rec := new(record.Record); r.Next(rec); n++ {
		}
		err = r.Err()
	}
	if err != nil {
		return 0, &segment.Invalid{Position: position, Expected: b.BaseOffset(), Reason: err.Error()}
	}
	return n, nil
}

// checkZeros expects nothing but zeros from a position on.
func checkZeros(f io.ReaderAt, from, size, expected int64) (*segment.Invalid, error) {
	buf := make([]byte, 64<<10)
	for at := from; at < size; {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if n == 0 && err != nil {
			return nil, err
		}
		for _, c := range buf[:n] {
			if c != 0 {
				return &segment.Invalid{Position: from, Expected: expected, Reason: "zeros, then something else"}, nil
			}
		}
		at += int64(n)
	}
	return nil, nil
}

// resume is the offset with which sound batches go on behind what is bad, or otherwise.
func (r *reading) resume(f io.ReaderAt, size, otherwise int64) int64 {
	if _, base, ok := segment.Resync(f, r.bad.Position+1, size, r.bad.Expected+1); ok && (otherwise < 0 || base < otherwise) {
		return base
	}
	return otherwise
}

// verifyIndexes compares the indexes of a sound segment with what was recorded of them, and that with the log. An index
// that does not match is rebuilt when it is used.
func (v *verification) verifyIndexes(info, got segment.Info, r *reading) error {
	if got.Offsets != info.Offsets || got.Times != info.Times {
		v.report.notef("%s: the manifest records other indexes than belong to the log", v.path(segment.Name(info.Base)))
	}
	for i, st := range []index.State{info.Offsets, info.Times, info.Aborted} {
		name := v.path(segment.Name(info.Base) + segment.Extensions[i+1] + v.suffix(info.Base))
		b, err := vfs.ReadFile(v.fs, name, info.Size+1)
		if errors.Is(err, fs.ErrNotExist) && st.Entries == 0 {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, vfs.ErrTooLarge) {
			return err
		}
		if reason := compareIndex(b, err, i, st, r.aborts); reason != "" {
			v.report.notef("%s is rebuilt when it is used: %s", name, reason)
		}
	}
	return nil
}

// compareIndex says what is wrong with the contents of an index, the i-th behind the log.
func compareIndex(b []byte, err error, i int, st index.State, aborts map[int64]int64) string {
	width := [...]int{8, 12, 34}[i]
	switch {
	case err != nil:
		return err.Error()
	case len(b) != int(st.Entries)*width:
		return fmt.Sprintf("it has %d bytes instead of %d", len(b), int(st.Entries)*width)
	case crc32.Checksum(b, castagnoli) != st.CRC:
		return fmt.Sprintf("checksum %#08x ≠ %#08x", crc32.Checksum(b, castagnoli), st.CRC)
	case i < 2:
		return ""
	}
	ts, err := index.ParseAborted(b)
	if err != nil {
		return err.Error()
	}
	for _, t := range ts {
		if id, ok := aborts[t.Last]; !ok || id != t.ProducerID {
			return fmt.Sprintf("no abort of producer %d stands at %d", t.ProducerID, t.Last)
		}
	}
	return ""
}
