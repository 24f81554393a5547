package txn

import (
	"fmt"
	"slices"

	"github.com/dot-do/kafka-embedded/log"
)

// Recovery is what an opening found.
type Recovery struct {
	Pool      []int64 // producer ids as the Store has them
	Decisions []Decision
	Logs      []Log
	// Exists reports whether a partition that is not among Logs is only unusable, rather than deleted: then decisions
	// about it are kept.
	Exists func(PartitionID) bool
}

// Log is a partition and what it knows of producer ids.
type Log struct {
	Partition
	Producers []log.Producer
}

// Recover ends what a crash left open: transactions with a decision are committed, all others aborted. It comes before
// the first append, does nothing that is done already, and can be interrupted anywhere and done again. Where a marker
// cannot be written, because the partition is damaged or the disk is full, the transaction stays open there, and Settle
// tries again. It returns notes for the user.
func (c *Coordinator) Recover(found Recovery) (notes []string) {
	r := recovery{
		Recovery: found, c: c, parts: map[PartitionID]Partition{}, epochs: map[int64]int16{},
		decisions: map[ID]*Decision{}, pending: map[pending]*ending{},
	}
	for i := range found.Decisions {
		d := &found.Decisions[i]
		r.decisions[d.ID] = d
		r.seen(d.ID)
	}
	for _, l := range found.Logs {
		r.parts[l.ID()] = l.Partition
		for _, p := range l.Producers {
			r.seen(ID{p.ID, p.Epoch})
			if p.Open >= 0 {
				r.end(l.Partition, ID{p.ID, p.Epoch})
			}
		}
	}
	for i := range found.Decisions {
		r.keep(&found.Decisions[i])
	}
	r.fill()
	return r.notes
}

// recovery is a Recover under way.
type recovery struct {
	Recovery
	c         *Coordinator
	parts     map[PartitionID]Partition
	epochs    map[int64]int16 // highest that was used
	decisions map[ID]*Decision
	pending   map[pending]*ending
	notes     []string
}

// pending is a transaction that could not be ended everywhere.
type pending struct {
	ID
	commit bool
}

func (r *recovery) seen(id ID) {
	if have, ok := r.epochs[id.Producer]; !ok || id.Epoch > have {
		r.epochs[id.Producer] = id.Epoch
	}
}

// end writes the marker that is missing in a partition.
func (r *recovery) end(p Partition, id ID) {
	d := r.decisions[id]
	key := pending{id, d != nil && d.covers(p.ID())}
	e := &ending{id: id, commit: key.commit, parts: []Partition{p}, release: noID}
	if r.c.mark(e) {
		return
	}
	r.notes = append(r.notes, fmt.Sprintf(
		"transaction %d/%d could not be ended in a partition that takes no records now: readers of committed records wait there",
		id.Producer, id.Epoch))
	if before := r.pending[key]; before != nil {
		before.parts = append(before.parts, p)
		return
	}
	r.pending[key] = e
	r.c.add(e)
}

// keep holds on to a decision until its markers are durable: they may be in the page cache only.
func (r *recovery) keep(d *Decision) {
	var marks []mark
	for _, end := range d.Ends {
		if p := r.parts[end.PartitionID]; p != nil {
			marks = append(marks, mark{p, p.End()})
		} else if r.Exists(end.PartitionID) {
			return // for the opening after a repair
		}
	}
	if e := r.pending[pending{d.ID, true}]; e != nil {
		e.decision, e.marks = d, marks
		return
	}
	r.c.decided = append(r.c.decided, decided{d.ID, marks})
}

// fill makes the pool: each id goes on after the highest epoch that is known of it.
func (r *recovery) fill() {
	busy := map[int64]bool{}
	for key := range r.pending {
		busy[key.Producer] = true
	}
	for _, id := range slices.Backward(r.Pool) {
		epoch, used := r.epochs[id]
		if used {
			epoch++ // wraps to a negative one behind the last
		}
		switch {
		case epoch < 0 || epoch > lastEpoch:
			continue
		case !busy[id]:
			r.c.free = append(r.c.free, ID{id, epoch})
		}
		r.c.pool = append(r.c.pool, id)
	}
}

func (d *Decision) covers(p PartitionID) bool {
	return slices.ContainsFunc(d.Ends, func(e End) bool { return e.PartitionID == p })
}
