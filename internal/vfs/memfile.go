package vfs

import (
	"io"
	"maps"
	"sync"
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

// cut clears the rest of the block that size lies in, and removes the blocks behind it.
func (f *memFile) cut(m *Mem, size int64) {
	first, at := size/blockSize, size%blockSize
	if at > 0 {
		if b := f.blocks[first]; b != nil {
			f.willChange(m, first)
			clear(b[at:])
		}
		first++
	}
	maps.DeleteFunc(f.blocks, func(number int64, _ *memBlock) bool {
		if number < first {
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
