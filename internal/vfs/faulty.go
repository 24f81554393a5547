package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync/atomic"
)

// OpKind is the kind of a call that [Faulty] can make fail.
type OpKind uint8

// The kinds of calls, on an [FS] and on a [File] or lock of it.
const (
	OpOpen OpKind = iota + 1
	OpMkdir
	OpRemove
	OpRemoveAll
	OpRename
	OpReadDir
	OpStat
	OpSyncDir
	OpLock
	OpRead
	OpWrite
	OpSync
	OpTruncate
	OpSize
	OpClose
)

var opNames = [...]string{
	OpOpen: "open", OpMkdir: "mkdir", OpRemove: "remove", OpRemoveAll: "removeall", OpRename: "rename",
	OpReadDir: "readdir", OpStat: "stat", OpSyncDir: "syncdir", OpLock: "lock", OpRead: "read", OpWrite: "write",
	OpSync: "sync", OpTruncate: "truncate", OpSize: "size", OpClose: "close",
}

// String is the name of the kind in lower case.
func (k OpKind) String() string {
	if int(k) < len(opNames) && opNames[k] != "" {
		return opNames[k]
	}
	return fmt.Sprintf("op %d", uint8(k))
}

// Op is one call.
type Op struct {
	Kind OpKind
	// Name is the file or directory; for a rename, its old name; for an open file, the name it was opened by.
	Name string
	// N counts all calls on the file system and its files, from 1.
	N int64
	// Len is the number of bytes of a read or write, and 0 otherwise.
	Len int
}

// ShortWrite is what a hook returns to let the first N bytes of a write through before it fails with Err.
type ShortWrite struct {
	N   int
	Err error
}

// Error describes the error that the write ends with.
func (e *ShortWrite) Error() string { return fmt.Sprintf("short write of %d bytes: %v", e.N, e.Err) }

// Unwrap returns Err.
func (e *ShortWrite) Unwrap() error { return e.Err }

// FaultyFS is an [FS] that asks a hook before each call.
type FaultyFS struct {
	fs   FS
	hook func(Op) error
	n    atomic.Int64
}

// Faulty wraps a file system, so that each call on it, on its files and on its locks, except FS.Close, can be made to
// fail. hook is called before each call, concurrently if the calls are; if it returns an error, the caller gets that
// in an [*fs.PathError], and the call does not happen. There are three exceptions:
//
//   - a [*ShortWrite] lets a write happen in part;
//   - a Close that fails closes all the same, as close(2) does;
//   - a Sync that fails over a [Mem] makes what it should have written lost to later syncs, as on Linux: the system
//     takes the pages for clean after the error, so that a retry succeeds without having written anything.
//
// With a nil hook it only counts.
func Faulty(f FS, hook func(Op) error) *FaultyFS {
	if hook == nil {
		hook = func(Op) error { return nil }
	}
	return &FaultyFS{fs: f, hook: hook}
}

// FailNth is a hook that fails the nth call, counted from 1, with err; if persistent, all calls from then on.
func FailNth(n int64, err error, persistent bool) func(Op) error {
	return func(op Op) error {
		if op.N == n || persistent && op.N > n {
			return err
		}
		return nil
	}
}

// Only restricts a hook to calls of the given kinds. The count of calls goes over all kinds nevertheless.
func Only(hook func(Op) error, kinds ...OpKind) func(Op) error {
	return func(op Op) error {
		if slices.Contains(kinds, op.Kind) {
			return hook(op)
		}
		return nil
	}
}

// Ops is the number of calls so far: run a scenario without faults to learn how many there are to fail.
func (f *FaultyFS) Ops() int64 { return f.n.Load() }

func (f *FaultyFS) ask(kind OpKind, name string, length int) error {
	err := f.hook(Op{Kind: kind, Name: name, N: f.n.Add(1), Len: length})
	if err == nil {
		return nil
	}
	return pathError(kind.String(), name, err)
}

// Dir implements the interface behind the function [Dir].
func (f *FaultyFS) Dir() (string, bool) { return Dir(f.fs) }

// OpenFile implements [FS].
func (f *FaultyFS) OpenFile(name string, flag int) (File, error) {
	if err := f.ask(OpOpen, name, 0); err != nil {
		return nil, err
	}
	file, err := f.fs.OpenFile(name, flag)
	if err != nil {
		return nil, err
	}
	return &faultyFile{fs: f, file: file, name: name}, nil
}

// Mkdir implements [FS].
func (f *FaultyFS) Mkdir(name string) error {
	if err := f.ask(OpMkdir, name, 0); err != nil {
		return err
	}
	return f.fs.Mkdir(name)
}

// Remove implements [FS].
func (f *FaultyFS) Remove(name string) error {
	if err := f.ask(OpRemove, name, 0); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

// RemoveAll implements [FS].
func (f *FaultyFS) RemoveAll(name string) error {
	if err := f.ask(OpRemoveAll, name, 0); err != nil {
		return err
	}
	return f.fs.RemoveAll(name)
}

// Rename implements [FS].
func (f *FaultyFS) Rename(oldName, newName string) error {
	if err := f.ask(OpRename, oldName, 0); err != nil {
		return err
	}
	return f.fs.Rename(oldName, newName)
}

// ReadDir implements [FS].
func (f *FaultyFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.ask(OpReadDir, name, 0); err != nil {
		return nil, err
	}
	return f.fs.ReadDir(name)
}

// Stat implements [FS].
func (f *FaultyFS) Stat(name string) (fs.FileInfo, error) {
	if err := f.ask(OpStat, name, 0); err != nil {
		return nil, err
	}
	return f.fs.Stat(name)
}

// SyncDir implements [FS].
func (f *FaultyFS) SyncDir(name string) error {
	if err := f.ask(OpSyncDir, name, 0); err != nil {
		return err
	}
	return f.fs.SyncDir(name)
}

// Lock implements [FS].
func (f *FaultyFS) Lock(name string) (io.Closer, error) {
	if err := f.ask(OpLock, name, 0); err != nil {
		return nil, err
	}
	lock, err := f.fs.Lock(name)
	if err != nil {
		return nil, err
	}
	return &faultyCloser{f, lock, name}, nil
}

// Close implements [FS]; it is not counted and does not fail.
func (f *FaultyFS) Close() error { return f.fs.Close() }

type faultyCloser struct {
	fs     *FaultyFS
	closer io.Closer
	name   string
}

func (c *faultyCloser) Close() error {
	err := c.fs.ask(OpClose, c.name, 0)
	return errors.Join(err, c.closer.Close())
}
