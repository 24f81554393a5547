package journal

import (
	"encoding/binary"
	"os"
	"path"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// generation is one generation that is open for appending. It belongs to the holder of Journal.write, except for what
// Journal.mu guards.
type generation struct {
	id     [16]byte
	number uint64
	out    output
	mark   *watermark // belongs to whoever fsyncs

	index uint64 // of the last entry
	crc   uint32 // of its header
	size  int64  // bytes
	hold  int64  // size below which a switch to a fresh generation is not tried again

	// Guarded by Journal.mu.
	published uint64 // index as of the last commit, for the next fsync to cover
	synced    uint64 // index that a successful fsync has covered
	syncing   bool   // an fsync is under way
	err       error  // the first failed fsync
}

// createGeneration makes the files of a generation in its empty directory, and their names durable.
func createGeneration(f vfs.FS, dir string, id [16]byte, number uint64) (*generation, error) {
	own := path.Join(dir, generationName(number))
	if err := writeNew(f, path.Join(own, segmentName), func(vfs.File) error { return nil }); err != nil {
		return nil, err
	}
	g, err := openGeneration(f, own, id, number, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := f.SyncDir(own); err != nil {
		g.abandon()
		return nil, err
	}
	if err := f.SyncDir(dir); err != nil {
		g.abandon()
		return nil, err
	}
	return g, nil
}

// reopenGeneration goes on appending to a generation that ended with a closing entry, which it removes. Everything before
// that is on the disk. If a power loss brings the closing entry back it says the truth still, and what was appended over
// it, but not fsynced, is a tail.
func reopenGeneration(f vfs.FS, dir string, id [16]byte, l *loaded) (*generation, error) {
	file, err := f.OpenFile(l.File, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	err = file.Truncate(l.last.pos)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	g, err := openGeneration(f, path.Join(dir, generationName(l.Generation)), id, l.Generation, 0)
	if err != nil {
		return nil, err
	}
	g.index, g.crc, g.size = l.last.index, l.last.crc, l.last.pos
	g.published, g.synced = g.index, g.index
	return g, nil
}

// openGeneration opens the files in the directory own; flag says whether the watermark's is created.
func openGeneration(f vfs.FS, own string, id [16]byte, number uint64, flag int) (*generation, error) {
	mark, err := openWatermark(f, own, id, number, flag)
	if err != nil {
		return nil, err
	}
	file, err := f.OpenFile(path.Join(own, segmentName), os.O_RDWR)
	if err != nil {
		_ = mark.file.Close()
		return nil, err
	}
	out, err := newOutput(f, own, file)
	if err != nil {
		_ = mark.file.Close()
		_ = file.Close()
		return nil, err
	}
	return &generation{id: id, number: number, out: out, mark: mark}, nil
}

// append seals an entry, which begins with room for the header, and writes it.
func (g *generation) append(k kind, synced uint64, entry []byte) error {
	h := header{kind: k, id: g.id, generation: g.number, index: g.index + 1, synced: synced, previous: g.crc}
	crc := h.seal(entry)
	if err := g.out.write(h.index, entry); err != nil {
		return err
	}
	g.index, g.crc = h.index, crc
	g.size += int64(uvarintLen(len(entry)) + len(entry))
	return nil
}

func uvarintLen(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n))
}

// snapshot writes the live state.
func (g *generation) snapshot(l *live) error {
	e := newEncoder()
	e.reset()
	for _, c := range l.prefixed("") {
		if e.full() {
			if err := g.append(kindSnapshot, 0, e.entry()); err != nil {
				return err
			}
			e.reset()
		}
		e.add(c)
	}
	return g.append(kindSnapshotEnd, 0, e.entry())
}

// settle makes everything written so far durable, and the watermark too.
func (g *generation) settle() error {
	if err := g.out.sync(); err != nil {
		return err
	}
	g.published, g.synced = g.index, g.index
	if err := g.mark.write(g.index); err != nil {
		return err
	}
	return g.mark.file.Sync()
}

// close releases the files after an fsync.
func (g *generation) close() error {
	err := g.out.close()
	if cerr := g.mark.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// discard releases the files of a generation that is going to be removed.
func (g *generation) discard() error {
	err := g.out.discard()
	if cerr := g.mark.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// abandon releases the files as they are.
func (g *generation) abandon() {
	g.out.abandon()
	_ = g.mark.file.Close()
}
