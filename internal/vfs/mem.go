package vfs

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Mem is a file system in memory that behaves as a POSIX one does, and remembers what of it is durable: every file has
// its contents and, of each 4 KiB block changed since the last [File.Sync], the contents that a power loss would fall
// back to; every directory has its entries and the changes since the last [FS.SyncDir]. [Mem.CrashClone] and
// [Mem.KillClone] make from that what the next process would find.
//
// Files are sparse: only blocks that were written take memory. Modification times are zero, and links do not exist.
// It may be used concurrently.
type Mem struct {
	// instant is held for reading while a file's contents change, and for writing while they are cloned, so that a
	// clone shows all files at one instant. Taken before mu.
	instant  sync.RWMutex
	mu       sync.RWMutex // the tree: entries, changes, links, opens and locks
	root     *memNode
	changes  uint64 // number of the last change of an entry
	locks    map[*memFile]bool
	volatile bool
	capacity atomic.Int64
	used     atomic.Int64
}

// memNode is a directory or a file: exactly one of the two is set.
type memNode struct {
	dir  *memDir
	file *memFile
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{root: &memNode{dir: newMemDir()}, locks: map[*memFile]bool{}}
}

// NewVolatile returns an empty file system for use as a store rather than to test with: it counts every change as
// durable at once, and so keeps nothing of what was overwritten or removed. Its CrashClone is its KillClone.
func NewVolatile() *Mem {
	m := NewMem()
	m.volatile = true
	return m
}

// SetCapacity limits the bytes that all files together may occupy, in whole 4 KiB blocks; 0 is no limit. What does not
// fit fails with an error that matches ENOSPC, after a write of the part that does fit. Directories, and growth by
// [File.Truncate], count nothing: as with the delayed allocation of real file systems, the block is missed only when
// it is written. The blocks of a removed file are free again when its last open File is closed.
func (m *Mem) SetCapacity(bytes int64) { m.capacity.Store(bytes) }

// Used is the number of bytes that all files occupy, in whole blocks.
func (m *Mem) Used() int64 { return m.used.Load() }

// reserve takes room for one block.
func (m *Mem) reserve() bool {
	used, limit := m.used.Add(blockSize), m.capacity.Load()
	if limit > 0 && used > limit {
		m.used.Add(-blockSize)
		return false
	}
	return true
}

// OpenFile implements [FS].
func (m *Mem) OpenFile(name string, flag int) (File, error) {
	if err := checkOpen(name, flag); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.file("open", name, flag)
	if err != nil {
		return nil, err
	}
	f.opens++
	h := &memHandle{mem: m, file: f, name: name, writable: flag&os.O_RDWR != 0}
	if flag&os.O_TRUNC != 0 {
		f.truncate(m, 0)
	}
	return h, nil
}

// file finds or creates a file.
func (m *Mem) file(op, name string, flag int) (*memFile, error) {
	parent, base, err := m.parent(op, name)
	if err != nil {
		return nil, err
	}
	n := parent
	if base != "." {
		n = parent.dir.entries[base].node
	}
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, pathError(op, name, syscall.ENOENT)
	case n == nil:
		n = &memNode{file: newMemFile()}
		m.set(parent.dir, base, n, m.nextChange(), nil)
	case n.dir != nil:
		return nil, pathError(op, name, ErrNotRegular)
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, pathError(op, name, syscall.EEXIST)
	}
	return n.file, nil
}

// Mkdir implements [FS].
func (m *Mem) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, base, err := m.parent("mkdir", name)
	if err != nil {
		return err
	}
	if base == "." || parent.dir.entries[base].node != nil {
		return pathError("mkdir", name, syscall.EEXIST)
	}
	m.set(parent.dir, base, &memNode{dir: newMemDir()}, m.nextChange(), nil)
	return nil
}

// Remove implements [FS].
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, base, n, err := m.entry("remove", name)
	if err != nil {
		return err
	}
	if n.dir != nil && len(n.dir.entries) > 0 {
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.set(parent.dir, base, nil, m.nextChange(), nil)
	return nil
}

// RemoveAll implements [FS].
func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, base, n, err := m.entry("removeall", name)
	if isNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	m.empty(n)
	m.set(parent.dir, base, nil, m.nextChange(), nil)
	return nil
}

// empty removes what a directory holds, from the leaves up, each with a change of its own.
func (m *Mem) empty(n *memNode) {
	if n.dir == nil {
		return
	}
	for _, name := range sortedKeys(n.dir.entries) {
		m.empty(n.dir.entries[name].node)
		m.set(n.dir, name, nil, m.nextChange(), nil)
	}
}

// Rename implements [FS].
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, oldBase, n, err := m.entry("rename", oldName)
	if err != nil {
		return err
	}
	if err := checkEntry("rename", newName); err != nil {
		return err
	}
	to, newBase, err := m.parent("rename", newName)
	if err != nil {
		return err
	}
	replaced := to.dir.entries[newBase].node
	switch {
	case replaced == n:
		return nil
	case replaced != nil && replaced.dir != nil:
		return pathError("rename", newName, syscall.EEXIST)
	case strings.HasPrefix(newName, oldName+"/"):
		return pathError("rename", newName, syscall.EINVAL)
	case replaced != nil && n.dir != nil:
		return pathError("rename", newName, ErrNotDirectory)
	}
	change := m.nextChange()
	m.set(to.dir, newBase, n, change, to) // first, so that the file never has no name
	m.set(from.dir, oldBase, nil, change, to)
	return nil
}

// ReadDir implements [FS].
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.directory("readdir", name)
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, 0, len(n.dir.entries))
	for _, base := range sortedKeys(n.dir.entries) {
		list = append(list, fs.FileInfoToDirEntry(n.dir.entries[base].node.info(base)))
	}
	return list, nil
}

// Stat implements [FS].
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(path.Base(name)), nil
}

// SyncDir implements [FS].
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.directory("syncdir", name)
	if err != nil {
		return err
	}
	n.dir.sync()
	return nil
}

// Close implements [FS]; there is nothing to release.
func (m *Mem) Close() error { return nil }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
