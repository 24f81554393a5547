package vfs

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
)

// Pool keeps at most a fixed number of files of an [FS] open, so that any number of partitions fits into the limit for
// descriptors. A [Handle] opens its file when it is first used, and again after the pool closed it to make room.
//
// What makes this safe and cheap:
//
//  1. A handle's file is open, opened, closed or replaced only under the write lock of that handle, and used only
//     under its read or write lock: an operation pins the file, and Close waits for it.
//  2. A warm operation takes the read lock of its own handle and nothing of the pool's.
//  3. Every open file has a place, and there are max of them. The place of a handle that is on the ring is the
//     handle's; whoever takes the handle off the ring owns the place from then on, and closes the file before using it.
//  4. Whoever waits for the lock of an open handle holds no lock but that of a cold one, and whoever holds the lock of
//     an open handle waits for no other handle: there is no deadlock.
//
// The victim is chosen by the clock algorithm: the hand passes over handles that were used since it last came by, and
// over those in use, unless all are; then it waits for one. The use for which a file was opened does not count, so that
// a sweep over many files does not push out those that are used again and again.
type Pool struct {
	fs  FS
	max int

	mu     sync.Mutex
	freed  sync.Cond // a place became free, the ring grew, or the pool was closed
	ring   []*Handle // the open handles, less those that somebody is about to close
	hand   int
	count  int // places taken
	closed bool
}

// NewPool returns a pool that keeps at most max files open, and at least one.
func NewPool(f FS, max int) *Pool {
	if max < 1 {
		max = 1
	}
	p := &Pool{fs: f, max: max}
	p.freed.L = &p.mu
	return p
}

// File returns a handle for a file without touching the file system. flag is as for [FS.OpenFile]; the first opening
// uses it as it is, and later ones without os.O_CREATE, os.O_EXCL and os.O_TRUNC. Two handles for one file are two
// open files.
func (p *Pool) File(name string, flag int) *Handle {
	return &Handle{pool: p, name: name, flag: flag, slot: offRing}
}

// Open is the number of files that are open now, or about to be.
func (p *Pool) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Close closes the open files, each after the operations on it, without syncing them. Later operations that need a
// file fail with an error matching [fs.ErrClosed]. It does not close the FS.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	open := slices.Clone(p.ring)
	p.freed.Broadcast()
	p.mu.Unlock()
	var errs []error
	for _, h := range open {
		errs = append(errs, h.shut())
	}
	return errors.Join(errs...)
}

// acquire gets a place for one more open file, by closing another one if need be.
func (p *Pool) acquire() error {
	p.mu.Lock()
	for !p.closed && p.count >= p.max && len(p.ring) == 0 {
		p.freed.Wait() // every place is with somebody who opens or closes a file
	}
	if p.closed {
		p.mu.Unlock()
		return fs.ErrClosed
	}
	if p.count < p.max {
		p.count++
		p.mu.Unlock()
		return nil
	}
	victim, locked := p.victim()
	p.mu.Unlock()
	if !locked {
		victim.mu.Lock()
	}
	victim.evict()
	victim.mu.Unlock()
	return nil
}

// victim takes a handle off the ring, if possible one that is idle and was not used for a while: that one is locked.
func (p *Pool) victim() (h *Handle, locked bool) {
	for range 2 * len(p.ring) {
		h = p.ring[p.hand]
		if !h.used.Swap(false) && h.mu.TryLock() {
			p.unlink(h)
			return h, true
		}
		p.hand = (p.hand + 1) % len(p.ring)
	}
	h = p.ring[p.hand]
	p.unlink(h)
	return h, false
}

// unlink takes a handle off the ring; the last one moves to its slot.
func (p *Pool) unlink(h *Handle) {
	last := len(p.ring) - 1
	moved := p.ring[last]
	p.ring[h.slot], moved.slot = moved, h.slot
	p.ring[last] = nil
	p.ring = p.ring[:last]
	h.slot = offRing
	if p.hand >= last {
		p.hand = 0
	}
}

// link puts a handle that was opened on the ring. It fails if the pool was closed meanwhile.
func (p *Pool) link(h *Handle) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fs.ErrClosed
	}
	p.insert(h)
	p.freed.Signal()
	return nil
}

// insert puts a handle just behind the hand, so that it is the last to be looked at. Right after an eviction that is
// where the victim was.
func (p *Pool) insert(h *Handle) {
	at, last := p.hand, len(p.ring)
	p.ring = append(p.ring, h)
	p.ring[at], p.ring[last] = p.ring[last], p.ring[at]
	p.ring[last].slot = last
	h.slot = at
	p.hand = (at + 1) % len(p.ring)
}

// release gives the place of a handle back whose file was closed, unless somebody took the handle off the ring to
// have that place.
func (p *Pool) release(h *Handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.slot != offRing {
		p.unlink(h)
		p.free()
	}
}

// free is called with p.mu held.
func (p *Pool) free() {
	p.count--
	p.freed.Signal()
}

// abandon gives a place back that was acquired for a file that did not open.
func (p *Pool) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free()
}
