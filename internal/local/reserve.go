package local

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// reserve is room on the disk that is given up when it is full, so that deleting, which has to write a little first,
// still works.
type reserve struct {
	fs   vfs.FS
	size int64
	mu   sync.Mutex
	have bool
	// spent is set while the room that was given up is not taken again: then what is free belongs to those who delete.
	spent atomic.Bool
}

// restore takes the room, if it is not taken.
func (r *reserve) restore() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.have || r.size == 0 {
		return nil
	}
	f, err := r.fs.OpenFile(reserveName, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	defer f.Close()
	have, err := f.Size()
	if err == nil && have < r.size {
		_, err = f.WriteAt(make([]byte, r.size), 0)
	}
	if err != nil {
		_ = r.fs.Remove(reserveName)
		return err
	}
	r.have = true
	r.spent.Store(false)
	return nil
}

// check refuses records while the room is given up and cannot be taken again.
func (r *reserve) check() error {
	if !r.spent.Load() {
		return nil
	}
	return ioError(r.restore(), "taking room for a full disk")
}

// release gives the room up. It reports whether there was any.
func (r *reserve) release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.have {
		return false
	}
	r.have = false
	r.spent.Store(true)
	return r.fs.Remove(reserveName) == nil
}
