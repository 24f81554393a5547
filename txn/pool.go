package txn

import (
	"math"
	"slices"
)

// lastEpoch is the last that a transaction may have: its markers carry the next one.
const lastEpoch = math.MaxInt16 - 1

// mostReserved bounds by how many ids the pool grows at once.
const mostReserved = 64

// noID is that of a transaction which has written nothing.
var noID = ID{Producer: -1}

// take returns an id that no other transaction has.
func (c *Coordinator) take() (ID, error) {
	if id, ok := c.pop(); ok {
		return id, nil
	}
	c.reserving.Lock()
	defer c.reserving.Unlock()
	if id, ok := c.pop(); ok {
		return id, nil
	}
	c.mu.Lock()
	pool := slices.Clone(c.pool)
	c.mu.Unlock()
	ids, err := c.store.Reserve(pool, min(max(len(pool), 1), mostReserved))
	if err != nil {
		return noID, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pool = append(c.pool, ids...)
	for _, id := range ids[1:] {
		c.free = append(c.free, ID{Producer: id})
	}
	return ID{Producer: ids[0]}, nil
}

// pop takes the id that was given back last, so that few are in use.
func (c *Coordinator) pop() (ID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.free)
	if n == 0 {
		return noID, false
	}
	id := c.free[n-1]
	c.free = c.free[:n-1]
	return id, true
}

// giveBack returns an id to the pool. The caller holds mu.
func (c *Coordinator) giveBack(id ID) {
	if id.Epoch >= 0 && id.Epoch <= lastEpoch {
		c.free = append(c.free, id)
		return
	}
	c.pool = slices.DeleteFunc(c.pool, func(p int64) bool { return p == id.Producer })
}

// next is the id of the transaction after this one.
func (id ID) next() ID { return ID{id.Producer, id.Epoch + 1} }
