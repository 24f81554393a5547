package vfs

import "maps"

// KillClone is what is left after the process was killed now: a new file system with everything that was written,
// durable or not; a CrashClone of it may still lose what m had not synced. It shares nothing with m and holds no locks.
func (m *Mem) KillClone() *Mem {
	m.instant.Lock()
	defer m.instant.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := killCloner{}
	clone := NewMem()
	clone.root = c.node(m.root)
	clone.changes = m.changes
	clone.volatile = m.volatile
	clone.capacity.Store(m.capacity.Load())
	for _, n := range c {
		if n.file != nil && n.file.links > 0 {
			clone.used.Add(blockSize * int64(len(n.file.blocks)))
		}
	}
	return clone
}

// killCloner maps nodes to their copies: a node may be referred to from several places.
type killCloner map[*memNode]*memNode

func (c killCloner) node(n *memNode) *memNode {
	if n == nil {
		return nil
	}
	if done, ok := c[n]; ok {
		return done
	}
	copied := &memNode{}
	c[n] = copied
	if n.file != nil {
		copied.file = n.file.kill()
		return copied
	}
	d := newMemDir()
	copied.dir = d
	c.entries(d.entries, n.dir.entries)
	c.entries(d.durable, n.dir.durable)
	for _, ch := range n.dir.pending {
		d.pending = append(d.pending, memChange{ch.number, ch.name, c.node(ch.node), c.node(ch.to)})
	}
	return copied
}

func (c killCloner) entries(into, from map[string]memEntry) {
	for name, e := range from {
		into[name] = memEntry{c.node(e.node), e.change}
	}
}

func (f *memFile) kill() *memFile {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c := newMemFile()
	c.links, c.size, c.durableSize = f.links, f.size, f.durableSize
	for number, b := range f.blocks {
		c.blocks[number] = b.clone()
	}
	maps.Copy(c.unsynced, f.unsynced) // the durable blocks in it are never written to
	return c
}
