package vfs

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"
)

// memDir keeps current entries, those that a power loss cannot take, and the changes that lead from the one to the
// other, in order. All is guarded by Mem.mu.
type memDir struct {
	entries map[string]memEntry
	durable map[string]memEntry
	pending []memChange
}

// memEntry is what a name refers to, and the number of the change that made it so.
type memEntry struct {
	node   *memNode
	change uint64
}

// memChange sets or removes (node is nil) one name. The two changes of a rename carry the same number, and the
// directory that receives the file.
type memChange struct {
	number uint64
	name   string
	node   *memNode
	to     *memNode
}

func newMemDir() *memDir {
	return &memDir{entries: map[string]memEntry{}, durable: map[string]memEntry{}}
}

func (d *memDir) sync() {
	for _, c := range d.pending {
		c.apply(d.durable)
	}
	d.pending = nil
}

func (c memChange) apply(entries map[string]memEntry) {
	if c.node == nil {
		delete(entries, c.name)
		return
	}
	entries[c.name] = memEntry{c.node, c.number}
}

func (m *Mem) nextChange() uint64 {
	m.changes++
	return m.changes
}

// set changes one entry of a directory: all changes of the tree come through here.
func (m *Mem) set(d *memDir, name string, n *memNode, number uint64, to *memNode) {
	if old := d.entries[name].node; old != nil && old.file != nil {
		old.file.links--
		old.file.releaseUnused(m)
	}
	if n != nil && n.file != nil {
		n.file.links++
	}
	c := memChange{number, name, n, to}
	c.apply(d.entries)
	if m.volatile {
		return
	}
	d.pending = append(d.pending, c)
}

// lookup finds what a name refers to.
func (m *Mem) lookup(op, name string) (*memNode, error) {
	if err := checkName(op, name); err != nil {
		return nil, err
	}
	n := m.root
	for base := range strings.SplitSeq(name, "/") {
		if n.dir == nil {
			return nil, pathError(op, name, ErrNotDirectory)
		}
		if base == "." {
			break
		}
		if n = n.dir.entries[base].node; n == nil {
			return nil, pathError(op, name, syscall.ENOENT)
		}
	}
	return n, nil
}

func (m *Mem) directory(op, name string) (*memNode, error) {
	n, err := m.lookup(op, name)
	if err == nil && n.dir == nil {
		return nil, pathError(op, name, ErrNotDirectory)
	}
	return n, err
}

// parent finds the directory in which the last element of a name is, or would be; it is "." for the root.
func (m *Mem) parent(op, name string) (*memNode, string, error) {
	if err := checkName(op, name); err != nil {
		return nil, "", err
	}
	n, err := m.directory(op, path.Dir(name))
	return n, path.Base(name), err
}

// entry finds something that exists and is not the root, with its directory.
func (m *Mem) entry(op, name string) (parent *memNode, base string, n *memNode, err error) {
	if err := checkEntry(op, name); err != nil {
		return nil, "", nil, err
	}
	parent, base, err = m.parent(op, name)
	if err != nil {
		return nil, "", nil, err
	}
	if n = parent.dir.entries[base].node; n == nil {
		return nil, "", nil, pathError(op, name, syscall.ENOENT)
	}
	return parent, base, n, nil
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

type memInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (n *memNode) info(base string) fs.FileInfo {
	if n.dir != nil {
		return memInfo{base, 0, fs.ModeDir | dirMode}
	}
	return memInfo{base, n.file.length(), fileMode}
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }
