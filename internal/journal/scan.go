package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// window reads a file by position through one buffer.
type window struct {
	file io.ReaderAt
	size int64
	buf  []byte
	at   int64 // position of buf in the file
}

const windowSize = 256 << 10

// bytes returns n bytes at pos, valid until the next call. The caller has checked that the file holds them.
func (w *window) bytes(pos int64, n int) ([]byte, error) {
	if off := pos - w.at; off >= 0 && off <= int64(len(w.buf)) && int64(n) <= int64(len(w.buf))-off {
		return w.buf[off : off+int64(n)], nil
	}
	want := max(n, int(min(windowSize, w.size-pos)))
	if cap(w.buf) < want {
		w.buf = make([]byte, want)
	}
	w.buf, w.at = w.buf[:want], pos
	got, err := w.file.ReadAt(w.buf, pos)
	w.buf = w.buf[:got]
	if got >= n {
		return w.buf[:n], nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the file is shorter than it said
	}
	return nil, err
}

// invalid says where the bytes stop being entries. It is not yet decided whether that is damage.
type invalid struct {
	position int64
	reason   string
}

func (e *invalid) Error() string { return fmt.Sprintf("at %d: %s", e.position, e.reason) }

// entry is a valid entry.
type entry struct {
	header
	changes []Change
}

// scanner reads the entries of one generation's file in order, and stops at the first that is not valid.
type scanner struct {
	window
	id         [16]byte
	generation uint64

	pos   int64  // end of the last valid entry
	index uint64 // of it
	crc   uint32 // of its header
	kind  kind
}

func newScanner(file io.ReaderAt, size int64, id [16]byte, generation uint64) *scanner {
	return &scanner{window: window{file: file, size: size}, id: id, generation: generation}
}

// next returns the next entry, [io.EOF] at the end of the file, an *invalid, or the error of a read.
func (s *scanner) next() (entry, error) {
	if s.pos == s.size {
		return entry{}, io.EOF
	}
	prefix, length, err := s.frame()
	if err != nil {
		return entry{}, err
	}
	b, err := s.bytes(s.pos+int64(prefix), length)
	if err != nil {
		return entry{}, err
	}
	h, reason := parseHeader(b[:headerSize])
	if reason == "" {
		reason = s.misfit(h, b[headerSize:])
	}
	if reason != "" {
		return entry{}, s.invalid(reason)
	}
	cs, err := decodeOps(b[headerSize:])
	if err != nil {
		return entry{}, s.invalid(err.Error())
	}
	s.pos += int64(prefix + length)
	s.index, s.crc, s.kind = h.index, h.crc, h.kind
	return entry{h, cs}, nil
}

func (s *scanner) invalid(reason string) error { return &invalid{s.pos, reason} }

// frame reads the length that tidwall/wal puts before an entry, and the number of bytes it takes.
func (s *scanner) frame() (prefix, length int, err error) {
	rest := s.size - s.pos
	b, err := s.bytes(s.pos, int(min(rest, binary.MaxVarintLen64)))
	if err != nil {
		return 0, 0, err
	}
	n, prefix := binary.Uvarint(b)
	switch {
	case prefix == 0:
		return 0, 0, s.invalid("incomplete entry")
	case prefix < 0 || prefix != len(binary.AppendUvarint(nil, n)) || n < headerSize || n > headerSize+maxBody:
		return 0, 0, s.invalid("not an entry")
	case int64(n) > rest-int64(prefix):
		return 0, 0, s.invalid("incomplete entry")
	}
	return prefix, int(n), nil
}

// misfit says why an entry with a good header is not the next one, or is empty.
func (s *scanner) misfit(h header, body []byte) string {
	switch {
	case h.id != s.id:
		return "entry of another data directory"
	case h.generation != s.generation:
		return "entry of another generation"
	case h.index != s.index+1 || h.previous != s.crc:
		return "entry does not follow the one before it"
	case int64(h.length) != int64(len(body)) || h.body != checksum(body):
		return "checksum does not match"
	case !s.mayFollow(h.kind):
		return "entry of a kind that has no place here"
	case h.kind == kindClosed && (len(body) > 0 || h.synced != s.index):
		return "closing entry after entries that were not fsynced"
	}
	return ""
}

// mayFollow knows the order of kinds: a snapshot and its end, operations, a closing entry.
func (s *scanner) mayFollow(k kind) bool {
	switch s.kind {
	case 0, kindSnapshot:
		return k == kindSnapshot || k == kindSnapshotEnd
	case kindSnapshotEnd, kindOps:
		return k == kindOps || k == kindClosed
	}
	return false
}

// syncedBehind is the largest watermark in the headers of later entries that can be found behind the last valid one. It
// looks at every position, since lengths cannot be trusted there.
func (s *scanner) syncedBehind() (uint64, error) {
	var synced uint64
	for pos := s.pos; s.size-pos >= headerSize; {
		b, err := s.bytes(pos, int(min(windowSize, s.size-pos)))
		if err != nil {
			return 0, err
		}
		synced = max(synced, s.syncedIn(b))
		pos += int64(len(b) - headerSize + 1)
	}
	return synced, nil
}

func (s *scanner) syncedIn(b []byte) (synced uint64) {
	for len(b) >= headerSize {
		h, reason := parseHeader(b[:headerSize])
		if reason == "" && h.id == s.id && h.generation == s.generation && h.index > s.index {
			synced = max(synced, h.synced)
		}
		i := bytes.Index(b[1:], []byte(magic))
		if i < 0 {
			break
		}
		b = b[1+i:]
	}
	return synced
}
