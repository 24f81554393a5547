package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	fileMode = 0o600
	dirMode  = 0o700

	openFlags = os.O_RDONLY | os.O_RDWR | os.O_CREATE | os.O_EXCL | os.O_TRUNC
)

// OS is the file system of the operating system below dir, which must exist. It may itself be reached over symbolic
// links; below it none is followed. Everything goes through an [os.Root], so that no name and no link that somebody
// puts there can lead outside.
//
// A [File] of it adds nothing to pread(2) and pwrite(2), not even the count that lets [os.File] be closed during an
// operation: the caller must not call Close while another method runs. [Handle] guarantees that.
//
// A file system that has no fsync for directories (it answers EINVAL or ENOTSUP) makes SyncDir do nothing; so does
// Windows, where NTFS journals directory changes in order.
func OS(dir string) (FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return &osFS{root: root, dir: abs}, nil
}

// Dir is the absolute path of the directory that f is rooted at, and whether there is one: the operating system's
// file system has it, also below [Faulty]; [Mem] has none.
func Dir(f FS) (string, bool) {
	if d, ok := f.(interface{ Dir() (string, bool) }); ok {
		return d.Dir()
	}
	return "", false
}

type osFS struct {
	root *os.Root
	dir  string
}

func (o *osFS) Dir() (string, bool) { return o.dir, true }

func (o *osFS) Close() error { return o.root.Close() }

func (o *osFS) OpenFile(name string, flag int) (File, error) {
	if err := checkOpen(name, flag); err != nil {
		return nil, err
	}
	f, err := o.open(name, flag)
	if err != nil {
		return nil, err
	}
	return newOSFile(f, name), nil
}

// open opens a regular file. It looks before it opens, because opening a pipe would block, and after, because the
// entry may have been exchanged in between.
func (o *osFS) open(name string, flag int) (*os.File, error) {
	local, info, err := o.lookup("open", name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || local == "" {
		return nil, err
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, pathError("open", name, ErrNotRegular)
	}
	f, err := o.root.OpenFile(local, flag|largeFile, fileMode)
	if err != nil {
		return nil, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = pathError("open", name, ErrNotRegular)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (o *osFS) Mkdir(name string) error {
	local, err := o.localName("mkdir", name)
	if err != nil {
		return err
	}
	return o.root.Mkdir(local, dirMode)
}

func (o *osFS) Remove(name string) error {
	local, _, err := o.existing("remove", name)
	if err != nil {
		return err
	}
	return o.root.Remove(local)
}

func (o *osFS) RemoveAll(name string) error {
	local, _, err := o.existing("removeall", name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return o.root.RemoveAll(local)
}

func (o *osFS) Rename(oldName, newName string) error {
	from, moved, err := o.existing("rename", oldName)
	if err != nil || newName == oldName {
		return err
	}
	if err := checkEntry("rename", newName); err != nil {
		return err
	}
	to, info, err := o.lookup("rename", newName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || to == "" {
		return err
	}
	if err == nil {
		if err := checkReplace(newName, moved, info); err != nil {
			return err
		}
	}
	return o.root.Rename(from, to)
}

// checkReplace says what may be replaced by a renaming: a file, by a file. Windows would let a directory replace one.
func checkReplace(name string, moved, replaced fs.FileInfo) error {
	switch {
	case replaced.IsDir():
		return pathError("rename", name, syscall.EEXIST)
	case !replaced.Mode().IsRegular():
		return pathError("rename", name, ErrNotRegular)
	case moved.IsDir():
		return pathError("rename", name, ErrNotDirectory)
	}
	return nil
}

func (o *osFS) ReadDir(name string) ([]fs.DirEntry, error) {
	local, err := o.directory("readdir", name)
	if err != nil {
		return nil, err
	}
	return fs.ReadDir(o.root.FS(), filepath.ToSlash(local))
}

func (o *osFS) Stat(name string) (fs.FileInfo, error) {
	_, info, err := o.lookup("stat", name)
	return info, err
}

func (o *osFS) SyncDir(name string) error {
	local, err := o.directory("syncdir", name)
	if err != nil {
		return err
	}
	return syncDir(o.root, local)
}

// existing is the local name of a file or directory that can be moved or removed, and which of them it is.
func (o *osFS) existing(op, name string) (string, fs.FileInfo, error) {
	if err := checkEntry(op, name); err != nil {
		return "", nil, err
	}
	local, info, err := o.lookup(op, name)
	if err != nil {
		return "", nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return "", nil, pathError(op, name, ErrNotRegular)
	}
	return local, info, nil
}

func (o *osFS) directory(op, name string) (string, error) {
	local, info, err := o.lookup(op, name)
	if err != nil {
		return "", err
	}
	return local, checkDir(op, name, info)
}

// lookup is the local form of a name and what it refers to. The local form is empty exactly if the name is invalid or
// leads over something that is not a directory; otherwise err is about the last element of the name.
func (o *osFS) lookup(op, name string) (string, fs.FileInfo, error) {
	local, err := o.localName(op, name)
	if err != nil {
		return "", nil, err
	}
	info, err := o.root.Lstat(local)
	return local, info, err
}

// localName turns a name into what [os.Root] takes, and refuses symbolic links on the way to its last element: a Root
// would follow those that stay inside.
func (o *osFS) localName(op, name string) (string, error) {
	if err := checkName(op, name); err != nil {
		return "", err
	}
	local, err := filepath.Localize(name)
	if err != nil {
		return "", pathError(op, name, fs.ErrInvalid)
	}
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		info, err := o.root.Lstat(local[:i])
		if err != nil {
			return "", err
		}
		if err := checkDir(op, name, info); err != nil {
			return "", err
		}
	}
	return local, nil
}

func checkDir(op, name string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return nil
	case info.Mode().IsRegular():
		return pathError(op, name, ErrNotDirectory)
	default:
		return pathError(op, name, ErrNotRegular)
	}
}

// checkOpen refuses flags outside the contract of [FS.OpenFile], so that every implementation takes the same ones.
func checkOpen(name string, flag int) error {
	if err := checkName("open", name); err != nil {
		return err
	}
	if flag&^openFlags != 0 || flag&os.O_TRUNC != 0 && flag&os.O_RDWR == 0 {
		return pathError("open", name, fs.ErrInvalid)
	}
	return nil
}
