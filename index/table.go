package index

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// ErrMismatch says that a file is not the one whose length and checksum were recorded. It is to be rebuilt.
var ErrMismatch = errors.New("index does not match what was recorded of it")

// blockEntries is how many entries share one fence. A lookup reads one block from the file, or finds it in the cache, and
// keeps only the fences in memory: 2 KiB for the offset index of a 64 MiB segment. Whole indexes in memory would be
// 128 KiB each; a binary search by position would be fourteen reads.
const blockEntries = 64

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// State is what must be remembered of an index to recognise it again.
type State struct {
	Entries uint32
	CRC     uint32 // CRC32C over all entries
}

// table is a file of fixed-width entries, appended to by one writer and searched by many readers.
//
// Entries [0, written) are in the file, the rest are in tail. Once loaded, fence holds entries 0, 64, 128, … of those
// in the file. The lock is not held while a lookup reads a block: entries in the file change only when they are
// replaced by what should have been there.
type table struct {
	f     vfs.File // nil keeps all entries in memory
	width int

	mu         sync.Mutex
	id         uint64 // in the cache
	state      State  // all entries, those in tail included
	written    int
	writtenCRC uint32
	tail       []byte
	fence      []byte
	loaded     bool
}

// init expects a file that holds what st says; that is checked by the first lookup.
func (t *table) init(f vfs.File, width int, st State) {
	t.f, t.width, t.state, t.id = f, width, st, tables.Add(1)
	t.written, t.writtenCRC, t.loaded = int(st.Entries), st.CRC, st.Entries == 0
}

// State returns what must be remembered of the index, including what is not yet in its file.
func (t *table) State() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// Flush writes the entries that are still in memory. A failure loses nothing: they stay until the next Flush.
func (t *table) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.flush()
}

func (t *table) flush() error {
	if len(t.tail) == 0 || t.f == nil {
		return nil
	}
	if _, err := t.f.WriteAt(t.tail, int64(t.written)*int64(t.width)); err != nil {
		return err
	}
	if t.loaded {
		t.addFences(t.tail, t.written)
	}
	t.written, t.writtenCRC = int(t.state.Entries), t.state.CRC
	if cap(t.tail) > blockEntries*t.width {
		t.tail = nil
	}
	t.tail = t.tail[:0]
	return nil
}

// addFences keeps the block starts among entries, the first of which is entry number first of the file.
func (t *table) addFences(entries []byte, first int) {
	for i := (blockEntries - first%blockEntries) % blockEntries; i*t.width < len(entries); i += blockEntries {
		t.fence = append(t.fence, entries[i*t.width:(i+1)*t.width]...)
	}
}

// Seal flushes, cuts the file to its entries and makes it durable. An index without entries has no file.
func (t *table) Seal() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state.Entries == 0 {
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	t.tail = nil
	if err := t.f.Truncate(int64(t.written) * int64(t.width)); err != nil {
		return err
	}
	return t.f.Sync()
}

// Written is how many entries are in the file, for Replace.
func (t *table) Written() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written
}

// Entries returns the entries that are in memory, encoded. They are valid until the next Append.
func (t *table) Entries() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tail
}

// Replace puts encoded entries in the place of the first n of the file; those appended since stay. Entries too many or
// not below the ones that stay are left out. When the file cannot be written they are kept in memory.
func (t *table) Replace(n int, entries []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n = min(n, t.written)
	later := make([]byte, (t.written-n)*t.width, (t.written-n)*t.width+len(t.tail))
	if err := readFull(t.f, later, int64(n)*int64(t.width)); err != nil {
		return err
	}
	later = append(later, t.tail...)
	keep := min(n, len(entries)/t.width)
	if first := t.at(later, 0); first.ok {
		keep = min(keep, t.count(entries, first.key-1))
	}
	t.replaceAll(append(entries[:keep*t.width:keep*t.width], later...))
	return nil
}

func (t *table) replaceAll(all []byte) {
	t.id, t.state = tables.Add(1), State{uint32(len(all) / t.width), crc32.Checksum(all, castagnoli)}
	t.written, t.writtenCRC, t.tail, t.fence, t.loaded = 0, 0, all, nil, true
	if t.flush() == nil && t.f != nil {
		_ = t.f.Truncate(int64(len(all)))
	}
}

// room is where the next entry is to be appended: pass the result to added. The caller holds mu.
func (t *table) room() []byte {
	if t.tail == nil {
		t.tail = make([]byte, 0, blockEntries*t.width)
	}
	return t.tail
}

// added takes the entry that was appended. A full block goes to the file; when that fails it stays in memory until the
// next one is full.
func (t *table) added(tail []byte) {
	t.tail = tail
	t.state.Entries++
	t.state.CRC = crc32.Update(t.state.CRC, castagnoli, tail[len(tail)-t.width:])
	if len(t.tail)%(blockEntries*t.width) == 0 {
		_ = t.flush()
	}
}

// Recheck is Load, but compares the file again: it may have changed since.
func (t *table) Recheck() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.id, t.loaded = tables.Add(1), t.written == 0
	return t.load()
}

// Load compares the file with what was recorded of it and keeps the fences. It returns ErrMismatch when the file is
// missing, short or different, and does nothing the second time.
func (t *table) Load() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.load()
}

func (t *table) load() error {
	if t.loaded {
		return nil
	}
	t.fence = nil
	crc := uint32(0)
	err := t.readBlocks(func(entries []byte, first int) {
		crc = crc32.Update(crc, castagnoli, entries)
		t.addFences(entries, first)
	})
	if err == nil && crc != t.writtenCRC && !seeded.On(seeded.TrustedIndex) {
		err = fmt.Errorf("%w: %d entries with checksum %#08x instead of %#08x", ErrMismatch, t.written, crc, t.writtenCRC)
	}
	t.loaded = err == nil
	return err
}

// readBlocks calls fn with all entries of the file, some blocks at a time.
func (t *table) readBlocks(fn func(entries []byte, first int)) error {
	buf := make([]byte, min(t.written, 64*blockEntries)*t.width)
	for first := 0; first < t.written; {
		part := buf[:min(len(buf), (t.written-first)*t.width)]
		if err := readFull(t.f, part, int64(first)*int64(t.width)); err != nil {
			return err
		}
		fn(part, first)
		first += len(part) / t.width
	}
	return nil
}

func readFull(f io.ReaderAt, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it ends at %d", ErrMismatch, at+int64(n))
	}
	return err
}
