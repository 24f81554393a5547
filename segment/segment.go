package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// Extensions of a segment's files.
const (
	LogExt     = ".log"
	OffsetExt  = ".index"
	TimeExt    = ".timeindex"
	AbortedExt = ".txnindex"
)

// Extensions lists them, the log first.
var Extensions = [...]string{LogExt, OffsetExt, TimeExt, AbortedExt}

// Name is the file name of the segment that starts at base, without extension.
func Name(base int64) string { return fmt.Sprintf("%020d", base) }

// ParseName takes the base offset from the name of a log file.
func ParseName(file string) (base int64, ok bool) {
	base, err := strconv.ParseInt(strings.TrimSuffix(file, LogExt), 10, 64)
	return base, err == nil && base >= 0 && file == Name(base)+LogExt
}

// Place says where a segment's files are.
type Place struct {
	FS     vfs.FS    // the data directory
	Pool   *vfs.Pool // of open files in it
	Dir    string    // of the partition
	Suffix string    // after the extension: while a compacted segment is being written
	// Open counts segments whose files are not closed yet, readers included; it may be nil.
	Open *sync.WaitGroup
}

// Segment is an open segment.
type Segment struct {
	place   Place
	base    int64
	file    *vfs.Handle
	handles []*vfs.Handle

	offsets *index.Offset
	times   *index.Time
	aborted *index.Aborted

	info    Info         // belongs to the appending goroutine, and is fixed once sealed
	size    atomic.Int64 // visible to readers
	next    atomic.Int64 // offset after the last visible record
	largest atomic.Int64 // timestamp
	grown   int64        // length of the file, zeros ahead of size included

	recognition recognition
	hints       hints
	rebuilding  sync.Mutex
	refs        atomic.Int32 // the log's own one, and one for each read under way
	removed     atomic.Bool
	whenGone    func(error) // set before removed
}

// Create makes an empty segment and its log file, which must not exist: nothing is ever written over.
func Create(p Place, base int64) (*Segment, error) {
	f, err := p.FS.OpenFile(path.Join(p.Dir, Name(base)+LogExt+p.Suffix), os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	_ = f.Close() // nothing was written to it
	return Open(p, Empty(base)), nil
}

// Open opens a segment of which info is known. It does no input or output.
func Open(p Place, info Info) *Segment {
	s := &Segment{place: p, base: info.Base, info: info, grown: info.Size}
	handle := func(ext string, flag int) *vfs.Handle {
		h := p.Pool.File(path.Join(p.Dir, Name(info.Base)+ext+p.Suffix), flag)
		s.handles = append(s.handles, h)
		return h
	}
	s.file = handle(LogExt, os.O_RDWR)
	s.offsets = index.NewOffset(handle(OffsetExt, os.O_RDWR|os.O_CREATE), info.Offsets)
	s.times = index.NewTime(handle(TimeExt, os.O_RDWR|os.O_CREATE), info.Times, info.TimeIndexed)
	s.aborted = index.NewAborted(handle(AbortedExt, os.O_RDWR|os.O_CREATE), info.Aborted)
	s.size.Store(info.Size)
	s.next.Store(info.Next)
	s.largest.Store(info.MaxTimestamp)
	s.recognition.done.Store(info.Batches == 0)
	s.refs.Store(1)
	if p.Open != nil {
		p.Open.Add(1)
	}
	return s
}

// Base is the first offset that the segment may hold, and its name.
func (s *Segment) Base() int64 { return s.base }

// Next is the offset after the last visible record.
func (s *Segment) Next() int64 { return s.next.Load() }

// Size is the visible length in bytes.
func (s *Segment) Size() int64 { return s.size.Load() }

// Path is the log file's name relative to the data directory.
func (s *Segment) Path() string { return path.Join(s.place.Dir, Name(s.base)+LogExt) }

// Info is what is known of the contents. It belongs to the appending goroutine until the segment is sealed.
func (s *Segment) Info() Info {
	i := s.info
	i.Offsets, i.Times, i.Aborted, i.TimeIndexed = s.offsets.State(), s.times.State(), s.aborted.State(), s.times.Last()
	return i
}

// Acquire keeps the segment's files until Release. It reports false when they are already on their way out.
func (s *Segment) Acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release ends an Acquire. The last one closes the files, and removes them when Remove was called.
func (s *Segment) Release() error {
	if s.refs.Add(-1) > 0 {
		return nil
	}
	if s.place.Open != nil {
		defer s.place.Open.Done()
	}
	err := s.closeFiles()
	if s.removed.Load() {
		return s.unlink()
	}
	return err
}

// Close ends the log's own hold. The files are closed once no read is under way.
func (s *Segment) Close() error { return s.Release() }

// Remove closes the segment and removes its files once no read is under way, and then calls whenGone, unless it is nil,
// with the error that kept a file from being removed. What is left of the files, by that or by a crash, is removed when
// the log is next opened.
func (s *Segment) Remove(whenGone func(error)) error {
	s.whenGone = whenGone
	s.removed.Store(true)
	return s.Release()
}

func (s *Segment) closeFiles() error {
	var first error
	for _, h := range s.handles {
		if err := h.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// unlink removes the files under the names that they have by now, the log last: where it is gone, so is everything.
func (s *Segment) unlink() error {
	var first error
	for i := len(s.handles) - 1; i >= 0; i-- {
		if err := s.place.FS.Remove(s.handles[i].Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			first = err
			break
		}
	}
	if s.whenGone != nil {
		s.whenGone(first)
	}
	return first
}

// RemoveFiles removes the files of a segment that is not open. Ones that do not exist are no error.
func RemoveFiles(fs vfs.FS, dir string, base int64, suffix string) error {
	for i := len(Extensions) - 1; i >= 0; i-- {
		err := fs.Remove(path.Join(dir, Name(base)+Extensions[i]+suffix))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// Settle gives the files of a compacted segment their final names, in place of files of its sources that are there
// still. No other open segment may have those names; this one may be read meanwhile. The log comes last, once the names
// of the indexes are durable, so that a crash in between leaves something that Settle finishes when it is called again.
func (s *Segment) Settle() error {
	states := [...]index.State{{}, s.offsets.State(), s.times.State(), s.aborted.State()}
	for i := len(states) - 1; i > 0; i-- {
		if err := s.settleIndex(i, states[i]); err != nil {
			return err
		}
	}
	if err := s.place.FS.SyncDir(s.place.Dir); err != nil {
		return err
	}
	if err := s.file.Rename(s.finalName(0)); err != nil {
		return err
	}
	return s.place.FS.SyncDir(s.place.Dir)
}

func (s *Segment) finalName(i int) string { return path.Join(s.place.Dir, Name(s.base)+Extensions[i]) }

// settleIndex moves an index. One that is not there was moved before the crash, or has no entries: then nobody may take
// that of a source for it.
func (s *Segment) settleIndex(i int, st index.State) error {
	to := s.finalName(i)
	err := s.handles[i].Rename(to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.handles[i].SetName(to)
	if st.Entries > 0 {
		return nil
	}
	if err := s.place.FS.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
