package vfs

import (
	"io"
	"io/fs"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	blockSize  = 4096
	sectorSize = 512
)

type memBlock [blockSize]byte

// memFile is the contents of a file. The bytes of its blocks at and after size are zero.
type memFile struct {
	mu          sync.RWMutex
	size        int64
	blocks      map[int64]*memBlock // by number; one that is missing reads as zeros
	durableSize int64
	unsynced    map[int64]memUnsynced // the blocks that were changed since the last Sync

	links, opens int // guarded by Mem.mu
}

// memUnsynced is what a power loss makes of a block that was changed: the durable contents (nil is zeros), perhaps.
// A block is lost when a sync of it failed: the system then takes it for clean, and no later sync writes it.
type memUnsynced struct {
	durable *memBlock
	lost    bool
}

func newMemFile() *memFile {
	return &memFile{blocks: map[int64]*memBlock{}, unsynced: map[int64]memUnsynced{}}
}

func (f *memFile) length() int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.size
}

// willChange keeps the durable contents of a block aside before its first change after a sync.
func (f *memFile) willChange(m *Mem, number int64) {
	if m.volatile {
		return
	}
	u, ok := f.unsynced[number]
	switch {
	case ok && u.lost:
		u.lost = false
		f.unsynced[number] = u
	case !ok:
		f.unsynced[number] = memUnsynced{durable: f.blocks[number].clone()}
	}
}

func (b *memBlock) clone() *memBlock {
	if b == nil {
		return nil
	}
	c := *b
	return &c
}

func (f *memFile) writeAt(m *Mem, p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	done := 0
	for done < len(p) {
		number, at := (off+int64(done))/blockSize, int((off+int64(done))%blockSize)
		b := f.blocks[number]
		if b == nil && !m.reserve() {
			return done, syscall.ENOSPC
		}
		f.willChange(m, number)
		if b == nil {
			b = new(memBlock)
			f.blocks[number] = b
		}
		done += copy(b[at:], p[done:])
		f.size = max(f.size, off+int64(done))
	}
	return done, nil
}

func (f *memFile) readAt(p []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if off >= f.size {
		return 0, io.EOF
	}
	want := int(min(int64(len(p)), f.size-off))
	for done := 0; done < want; {
		number, at := (off+int64(done))/blockSize, int((off+int64(done))%blockSize)
		n := min(want-done, blockSize-at)
		if b := f.blocks[number]; b != nil {
			copy(p[done:done+n], b[at:])
		} else {
			clear(p[done : done+n])
		}
		done += n
	}
	if want < len(p) {
		return want, io.EOF
	}
	return want, nil
}

func (f *memFile) truncate(m *Mem, size int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size < f.size {
		f.cut(m, size)
	}
	f.size = size
}

// cut removes the blocks behind size, and clears the rest of the block that size lies in.
func (f *memFile) cut(m *Mem, size int64) {
	last, at := size/blockSize, size%blockSize
	if b := f.blocks[last]; b != nil && at > 0 {
		f.willChange(m, last)
		clear(b[at:])
		last++
	} else if at > 0 {
		last++
	}
	maps.DeleteFunc(f.blocks, func(number int64, _ *memBlock) bool {
		if number < last {
			return false
		}
		f.willChange(m, number)
		m.used.Add(-blockSize)
		return true
	})
}

func (f *memFile) sync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.unsynced, func(_ int64, u memUnsynced) bool { return !u.lost })
	f.durableSize = f.size
}

// failSync is a sync that fails: what it should have written is lost to every later one, unless it is written again.
func (f *memFile) failSync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, u := range f.unsynced {
		f.unsynced[number] = memUnsynced{u.durable, true}
	}
}

// closed is called with Mem.mu held when a handle is gone.
func (f *memFile) closed(m *Mem) {
	f.opens--
	f.releaseUnused(m)
}

// releaseUnused gives the room of a file back that has neither a name nor an open handle. The contents stay for the
// changes that still refer to it: a power loss may undo the removal.
func (f *memFile) releaseUnused(m *Mem) {
	if f.links == 0 && f.opens == 0 {
		m.used.Add(-blockSize * int64(len(f.blocks)))
	}
}

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
	h.file.truncate(h.mem, size)
	return nil
}

func (h *memHandle) Sync() error {
	if err := h.check("sync", 0, 0); err != nil {
		return err
	}
	h.file.sync()
	return nil
}

func (h *memHandle) failSync() { h.file.failSync() }

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
