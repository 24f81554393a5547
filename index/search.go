package index

import (
	"encoding/binary"
	"fmt"
)

// pair is an entry of an index that maps a rising key to a value.
type pair struct {
	key, value int64
	ok         bool
}

func (t *table) decode(e []byte) pair {
	if t.width == offsetWidth {
		return pair{int64(binary.BigEndian.Uint32(e)), int64(binary.BigEndian.Uint32(e[4:])), true}
	}
	return pair{int64(binary.BigEndian.Uint64(e)), int64(binary.BigEndian.Uint32(e[8:])), true}
}

// search finds the last entry whose key is at most key, and the entry after it.
func (t *table) search(key int64) (found, next pair, err error) {
	where, found, next, err := t.searchMemory(key)
	if err != nil || where.length == 0 {
		return found, next, err
	}
	entries, err := t.block(where)
	if err != nil {
		return pair{}, pair{}, err
	}
	i := t.count(entries, key)
	if i == 0 {
		return pair{}, pair{}, fmt.Errorf("%w: block %d changed", ErrMismatch, where.number)
	}
	if after := t.at(entries, i); after.ok {
		next = after
	}
	return t.at(entries, i-1), next, nil
}

// searchMemory looks into what is in memory. Unless its length is 0 the entry is to be found in the block; next is then
// what follows the file.
func (t *table) searchMemory(key int64) (where block, found, next pair, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return block{}, pair{}, pair{}, err
	}
	next = t.at(t.tail, 0)
	if i := t.count(t.tail, key); i > 0 {
		return block{}, t.at(t.tail, i-1), t.at(t.tail, i), nil
	}
	number := t.count(t.fence, key) - 1
	if number < 0 {
		if first := t.at(t.fence, 0); first.ok {
			next = first
		}
		return block{}, pair{}, next, nil
	}
	// One entry more than the block, so that the entry after the last one is at hand.
	length := min(blockEntries+1, t.written-number*blockEntries) * t.width
	return block{t.id, number, length}, pair{}, next, nil
}

// at decodes entry i of entries; ok is false when there is none.
func (t *table) at(entries []byte, i int) pair {
	if (i+1)*t.width > len(entries) {
		return pair{}
	}
	return t.decode(entries[i*t.width:])
}

// count is the number of entries whose key is at most key.
func (t *table) count(entries []byte, key int64) int {
	low, high := 0, len(entries)/t.width
	for low < high {
		if mid := (low + high) / 2; t.decode(entries[mid*t.width:]).key <= key {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
