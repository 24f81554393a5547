package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// CrashClone is what may be left after a power loss now: a new file system that shares nothing with m, holds no locks
// and is durable throughout. The same state and seed give the same clone. What was synced is always there. Of the rest:
//
//   - each 4 KiB block of a file survives or not on its own, or is torn: each of its 512-byte sectors is old or new;
//   - the length of a file is the old one, the new one or any between; what is missing reads as zeros;
//   - each change of a directory entry (creation, removal, rename) survives or not on its own, also one after which
//     an earlier one is missing. A rename survives as a whole or not at all: it never leaves two names, and leaves
//     none only if the directory that lost the file was synced without the one that received it.
//
// One clone in eight loses every unsynced change of an entry, and one in eight loses none; the same holds of each
// file's contents.
func (m *Mem) CrashClone(seed uint64) *Mem {
	if m.volatile {
		return m.KillClone()
	}
	m.instant.Lock()
	defer m.instant.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 0))
	clone := NewMem()
	clone.capacity.Store(m.capacity.Load())
	clone.plant(clone.root, m.root, m.crashEntries(rng), rng)
	return clone
}

// memTree is one possible state of the directories.
type memTree map[*memNode]map[string]memEntry

// plant fills an empty directory with copies of what is in another one.
func (m *Mem) plant(into, from *memNode, tree memTree, rng *rand.Rand) {
	for _, name := range sortedKeys(tree[from]) {
		n := tree[from][name].node
		var c *memNode
		if n.dir != nil {
			c = &memNode{dir: newMemDir()}
			m.plant(c, n, tree, rng)
		} else {
			c = &memNode{file: n.file.crash(rng)}
			m.used.Add(blockSize * int64(len(c.file.blocks)))
		}
		into.dir.entries[name] = memEntry{node: c}
		into.dir.durable[name] = memEntry{node: c}
	}
}

// survival draws whether something survives: all of it, nothing of it, or each piece on its own.
func survival(rng *rand.Rand) func() bool {
	switch rng.IntN(8) {
	case 0:
		return func() bool { return false }
	case 1:
		return func() bool { return true }
	default:
		return func() bool { return rng.IntN(2) == 0 }
	}
}

// crashEntries draws the changes of entries that survive, and returns the tree that they make.
func (m *Mem) crashEntries(rng *rand.Rand) memTree {
	dirs := m.directories()
	numbers := map[uint64]bool{}
	for _, n := range dirs {
		for _, c := range n.dir.pending {
			numbers[c.number] = true
		}
	}
	survives := survival(rng)
	for _, number := range slices.Sorted(maps.Keys(numbers)) {
		numbers[number] = survives()
	}
	for {
		tree := resolve(dirs, numbers)
		reached := tree.reached(m.root)
		if !undoUnreachable(dirs, numbers, reached) {
			tree.dropOldNames(reached)
			return tree
		}
	}
}

// directories lists every directory that the current or any possible tree holds.
func (m *Mem) directories() []*memNode {
	seen := map[*memNode]bool{}
	var list []*memNode
	var visit func(n *memNode)
	visit = func(n *memNode) {
		if n == nil || n.dir == nil || seen[n] {
			return
		}
		seen[n] = true
		list = append(list, n)
		for _, e := range n.dir.durable {
			visit(e.node)
		}
		for _, c := range n.dir.pending {
			visit(c.node)
		}
	}
	visit(m.root)
	return list
}

func resolve(dirs []*memNode, survives map[uint64]bool) memTree {
	tree := memTree{}
	for _, n := range dirs {
		entries := maps.Clone(n.dir.durable)
		for _, c := range n.dir.pending {
			if survives[c.number] {
				c.apply(entries)
			}
		}
		tree[n] = entries
	}
	return tree
}

// reached is the set of directories below root.
func (t memTree) reached(root *memNode) map[*memNode]bool {
	seen := map[*memNode]bool{}
	var visit func(n *memNode)
	visit = func(n *memNode) {
		if n.dir == nil || seen[n] {
			return
		}
		seen[n] = true
		for _, e := range t[n] {
			visit(e.node)
		}
	}
	visit(root)
	return seen
}

// undoUnreachable takes back the renames into directories that are not there, and reports whether there were any.
func undoUnreachable(dirs []*memNode, survives map[uint64]bool, reached map[*memNode]bool) bool {
	undone := false
	for _, n := range dirs {
		for _, c := range n.dir.pending {
			if c.to != nil && survives[c.number] && !reached[c.to] {
				survives[c.number] = false
				undone = true
			}
		}
	}
	return undone
}

// dropOldNames leaves to each node only its newest name: it has several where a rename was durable in, or survived
// for, its target but not its source.
func (t memTree) dropOldNames(reached map[*memNode]bool) {
	newest := map[*memNode]uint64{}
	for n := range reached {
		for _, e := range t[n] {
			newest[e.node] = max(newest[e.node], e.change)
		}
	}
	for n := range reached {
		maps.DeleteFunc(t[n], func(_ string, e memEntry) bool { return e.change < newest[e.node] })
	}
}

// crash is what may be left of a file.
func (f *memFile) crash(rng *rand.Rand) *memFile {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c := newMemFile()
	c.links = 1
	for number, b := range f.blocks {
		c.blocks[number] = b.clone()
	}
	survives := survival(rng)
	for _, number := range slices.Sorted(maps.Keys(f.unsynced)) {
		u := f.unsynced[number]
		if b := crashBlock(u.durable, f.blocks[number], survives, rng); b == nil {
			delete(c.blocks, number)
		} else {
			c.blocks[number] = b
		}
	}
	c.size = crashLength(f.durableSize, f.size, survives, rng)
	c.durableSize = c.size
	c.trim()
	return c
}

// crashBlock draws the old block, the new one, or a mixture of their sectors; nil is all zeros.
func crashBlock(was, is *memBlock, survives func() bool, rng *rand.Rand) *memBlock {
	whole := survives()
	if rng.IntN(2) == 0 {
		if whole {
			return is.clone()
		}
		return was.clone()
	}
	b, other := was.clone(), is
	if b == nil {
		b = new(memBlock)
	}
	if other == nil {
		other = new(memBlock)
	}
	for at := 0; at < blockSize; at += sectorSize {
		if survives() {
			copy(b[at:at+sectorSize], other[at:])
		}
	}
	return b
}

func crashLength(was, is int64, survives func() bool, rng *rand.Rand) int64 {
	first, second := survives(), survives()
	switch {
	case was == is || first && second:
		return is
	case !first && !second:
		return was
	default:
		return min(was, is) + rng.Int64N(max(was, is)-min(was, is)+1)
	}
}

// trim removes what is behind the length of a file that is not in use.
func (f *memFile) trim() {
	maps.DeleteFunc(f.blocks, func(number int64, _ *memBlock) bool { return number*blockSize >= f.size })
	if b := f.blocks[f.size/blockSize]; b != nil {
		clear(b[f.size%blockSize:])
	}
}
