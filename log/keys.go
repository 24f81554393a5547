package log

import "hash/maphash"

// mostKeys is how many different keys one pass of a compaction knows: 24 MiB. A log with more is compacted in several
// passes.
const mostKeys = 3 << 18

// keyMap holds the newest offset of each key, as Apache Kafka's cleaner does: not the keys but 128 bits of hash, so that
// memory is bounded by the number of keys alone. Two keys with one hash would be taken for one another; the seeds are
// random, so that nobody can choose such keys, and at 2^20 keys chance brings it about once in 2^89 passes.
type keyMap struct {
	seeds [2]maphash.Seed
	slots []keySlot // open addressing; their number is a power of two, at most three quarters of them taken
	n     int
}

type keySlot struct {
	hash [2]uint64
	next int64 // offset + 1; 0 is a free slot
}

const firstKeySlots = 1 << 10

func newKeyMap() *keyMap {
	return &keyMap{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, slots: make([]keySlot, firstKeySlots)}
}

func (m *keyMap) hash(key []byte) [2]uint64 {
	return [2]uint64{maphash.Bytes(m.seeds[0], key), maphash.Bytes(m.seeds[1], key)}
}

// find returns the slot of a hash, or the free one where it belongs.
func (m *keyMap) find(hash [2]uint64) *keySlot {
	mask := uint64(len(m.slots) - 1)
	for i := hash[0] & mask; ; i = (i + 1) & mask {
		if s := &m.slots[i]; s.next == 0 || s.hash == hash {
			return s
		}
	}
}

// put remembers an offset of a key. Offsets rise from call to call.
func (m *keyMap) put(key []byte, offset int64) {
	if 4*(m.n+1) > 3*len(m.slots) {
		m.grow()
	}
	hash := m.hash(key)
	s := m.find(hash)
	if s.next == 0 {
		s.hash = hash
		m.n++
	}
	s.next = offset + 1
}

func (m *keyMap) grow() {
	old := m.slots
	m.slots = make([]keySlot, 2*len(old))
	for _, s := range old {
		if s.next > 0 {
			*m.find(s.hash) = s
		}
	}
}

// superseded reports whether the key occurs at a higher offset.
func (m *keyMap) superseded(key []byte, offset int64) bool {
	return m.n > 0 && m.find(m.hash(key)).next > offset+1
}
