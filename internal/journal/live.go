package journal

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	"sync"
)

// live is the decoded state. Values are never written to once they are in it, so readers may keep them.
type live struct {
	mu     sync.RWMutex
	values map[string][]byte
	keys   []string // sorted, if sorted is set: made when they are needed, kept while no key comes or goes
	sorted bool
	bytes  int64 // what a snapshot takes, about
}

func newLive() *live { return &live{values: map[string][]byte{}} }

// apply carries operations out. It keeps the values. The caller holds mu, if there are readers.
func (l *live) apply(cs []Change) {
	for _, c := range cs {
		old, ok := l.values[c.Key]
		if ok {
			l.bytes -= int64(Change{c.Key, old}.size())
		}
		if c.Value == nil {
			delete(l.values, c.Key)
			l.sorted = l.sorted && !ok
			continue
		}
		l.values[c.Key] = c.Value
		l.bytes += int64(c.size())
		l.sorted = l.sorted && ok
	}
}

func (l *live) get(key string) ([]byte, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	v, ok := l.values[key]
	return v, ok
}

// size is about what a snapshot takes, in bytes.
func (l *live) size() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.bytes + headerSize
}

// prefixed is a copy of what the keys with a prefix hold, in their order.
func (l *live) prefixed(prefix string) []Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.sorted {
		l.keys = l.keys[:0]
		for k := range l.values {
			l.keys = append(l.keys, k)
		}
		slices.Sort(l.keys)
		l.sorted = true
	}
	from, _ := slices.BinarySearch(l.keys, prefix)
	var found []Change
	for _, k := range l.keys[from:] {
		if !strings.HasPrefix(k, prefix) {
			break
		}
		found = append(found, Change{k, l.values[k]})
	}
	return found
}

// Get returns the value of a key. The slice must not be written to; it stays valid.
func (j *Journal) Get(key string) ([]byte, bool) { return j.live.get(key) }

// Scan yields the keys with a prefix, and their values, in the order of the keys, as they are when the loop begins. The
// slices must not be written to; they stay valid. The loop may commit.
func (j *Journal) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, c := range j.live.prefixed(prefix) {
			if !yield(c.Key, c.Value) {
				return
			}
		}
	}
}

// copied returns changes whose values are the journal's own.
func copied(dst, cs []Change) []Change {
	for _, c := range cs {
		dst = append(dst, Change{c.Key, bytes.Clone(c.Value)})
	}
	return dst
}
