package vfs

import (
	"io/fs"
	"math"
	"sync/atomic"
	"syscall"
)

// memHandle is an open memFile.
type memHandle struct {
	mem      *Mem
	file     *memFile
	name     string
	writable bool
	closed   atomic.Bool
}

func (h *memHandle) check(op string, off int64, n int) error {
	switch {
	case h.closed.Load():
		return pathError(op, h.name, fs.ErrClosed)
	case off < 0:
		return pathError(op, h.name, syscall.EINVAL)
	case off > math.MaxInt64-int64(n):
		return pathError(op, h.name, syscall.EFBIG)
	}
	return nil
}

func (h *memHandle) checkWrite(op string, off int64, n int) error {
	if err := h.check(op, off, n); err != nil {
		return err
	}
	if !h.writable {
		return pathError(op, h.name, syscall.EBADF)
	}
	return nil
}

func (h *memHandle) WriteAt(p []byte, off int64) (int, error) {
	if err := h.checkWrite("write", off, len(p)); err != nil {
		return 0, err
	}
	h.mem.instant.RLock()
	defer h.mem.instant.RUnlock()
	n, err := h.file.writeAt(h.mem, p, off)
	if err != nil {
		err = pathError("write", h.name, err)
	}
	return n, err
}

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	if err := h.check("read", off, 0); err != nil || len(p) == 0 {
		return 0, err
	}
	return h.file.readAt(p, off)
}

func (h *memHandle) Truncate(size int64) error {
	if err := h.checkWrite("truncate", size, 0); err != nil {
		return err
	}
	h.mem.instant.RLock()
	defer h.mem.instant.RUnlock()
	h.file.truncate(h.mem, size)
	return nil
}

func (h *memHandle) Sync() error {
	if err := h.check("sync", 0, 0); err != nil {
		return err
	}
	h.mem.instant.RLock()
	defer h.mem.instant.RUnlock()
	h.file.sync()
	return nil
}

func (h *memHandle) failSync() {
	h.mem.instant.RLock()
	defer h.mem.instant.RUnlock()
	h.file.failSync()
}

func (h *memHandle) Size() (int64, error) {
	if err := h.check("stat", 0, 0); err != nil {
		return 0, err
	}
	return h.file.length(), nil
}

func (h *memHandle) Close() error {
	if h.closed.Swap(true) {
		return pathError("close", h.name, fs.ErrClosed)
	}
	h.mem.mu.Lock()
	defer h.mem.mu.Unlock()
	h.file.closed(h.mem)
	return nil
}
