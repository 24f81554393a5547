package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// Open opens a journal for writing, and creates it if there is none. There must be no other journal open on the same
// directory: the caller holds the lock of the data directory.
//
// Entries after the last valid one that nobody was promised are kept in a file of their own and left out, see
// [Journal.Notes]. Damage to what was promised fails with an [*engine.CorruptionError], as does the loss of CURRENT where
// there are generations; nothing is changed then. No room on the disk matches [engine.ErrDiskFull] and ENOSPC. Whatever
// the error, Open can be called again.
func Open(o Options) (*Journal, error) {
	if o.MinGeneration <= 0 {
		o.MinGeneration = DefaultMinGeneration
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	j := &Journal{o: o, log: o.Logger, live: newLive(), enc: newEncoder()}
	j.synced = sync.NewCond(&j.mu)
	if err := j.open(); err != nil {
		return nil, wrap(err)
	}
	return j, nil
}

func (j *Journal) open() error {
	generation, err := readCurrent(j.o.FS, j.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return j.create()
	}
	if err != nil {
		return err
	}
	l, err := load(j.o.FS, j.o.Dir, j.o.ID, generation)
	if err != nil {
		return err
	}
	if l.Damage != nil && !l.Tail {
		return l.Damage
	}
	j.live, j.notes = l.live, l.Notes
	return j.resume(l)
}

// create makes the first generation. It may find what an earlier attempt left.
func (j *Journal) create() error {
	err := j.o.FS.Mkdir(j.o.Dir)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err != nil {
		if err := absent(j.o.FS, j.o.Dir); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := j.o.FS.SyncDir(path.Dir(j.o.Dir)); err != nil {
		return err
	}
	j.created = true
	return j.start()
}

// resume goes on where the last owner stopped.
func (j *Journal) resume(l *loaded) error {
	if l.Damage != nil {
		kept, err := j.keepTail(l)
		if err != nil {
			return err
		}
		j.notes = append(j.notes, fmt.Sprintf("%s: %d bytes from %d on left out, kept in %s: %s",
			l.File, l.Size-l.Valid, l.Valid, kept, l.Damage.Reason))
	}
	if !l.Closed {
		return j.start()
	}
	g, err := reopenGeneration(j.o.FS, j.o.Dir, j.o.ID, l)
	if err != nil {
		return err
	}
	j.current = g
	return j.prepareNext()
}

// start moves the state that was read to a fresh generation.
func (j *Journal) start() error {
	if err := j.prepareNext(); err != nil {
		return err
	}
	return j.renew(nil)
}

// prepareNext finds the number of the next generation: above all that exist, live or not.
func (j *Journal) prepareNext() error {
	numbers, err := generations(j.o.FS, j.o.Dir)
	if err != nil {
		return err
	}
	j.next = 1
	if len(numbers) > 0 {
		j.next = slices.Max(numbers) + 1
	}
	return nil
}

// keepTail copies what is left out to a file beside the generation, which is going to be removed.
func (j *Journal) keepTail(l *loaded) (string, error) {
	name := path.Join(j.o.Dir, generationName(l.Generation)+".broken")
	from, err := j.o.FS.OpenFile(l.File, 0)
	if err != nil {
		return "", err
	}
	defer from.Close()
	err = writeNew(j.o.FS, name, func(to vfs.File) error {
		return vfs.CopyRange(to, from, l.Valid, l.Size-l.Valid)
	})
	if err != nil {
		return "", err
	}
	return name, j.o.FS.SyncDir(j.o.Dir)
}
