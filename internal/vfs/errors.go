package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

var (
	// ErrNotRegular is matched by the error for a name that is a symbolic link, a device, a pipe or a socket, or for
	// a directory where a file is expected. Nothing was opened or followed.
	ErrNotRegular = errors.New("not a regular file")

	// ErrNotDirectory is matched by the error for a name that is, or leads over, a regular file where a directory is
	// expected. It never matches [fs.ErrNotExist], as syscall.ENOTDIR does on Windows: what stands in the way is not
	// missing.
	ErrNotDirectory = errors.New("not a directory")

	// ErrLocked is matched by the error of [FS.Lock] when another process, or another call in this one, holds the
	// lock. The error is a [*LockedError].
	ErrLocked = errors.New("locked")

	// ErrTooLarge is matched by the error of [ReadFile] for a file above the limit that the caller gave.
	ErrTooLarge = errors.New("file too large")
)

// LockedError tells who holds a lock. It matches [ErrLocked].
type LockedError struct {
	// Name is the lock file, as it was given to [FS.Lock].
	Name string
	// PID is the process id that the lock file holds; 0 if it could not be read. It is for people: between taking
	// the lock and writing the id, a new owner shows as the one before it.
	PID int
}

// Error names the file and, when it is known, the owner.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("lock %s: held by another process", e.Name)
	}
	return fmt.Sprintf("lock %s: held by process %d", e.Name, e.PID)
}

// Is reports whether target is [ErrLocked].
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// IsNoSpace reports whether err says that there is no room: the disk, a quota or the largest file size is exhausted.
// What was being written may be partly there; once there is room again, a later attempt can succeed.
func IsNoSpace(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && isNoSpace(errno)
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// checkName refuses what no file system can hold under a root, before anything is touched.
func checkName(op, name string) error {
	if !fs.ValidPath(name) || strings.IndexByte(name, 0) >= 0 {
		return pathError(op, name, fs.ErrInvalid)
	}
	return nil
}

// checkEntry is checkName for the operations that change an entry of a directory, which the root itself is not.
func checkEntry(op, name string) error {
	if name == "." {
		return pathError(op, name, fs.ErrInvalid)
	}
	return checkName(op, name)
}
