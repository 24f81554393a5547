package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// mostFile bounds what is read: many times what memory holds, and nothing to a file that is one large hole.
const mostFile = 1 << 36

// Report says what was found in the live generation of a journal.
type Report struct {
	Generation uint64
	File       string // of the entries, relative to the file system
	Size       int64  // of that file, in bytes
	Valid      int64  // bytes before the first invalid entry
	Entries    uint64 // valid ones, the snapshot's included
	Synced     uint64 // the highest entry known to be fsynced
	Keys       int    // in the map after the last valid entry
	Closed     bool   // the last owner closed the journal
	// Damage is the first entry that is not valid or is missing; nil if there is none.
	Damage *engine.CorruptionError
	// Tail says that Damage lies above Synced: nobody was promised what stands there, and the next Open for writing
	// will keep a copy of it and go on without it. Otherwise Open refuses.
	Tail bool
	// Notes says what could not be verified.
	Notes []string
}

// loaded is a generation as it was read.
type loaded struct {
	Report
	live *live
	last scanner // where the last entry that counts ends: that before a closing entry, if there is one
}

// load reads the live generation and changes nothing. The watermark comes first: were the owner writing meanwhile, it
// would not be above what is read of the entries.
func load(f vfs.FS, dir string, id [16]byte, generation uint64) (*loaded, error) {
	own := path.Join(dir, generationName(generation))
	l := &loaded{live: newLive(), Report: Report{Generation: generation, File: path.Join(own, segmentName)}}
	marked, err := l.loadWatermark(f, own, id)
	if err != nil {
		return nil, err
	}
	file, err := f.OpenFile(l.File, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt(l.File, 0, "missing; run kafkado repair")
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if l.Size, err = file.Size(); err != nil {
		return nil, err
	}
	if l.Size > mostFile {
		return nil, corrupt(l.File, 0, fmt.Sprintf("the file has %d bytes, more than a journal can have", l.Size))
	}
	s := newScanner(file, l.Size, id, generation)
	snapshot, err := l.scan(s)
	if err != nil {
		return nil, err
	}
	l.Entries, l.Valid, l.Keys = s.index, s.pos, len(l.live.values)
	l.Tail = l.Damage != nil && snapshot && l.last.index >= l.Synced
	l.Closed = l.Closed && l.Damage == nil && marked
	return l, nil
}

// loadWatermark reports whether there is a valid watermark.
func (l *loaded) loadWatermark(f vfs.FS, own string, id [16]byte) (bool, error) {
	index, ok, err := readWatermark(f, own, id, l.Generation)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	l.Synced = index
	if !ok {
		l.Notes = append(l.Notes, fmt.Sprintf("%s: missing or damaged; the end of the journal is unverified",
			path.Join(own, watermarkName)))
	}
	return ok, nil
}

// scan applies the entries, and finds out where they stop and whether they had to go on. It reports whether the snapshot
// was complete.
func (l *loaded) scan(s *scanner) (snapshot bool, err error) {
	for {
		e, err := s.next()
		if err != nil {
			return snapshot, l.stop(s, snapshot, err)
		}
		l.Synced = max(l.Synced, e.synced)
		l.live.apply(e.changes)
		switch e.kind {
		case kindClosed:
			l.Closed = true
			continue
		case kindSnapshotEnd:
			snapshot = true
		}
		l.last = *s
	}
}

// stop turns the end of the scan into damage, if it is not the end of the entries.
func (l *loaded) stop(s *scanner, snapshot bool, err error) error {
	var bad *invalid
	switch {
	case errors.As(err, &bad):
		synced, err := s.syncedBehind()
		if err != nil {
			return err
		}
		l.Synced = max(l.Synced, synced)
		l.Damage = corrupt(l.File, bad.position, bad.reason)
	case !errors.Is(err, io.EOF):
		return err
	case !snapshot:
		l.Damage = corrupt(l.File, s.pos, "ends within its snapshot")
	case l.last.index < l.Synced:
		l.Damage = corrupt(l.File, s.pos, "ends before the last entry that was fsynced")
	}
	return nil
}

// Inspect reads a journal, changes nothing and stops at the first entry that is not valid, which the report names. An
// error means that there is nothing to report: there is no journal (it matches [fs.ErrNotExist]), CURRENT is lost or
// damaged (it matches [engine.ErrCorrupt]), or a read failed. It may be called while another process has the journal
// open; what that is about to write may then show as a tail.
func Inspect(f vfs.FS, dir string, id [16]byte) (Report, error) {
	l, err := loadLive(f, dir, id)
	if err != nil {
		return Report{}, err
	}
	return l.Report, nil
}

// Read returns the map of a journal, and changes nothing. A tail is left out, as Open would. Where Open would refuse, it
// returns the [*engine.CorruptionError] together with the map and the report as of the last valid entry. The map belongs
// to the caller. Other errors are those of [Inspect].
func Read(f vfs.FS, dir string, id [16]byte) (map[string][]byte, Report, error) {
	l, err := loadLive(f, dir, id)
	if err != nil {
		return nil, Report{}, err
	}
	if l.Damage != nil && !l.Tail {
		return l.live.values, l.Report, l.Damage
	}
	return l.live.values, l.Report, nil
}

// loadLive loads the generation that CURRENT names. Its owner may switch to another one meanwhile, and remove this one.
func loadLive(f vfs.FS, dir string, id [16]byte) (*loaded, error) {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		generation, err := readCurrent(f, dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, absent(f, dir)
		}
		if err != nil {
			return nil, wrap(err)
		}
		l, err := load(f, dir, id, generation)
		if err == nil && l.Damage == nil {
			return l, nil
		}
		again, cerr := readCurrent(f, dir)
		if attempt == attempts || cerr == nil && again == generation {
			return l, wrap(err)
		}
	}
}

// absent says what the lack of CURRENT means: there never was a journal, or it was lost.
func absent(f vfs.FS, dir string) error {
	numbers, err := generations(f, dir)
	if err != nil {
		return wrap(err)
	}
	for _, number := range numbers {
		used, err := isUsed(f, dir, number)
		if err != nil {
			return wrap(err)
		}
		if used {
			return corrupt(path.Join(dir, currentName), 0, "missing, but there are generations; run kafkado repair")
		}
	}
	return wrap(&fs.PathError{Op: "open", Path: path.Join(dir, currentName), Err: fs.ErrNotExist})
}

// isUsed tells whether a generation can hold anything but the empty snapshot that every journal begins with. One that
// does not was being created when that was interrupted: CURRENT is in place before the first commit.
func isUsed(f vfs.FS, dir string, number uint64) (bool, error) {
	info, err := f.Stat(path.Join(dir, generationName(number), segmentName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() > emptySize, err
}

// emptySize is the length of a file with an empty snapshot: one byte of frame, and a header.
const emptySize = 1 + headerSize
