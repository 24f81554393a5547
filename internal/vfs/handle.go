package vfs

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/internal/seeded"
)

const offRing = -1

// Handle is a [File] of a [Pool]. Its methods may be called concurrently, Close and Rename included. As long as it is
// not closed, its name must refer to the same file: the pool may have to open it again.
//
// A file that was written to is synced before the pool closes it. If that fails, nobody is there to be told: every
// later operation on the handle returns the error. After a Sync that fails, WriteAt, Truncate and Sync return that
// error from then on, and reads go on. No sync is ever tried again.
type Handle struct {
	pool *Pool
	slot int // position on the ring of the pool; guarded by pool.mu

	mu     sync.RWMutex // see Pool
	file   File         // nil while cold
	name   string
	flag   int
	err    error // why the handle can no longer be used
	closed bool

	used    atomic.Bool // since the hand of the clock last came by
	dirty   atomic.Bool // written to since the last sync began
	syncErr atomic.Pointer[error]
}

// Name is the name under which the file is opened.
func (h *Handle) Name() string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.name
}

// WriteAt implements [File].
func (h *Handle) WriteAt(p []byte, off int64) (int, error) {
	if err := h.syncErr.Load(); err != nil {
		return 0, *err
	}
	f, cold, err := h.pin()
	if err != nil {
		return 0, err
	}
	n, err := f.WriteAt(p, off)
	h.wrote()
	h.unpin(cold)
	return n, err
}

// ReadAt implements [File].
func (h *Handle) ReadAt(p []byte, off int64) (int, error) {
	f, cold, err := h.pin()
	if err != nil {
		return 0, err
	}
	n, err := f.ReadAt(p, off)
	h.unpin(cold)
	return n, err
}

// Sync implements [File].
func (h *Handle) Sync() error {
	if err := h.syncErr.Load(); err != nil {
		return *err
	}
	f, cold, err := h.pin()
	if err != nil {
		return err
	}
	defer h.unpin(cold)
	return h.sync(f)
}

// sync clears the mark first: a write during the sync sets it again, and one before is covered by the sync.
func (h *Handle) sync(f File) error {
	h.dirty.Store(false)
	err := f.Sync()
	if err != nil && seeded.On(seeded.RetriedFsync) {
		err = f.Sync()
	}
	if err != nil {
		h.syncErr.CompareAndSwap(nil, &err)
	}
	return err
}

// Truncate implements [File].
func (h *Handle) Truncate(size int64) error {
	if err := h.syncErr.Load(); err != nil {
		return *err
	}
	f, cold, err := h.pin()
	if err != nil {
		return err
	}
	defer h.unpin(cold)
	defer h.wrote()
	return f.Truncate(size)
}

// Size implements [File].
func (h *Handle) Size() (int64, error) {
	f, cold, err := h.pin()
	if err != nil {
		return 0, err
	}
	defer h.unpin(cold)
	return f.Size()
}

// Rename moves the file, as [FS.Rename] does; no operation on the handle can run into the moment in between. The file
// need not be open, but it must exist.
func (h *Handle) Rename(newName string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.usable(); err != nil {
		return err
	}
	if err := h.pool.fs.Rename(h.name, newName); err != nil {
		return err
	}
	h.name = newName
	return nil
}

// SetName tells the handle that its file has another name now, for example because its directory was renamed.
// Operations that run between that and SetName may fail with an error matching [fs.ErrNotExist].
func (h *Handle) SetName(newName string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.name = newName
}

// Close waits for the operations that run, and closes the file without syncing it. A file that was never used is not
// even created. It returns the error that the handle could no longer be used for, if there is one.
func (h *Handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.usable(); err != nil {
		h.closed = true
		return err
	}
	h.closed = true
	return h.closeFile()
}

// shut closes the file, if it is open, for the pool.
func (h *Handle) shut() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closeFile()
}

func (h *Handle) closeFile() error {
	if h.file == nil {
		return nil
	}
	err := h.file.Close()
	h.file = nil
	h.pool.release(h)
	return err
}

// pin keeps the file open until unpin is called with the same value of cold.
func (h *Handle) pin() (f File, cold bool, err error) {
	h.mu.RLock()
	if h.file == nil {
		h.mu.RUnlock()
		return h.pinCold()
	}
	if !h.used.Load() {
		h.used.Store(true)
	}
	return h.file, false, nil
}

// pinCold opens the file and keeps the write lock for the one operation that follows: were it given up and taken for
// reading, the file could be evicted in between, over and over.
func (h *Handle) pinCold() (File, bool, error) {
	h.mu.Lock()
	err := h.usable()
	if err == nil && h.file == nil {
		err = h.open()
	}
	if err != nil {
		h.mu.Unlock()
		return nil, false, err
	}
	return h.file, true, nil
}

func (h *Handle) unpin(cold bool) {
	if cold {
		h.mu.Unlock()
	} else {
		h.mu.RUnlock()
	}
}

// wrote is called after a write and before unpin. Marking before the write would be too early: a sync that begins in
// between would take the mark away.
func (h *Handle) wrote() {
	if !h.dirty.Load() {
		h.dirty.Store(true)
	}
}

func (h *Handle) usable() error {
	if h.closed {
		return pathError("use", h.name, fs.ErrClosed)
	}
	return h.err
}

func (h *Handle) open() error {
	if err := h.pool.acquire(); err != nil {
		return pathError("open", h.name, err)
	}
	f, err := h.pool.fs.OpenFile(h.name, h.flag)
	if err != nil {
		h.pool.abandon()
		return err
	}
	h.flag &^= os.O_CREATE | os.O_EXCL | os.O_TRUNC
	if err := h.pool.link(h); err != nil {
		h.pool.abandon()
		return errors.Join(pathError("open", h.name, err), f.Close())
	}
	h.file = f
	return nil
}

// evict closes the file with h.mu held, for somebody who took the handle off the ring. The owner may have closed it.
func (h *Handle) evict() {
	if h.file == nil {
		return
	}
	var err error
	if h.dirty.Load() && h.syncErr.Load() == nil {
		err = h.sync(h.file)
	}
	h.err = errors.Join(err, h.file.Close())
	h.file = nil
}
