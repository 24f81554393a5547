package txn

import "github.com/dot-do/kafka-embedded/internal/seeded"

// ending is a transaction that has ended, or will when its outcome is known, and whose markers are on their way.
type ending struct {
	id       ID
	commit   bool
	unknown  bool      // what the journal holds is to be found out
	decision *Decision // nil when it was aborted
	parts    []Partition
	marks    []mark // of the markers that are written
	release  ID     // to be given back; noID is none
}

// mark is the offset after a marker.
type mark struct {
	Partition
	next int64
}

// decided is a decision that is kept until its markers are durable.
type decided struct {
	id    ID
	marks []mark
}

// finish writes the markers. Where that fails, Settle tries again.
func (c *Coordinator) finish(e *ending) {
	if !c.mark(e) {
		c.add(e)
		return
	}
	c.done(e)
}

// mark writes the markers that are missing. It reports whether none is any more.
func (c *Coordinator) mark(e *ending) bool {
	var missing []Partition
	now := c.clock.Now().UnixMilli()
	marker := e.id.marker(e.commit, now)
	for _, p := range e.parts {
		if e.commit && seeded.On(seeded.LostMarker) {
			continue
		}
		a, err := p.Append(marker, now)
		switch {
		case err == nil:
			e.marks = append(e.marks, mark{p, a.Next})
		case !p.Deleted():
			missing = append(missing, p)
			c.logger.Warn("a transaction's marker could not be written; readers of committed records wait for it",
				"producer", e.id.Producer, "epoch", e.id.Epoch, "commit", e.commit, "err", err)
		}
	}
	e.parts = missing
	return len(missing) == 0
}

// done gives the id back, and keeps a decision until its markers are durable.
func (c *Coordinator) done(e *ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.decision != nil {
		c.decided = append(c.decided, decided{e.id, e.marks})
	}
	if e.release != noID {
		c.giveBack(e.release)
	}
}

func (c *Coordinator) add(e *ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings = append(c.endings, e)
}

// Settle tries again what could not be finished: to find out what the journal holds, and to write markers. It is to be
// called now and then.
func (c *Coordinator) Settle() {
	c.settling.Lock()
	defer c.settling.Unlock()
	c.mu.Lock()
	endings := c.endings
	c.mu.Unlock()
	settled := map[*ending]bool{}
	for _, e := range endings {
		settled[e] = c.settle(e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.endings[:0:0]
	for _, e := range c.endings {
		if !settled[e] {
			rest = append(rest, e)
		}
	}
	c.endings = rest
}

// settle finishes a transaction, and reports whether it could.
func (c *Coordinator) settle(e *ending) bool {
	if e.unknown {
		stored, err := c.store.Find(e.decision)
		if err != nil {
			return false
		}
		c.mu.Lock()
		e.unknown, e.commit = false, stored
		if !stored {
			e.decision = nil
		}
		c.mu.Unlock()
	}
	if !c.mark(e) {
		return false
	}
	c.done(e)
	return true
}

// mostForgotten bounds the decisions that one commit looks at.
const mostForgotten = 8

// forgettable takes decisions whose markers are durable from the list. Each commit adds one and looks at several, so the
// list stays short. If the unit fails after all, the next opening drops them.
func (c *Coordinator) forgettable() []ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forget(min(mostForgotten, len(c.decided)))
}

// forget looks at the first n decisions. Those whose markers are not durable go to the end. The caller holds mu.
func (c *Coordinator) forget(n int) (ids []ID) {
	for _, d := range c.decided[:n] {
		if d.durable() {
			ids = append(ids, d.id)
		} else {
			c.decided = append(c.decided, d)
		}
	}
	clear(c.decided[:n])
	c.decided = c.decided[n:]
	return ids
}

func (d decided) durable() bool {
	for _, m := range d.marks {
		if m.Durable() < m.next && !m.Deleted() {
			return false
		}
	}
	return true
}

// Forget drops all decisions whose markers are durable. Those whose markers are not, if sync is set, are made so first.
func (c *Coordinator) Forget(sync bool) error {
	c.mu.Lock()
	kept := append([]decided(nil), c.decided...)
	c.mu.Unlock()
	if sync {
		for _, d := range kept {
			for _, m := range d.marks {
				_ = m.Sync(m.next) // the decision stays
			}
		}
	}
	c.mu.Lock()
	ids := c.forget(len(c.decided))
	c.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	return c.store.Forget(ids)
}
