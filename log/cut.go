package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// cut copies what is not valid aside and cuts it off, durably, before anything is appended.
func (r *recovery) cut(s *segment.Segment, bad *segment.Invalid, size int64) error {
	name := fmt.Sprintf("%s%s.%d%s", segment.Name(s.Base()), segment.LogExt, bad.Position, brokenExt)
	r.note(fmt.Sprintf("%s: cut off %d bytes that were never promised, at %d (%s); they are kept in %s",
		s.Path(), size-bad.Position, bad.Position, bad.Reason, name))
	err := r.copyOut(s, bad.Position, size, name)
	if vfs.IsNoSpace(err) && r.opts.ReleaseSpace != nil && r.opts.ReleaseSpace() {
		err = r.copyOut(s, bad.Position, size, name)
	}
	if vfs.IsNoSpace(err) {
		// A log that cannot be opened for want of room could not make any.
		r.note(fmt.Sprintf("%s: no room to keep what was cut off", s.Path()))
		err = r.remove(name)
	}
	if err != nil {
		return err
	}
	if err := s.CutBack(); err != nil {
		return err
	}
	return s.Sync()
}

// copyOut copies a stretch of a segment into another file, and makes that durable.
func (r *recovery) copyOut(s *segment.Segment, from, to int64, name string) error {
	f, err := r.fs.OpenFile(r.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if err = s.CopyTo(f, from, to); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return r.fs.SyncDir(r.opts.Dir)
}

// setAside renames files that hold nothing that was promised.
func (r *recovery) setAside(bases []int64) error {
	for _, base := range bases {
		name := segment.Name(base) + segment.LogExt
		r.note(fmt.Sprintf("%s: set aside as %s: it does not follow on what is valid before it", r.path(name), name+brokenExt))
		for _, ext := range segment.Extensions[1:] {
			if err := r.remove(segment.Name(base) + ext); err != nil {
				return err
			}
		}
		if err := r.fs.Rename(r.path(name), r.path(name+brokenExt)); err != nil {
			return err
		}
	}
	return r.fs.SyncDir(r.opts.Dir)
}

// remove removes a file that need not exist.
func (r *recovery) remove(name string) error {
	if err := r.fs.Remove(r.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
