package index

import "sync/atomic"

// cacheSlots bounds the blocks that are kept in memory, whatever the number of indexes: 2.5 MiB, which is the offset
// index of a gigabyte of log.
const cacheSlots = 4096

// block is a block of a table and the entry after it.
type block struct {
	table  uint64 // table.id
	number int
	length int // bytes; less than usual at the end of the file
}

// cached is a block that a lookup has read. It does not change.
type cached struct {
	block
	entries []byte
}

// cache keeps blocks that were read lately, for all indexes together: a lookup that finds its block needs no read. A slot
// is replaced as a whole. Blocks next to one another have slots next to one another, so that an index does not push out its
// own.
var cache [cacheSlots]atomic.Pointer[cached]

// tables numbers what the cache holds blocks of. A table whose entries are replaced gets another number.
var tables atomic.Uint64

func (b block) slot() *atomic.Pointer[cached] {
	const spread = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio
	return &cache[(b.table*spread>>32+uint64(b.number))%cacheSlots]
}

// block returns the entries of a block, and maybe some after them.
func (t *table) block(b block) ([]byte, error) {
	slot := b.slot()
	if c := slot.Load(); c != nil && c.table == b.table && c.number == b.number && c.length >= b.length {
		return c.entries, nil
	}
	entries := make([]byte, b.length)
	if err := readFull(t.f, entries, int64(b.number)*blockEntries*int64(t.width)); err != nil {
		return nil, err
	}
	slot.Store(&cached{b, entries})
	return entries, nil
}
