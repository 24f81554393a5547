package vfs

import (
	"io"
	"os"
)

// Lock implements [FS]. The lock holds within this Mem; its clones start without locks.
func (m *Mem) Lock(name string) (io.Closer, error) {
	if err := checkEntry("lock", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.file("lock", name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	h := &memHandle{mem: m, file: f, name: name, writable: true}
	if m.locks[f] {
		return nil, &LockedError{Name: name, PID: readPID(h)}
	}
	if err := writePID(h); err != nil {
		return nil, err
	}
	m.locks[f] = true
	f.opens++
	return &memLock{h}, nil
}

type memLock struct{ handle *memHandle }

func (l *memLock) Close() error {
	l.handle.mem.mu.Lock()
	defer l.handle.mem.mu.Unlock()
	if !l.handle.closed.Swap(true) {
		delete(l.handle.mem.locks, l.handle.file)
		l.handle.file.closed(l.handle.mem)
	}
	return nil
}
