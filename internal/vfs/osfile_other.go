//go:build !unix

package vfs

import "os"

// osFile leaves everything to os.File. On Windows an os.Root opens with FILE_SHARE_DELETE, and renames and removes
// with POSIX semantics, so that a file can be replaced or removed while it is open.
type osFile struct{ *os.File }

func newOSFile(f *os.File, _ string) File { return osFile{f} }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
