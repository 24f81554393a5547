//go:build unix

package vfs

import (
	"io"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// maxTransfer bounds one system call: Linux stops at 2 GiB less a page, macOS refuses more than 2 GiB.
const maxTransfer = 1 << 30

// osFile calls pread and pwrite on the descriptor itself. That saves the two atomic operations by which os.File makes
// Close safe during an operation, about a tenth of a small read from the page cache; see [OS] for what it asks of
// the caller. All else is left to os.File.
type osFile struct {
	fd   int // -1 once closed
	file *os.File
	name string
}

func newOSFile(f *os.File, name string) File {
	return &osFile{fd: int(f.Fd()), file: f, name: name}
}

func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := unix.Pwrite(f.fd, p[:min(len(p), maxTransfer)], off)
	if n == len(p) && err == nil {
		runtime.KeepAlive(f)
		return n, nil
	}
	return f.writeRest(p, off, n, err)
}

// writeRest goes on after a first call that did not write everything.
func (f *osFile) writeRest(p []byte, off int64, n int, err error) (int, error) {
	done := max(n, 0)
	for {
		switch {
		case err == unix.EINTR:
		case err != nil:
			return done, f.error("write", err)
		case done == len(p):
			return done, nil
		case n <= 0:
			return done, f.error("write", io.ErrShortWrite)
		}
		n, err = unix.Pwrite(f.fd, p[done:min(len(p), done+maxTransfer)], off+int64(done))
		runtime.KeepAlive(f)
		done += max(n, 0)
	}
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := unix.Pread(f.fd, p[:min(len(p), maxTransfer)], off)
	if n == len(p) && err == nil {
		runtime.KeepAlive(f)
		return n, nil
	}
	return f.readRest(p, off, n, err)
}

// readRest goes on after a first call that did not read everything.
func (f *osFile) readRest(p []byte, off int64, n int, err error) (int, error) {
	done := max(n, 0)
	for {
		switch {
		case err == unix.EINTR:
		case err != nil:
			return done, f.error("read", err)
		case done == len(p):
			return done, nil
		case n <= 0:
			return done, io.EOF
		}
		n, err = unix.Pread(f.fd, p[done:min(len(p), done+maxTransfer)], off+int64(done))
		runtime.KeepAlive(f)
		done += max(n, 0)
	}
}

func (f *osFile) Sync() error {
	err := dataSync(f)
	if err != nil {
		return f.error("sync", err)
	}
	return nil
}

func (f *osFile) Truncate(size int64) error { return f.file.Truncate(size) }

func (f *osFile) Size() (int64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *osFile) Close() error {
	f.fd = -1
	return f.file.Close()
}

func (f *osFile) error(op string, err error) error {
	if f.fd < 0 {
		err = fs.ErrClosed
	}
	return pathError(op, f.name, err)
}
