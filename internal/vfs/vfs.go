// Package vfs is the seam between the library and the file system.
//
// Everything that touches a disk goes through an [FS], so that the same code runs on the operating system, in memory,
// over a simulated power loss and with a fault injected into any single call.
package vfs

import (
	"io"
	"io/fs"
)

// FS is a tree of files below one directory. Names are slash-separated and relative to that directory; a name for
// which [fs.ValidPath] is false is refused with an error matching [fs.ErrInvalid], and no name can lead outside the
// directory. Symbolic links and special files are refused with [ErrNotRegular].
//
// What an FS has been told is durable only after [File.Sync] (contents and length) and [FS.SyncDir] (the entries of
// one directory: creations, renames and removals). All methods may be called concurrently.
type FS interface {
	// OpenFile opens a regular file. flag is a combination of os.O_RDONLY, os.O_RDWR, os.O_CREATE, os.O_EXCL and
	// os.O_TRUNC. New files have mode 0600.
	OpenFile(name string, flag int) (File, error)
	// Mkdir makes one directory with mode 0700; one that exists is an error matching fs.ErrExist.
	Mkdir(name string) error
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// RemoveAll removes a file or a directory with all that it holds. One that does not exist is no error.
	RemoveAll(name string) error
	// Rename moves a file or directory, replacing a file that has the new name.
	Rename(oldName, newName string) error
	// ReadDir lists a directory, sorted by name. "." is the directory itself.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Stat describes a file without following a symbolic link.
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
	// Lock takes an exclusive lock on the named file, creating it if need be, and writes the process id into it.
	// A lock held by somebody else is an error matching ErrLocked; it does not wait. The lock ends with the
	// process or with Close; the file is never removed.
	Lock(name string) (io.Closer, error)
	// Close releases what the FS itself holds. Files stay open.
	Close() error
}

// File is an open file. ReadAt and WriteAt may be called concurrently, also with Sync.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes contents and length durable. After a failed Sync the state of everything written since the last
	// successful one is unknown: it must not be retried on the same bytes.
	Sync() error
	// Truncate cuts the file or grows it with zeros.
	Truncate(size int64) error
	// Size is the length in bytes.
	Size() (int64, error)
}
