package vfs

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path"
)

// tempSuffix marks the file that [WriteFileAtomic] writes first. A crash may leave it; the next call replaces it.
const tempSuffix = ".tmp"

// WriteFileAtomic replaces the contents of a file, so that a crash at any point leaves the old contents or the new
// ones. It writes name.tmp, syncs it, renames it over name and syncs the directory; once it returns nil the new
// contents are durable. If it fails before the rename, name is as it was. If the directory cannot be synced, readers
// see the new contents, and which ones are durable is unknown. It must not run concurrently for the same name.
func WriteFileAtomic(f FS, name string, data []byte) error {
	temp := name + tempSuffix
	if err := writeFileSync(f, temp, data); err != nil {
		_ = f.Remove(temp)
		return err
	}
	if err := f.Rename(temp, name); err != nil {
		_ = f.Remove(temp)
		return err
	}
	return f.SyncDir(path.Dir(name))
}

func writeFileSync(f FS, name string, data []byte) error {
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, 0)
	if err == nil {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	return err
}

// ReadFile returns the contents of a file, in memory that belongs to the caller. A file of more than limit bytes is an
// error matching [ErrTooLarge]; nothing is allocated for it.
func ReadFile(f FS, name string, limit int64) ([]byte, error) {
	file, err := f.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	data, err := readAll(file, name, min(limit, math.MaxInt))
	if cerr := file.Close(); err == nil && cerr != nil {
		return nil, cerr
	}
	return data, err
}

func readAll(file File, name string, limit int64) ([]byte, error) {
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, pathError("read", name, ErrTooLarge)
	}
	data := make([]byte, size)
	n, err := file.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data[:n], nil
}

// CopyRange makes to hold a copy of n bytes of from, which stand at off. Runs of zeros take no room: a hole stays one. It
// does not sync.
func CopyRange(to File, from io.ReaderAt, off, n int64) error {
	buf, zeros := make([]byte, min(n, 64<<10)), make([]byte, min(n, 64<<10))
	for at := int64(0); at < n; {
		part := buf[:min(int64(len(buf)), n-at)]
		got, err := from.ReadAt(part, off+at)
		if got == 0 && err != nil {
			return err
		}
		if part = part[:got]; !bytes.Equal(part, zeros[:got]) {
			if _, err := to.WriteAt(part, at); err != nil {
				return err
			}
		}
		at += int64(got)
	}
	return to.Truncate(n)
}
