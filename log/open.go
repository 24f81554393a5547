package log

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// Create makes the files of an empty partition in a directory that exists, and makes them durable.
func Create(o Options) error {
	l := newLog(o)
	s, err := segment.Create(l.place, 0)
	if err != nil {
		return l.ioError(err, "creating a partition")
	}
	defer s.Close()
	defer l.manifest.file.Close()
	defer l.checkpoint.file.Close()
	if err := l.manifest.file.Truncate(0); err != nil {
		return l.ioError(err, "creating a partition")
	}
	if err := l.checkpoint.write(watermark{info: s.Info()}); err != nil {
		return l.ioError(err, "creating a partition")
	}
	if err := l.checkpoint.file.Sync(); err != nil {
		return l.ioError(err, "creating a partition")
	}
	return l.place.FS.SyncDir(o.Dir)
}

func newLog(o Options) *Log {
	if o.Fsyncs == nil {
		o.Fsyncs = new(atomic.Int64)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{opts: o, place: segment.Place{FS: o.FS, Pool: o.Pool, Dir: o.Dir}}
	l.place.Open = &l.open
	l.closing, l.close = context.WithCancel(context.Background())
	l.compacting = make(chan struct{}, 1)
	l.SetConfig(o.Config)
	seed := crc32.Checksum(o.ID, castagnoli)
	l.manifest = manifest{seed: seed, swaps: map[int64]int64{}}
	l.manifest.file = o.Pool.File(l.path(manifestName), os.O_RDWR|os.O_CREATE)
	l.checkpoint = checkpoint{seed: seed, file: o.Pool.File(l.path(checkpointName), os.O_RDWR|os.O_CREATE)}
	l.producers.saved = -1
	return l
}

// Open opens a partition and recovers what a crash left. It reads nothing but metadata when the log was closed, and
// otherwise what lies behind the durable watermark.
//
// Bytes at or above the watermark that are not a valid batch were never promised: they are copied aside and cut off.
// Below it they are damage: nothing is changed, the log is opened for reading only, and Damage says where. An error of
// the file system fails the open and changes nothing. A crash at any step, then Open again, gives the same log.
func Open(o Options) (*Log, error) {
	l := newLog(o)
	r := recovery{Log: l, fs: o.FS, known: map[*segment.Segment]int64{}}
	if err := r.run(); err != nil {
		for _, s := range r.list {
			_ = s.Close()
		}
		_, _ = l.manifest.file.Close(), l.checkpoint.file.Close()
		return nil, l.ioError(err, "opening")
	}
	return l, nil
}

// recovery is an Open under way.
type recovery struct {
	*Log
	fs    vfs.FS
	files files

	hasMark  bool // there is a checkpoint
	mark     watermark
	lost     bool // there is no manifest, or it is damaged in the middle
	rewrite  bool // the manifest does not end with a record
	readOnly bool

	list   []*segment.Segment         // in order
	sealed int                        // how many of list are sealed
	known  map[*segment.Segment]int64 // of the others, the offset up to which the watermark tells all of them
	epoch  int32                      // of the newest batch seen
}

func (r *recovery) run() error {
	steps := []func() error{
		r.readManifest, r.readCheckpoint, r.listFiles, r.leaveStrays, r.hardenManifest, r.finishSwaps, r.finishRemovals,
		r.openSealed, r.openRest, r.setEnds, r.replayProducers, r.saveManifest, r.activate,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *recovery) readManifest() error {
	b, err := vfs.ReadFile(r.fs, r.path(manifestName), maxManifestSize)
	if errors.Is(err, fs.ErrNotExist) {
		r.lost, r.rewrite = true, true
		r.note(fmt.Sprintf("unverified: %s is missing; sealed segments are read in full", r.path(manifestName)))
		return nil
	}
	if err != nil {
		return err
	}
	file := r.manifest.file
	m, valid := parseManifest(b, r.manifest.seed)
	if valid < len(b) {
		r.rewrite = true
		if r.lost = m.resumes(b[valid:]); r.lost {
			r.note(fmt.Sprintf("unverified: %s is damaged at %d; segments recorded behind that are read in full",
				r.path(manifestName), valid))
		} else {
			r.note(fmt.Sprintf("%s: the last record, at %d, was not finished and is dropped", r.path(manifestName), valid))
		}
	}
	r.manifest, r.manifest.file, r.manifest.size = m, file, int64(valid)
	return nil
}

func (r *recovery) readCheckpoint() error {
	b, err := vfs.ReadFile(r.fs, r.path(checkpointName), 2*slotSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, vfs.ErrTooLarge) {
		return err
	}
	r.mark, r.checkpoint.sequence, r.hasMark = parseCheckpoint(b, r.checkpoint.seed)
	if !r.hasMark {
		r.note(fmt.Sprintf("unverified: %s is missing or damaged; damage and a torn tail are told apart by what follows",
			r.path(checkpointName)))
	}
	return nil
}

// hardenManifest makes the manifest durable, before files are removed or renamed because of what it says and before records
// follow on it: its last record may be in the page cache only and, when its fsync failed, be written by no later one. So it
// is written in place, as it is. A checkpoint behind the last seal proves that nothing is missing; of other records there
// is no proof.
func (r *recovery) hardenManifest() error {
	n := len(r.manifest.sealed)
	proven := r.hasMark && r.manifest.sealedLast && (n == 0 || r.mark.info.Base >= r.manifest.sealed[n-1].Next)
	if r.lost || r.manifest.size == 0 || proven || seeded.On(seeded.TrustedManifest) {
		return nil
	}
	b, err := vfs.ReadFile(r.fs, r.path(manifestName), maxManifestSize)
	if err != nil {
		return err
	}
	if _, err := r.manifest.file.WriteAt(b[:r.manifest.size], 0); err != nil {
		return err
	}
	return r.manifest.file.Sync()
}

// saveManifest replaces a manifest that was damaged or missing, and cuts off a record that was not finished: that needs
// no room.
func (r *recovery) saveManifest() error {
	switch {
	case !r.rewrite || r.readOnly:
		return nil
	case r.lost:
		return r.replaceManifest()
	}
	if err := r.manifest.file.Truncate(r.manifest.size); err != nil {
		return err
	}
	return r.manifest.file.Sync()
}

// damaged makes the log read-only because of a place.
func (r *recovery) damaged(file, detail string, first, next int64) {
	r.readOnly = true
	r.addDamage(engine.Damage{File: r.path(file), Detail: detail, First: first, Next: next})
}
