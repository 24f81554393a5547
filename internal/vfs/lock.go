package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// pidLen is the fixed length of what a lock file holds: a decimal process id, blanks and a line feed. With a fixed
// length it is overwritten in place, which works on a full disk too.
const pidLen = 21

// The lock is flock(2), and on Windows LockFileEx on one byte far behind the content, because there a locked byte
// cannot be read by others. gofrs/flock would lock the first byte, and would open by path, over symbolic links.
//
// heldLocks makes a second Lock in this process fail also where flock is emulated by fcntl locks (NFS), which belong
// to the process and would be released by closing any other descriptor of the file.
var heldLocks struct {
	sync.Mutex
	files []fs.FileInfo
}

type osLock struct {
	file *os.File
	info fs.FileInfo
	once sync.Once
	err  error
}

func (o *osFS) Lock(name string) (io.Closer, error) {
	if err := checkEntry("lock", name); err != nil {
		return nil, err
	}
	heldLocks.Lock()
	defer heldLocks.Unlock()
	if _, info, err := o.lookup("lock", name); err == nil && isHeld(info) {
		return nil, &LockedError{Name: name, PID: os.Getpid()}
	}
	f, err := o.open(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	l, err := takeLock(f, name)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	heldLocks.files = append(heldLocks.files, l.info)
	return l, nil
}

func isHeld(info fs.FileInfo) bool {
	return slices.ContainsFunc(heldLocks.files, func(held fs.FileInfo) bool { return os.SameFile(held, info) })
}

func takeLock(f *os.File, name string) (*osLock, error) {
	locked, err := tryLock(f)
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	if !locked {
		return nil, &LockedError{Name: name, PID: readPID(f)}
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := writePID(f); err != nil {
		return nil, err
	}
	return &osLock{file: f, info: info}, nil
}

// Close releases the lock by closing the file; the process id stays, and means nothing without the lock.
func (l *osLock) Close() error {
	l.once.Do(func() {
		heldLocks.Lock()
		defer heldLocks.Unlock()
		heldLocks.files = slices.DeleteFunc(heldLocks.files, func(held fs.FileInfo) bool { return held == l.info })
		l.err = l.file.Close()
	})
	return l.err
}

// writePID leaves the file as it is when the disk is full: the id only informs, and a full disk must not keep a
// directory from being opened.
func writePID(w io.WriterAt) error {
	_, err := w.WriteAt(fmt.Appendf(nil, "%-*d\n", pidLen-1, os.Getpid()), 0)
	if IsNoSpace(err) {
		return nil
	}
	return err
}

func readPID(r io.ReaderAt) int {
	var b [pidLen]byte
	n, err := r.ReadAt(b[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
