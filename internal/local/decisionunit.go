package local

import (
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/group"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/txn"
)

// unit is a unit of the journal in the making, in the order of its queue.
type unit struct {
	decisions
	changes []journal.Change
	offsets map[string]int64 // that it sets
}

// add puts a decision into the unit, or says why it is refused.
func (u *unit) add(d *txn.Decision) error {
	for _, o := range d.Offsets {
		if err := u.check(o); err != nil {
			return err
		}
	}
	u.changes = append(u.changes, journal.Change{Key: commitKey(d.ID), Value: encodeEnds(d.Ends)})
	for _, o := range d.Offsets {
		for tp, offset := range o.Offsets {
			u.raise(offsetKey(o.Group, tp), offset)
		}
	}
	return nil
}

// check reports why offsets may not be committed.
func (u *unit) check(o txn.Offsets) error {
	if c, ok := o.From.(group.Claim); ok {
		if err := c.Check(o.Offsets); err != nil {
			return err
		}
	}
	for tp := range o.Offsets {
		if _, exists := u.journal.Get(topicKey(tp.Topic)); !exists {
			return engine.Errorf(engine.ErrTopicNotFound, "it was deleted").At(tp.Topic, int(tp.Partition))
		}
		if u.unsure.of(o.Group, tp) {
			return errUnsure(o.Group, tp)
		}
	}
	return nil
}

// raise sets an offset, unless a higher one is stored or set by the unit.
func (u *unit) raise(key string, offset int64) {
	have, ok := u.offsets[key]
	if b, stored := u.journal.Get(key); !ok && stored {
		have, ok = decodeOffset(b), true
	}
	if ok && have >= offset {
		return
	}
	if u.offsets == nil {
		u.offsets = map[string]int64{}
	}
	u.offsets[key] = offset
	u.changes = append(u.changes, journal.Change{Key: key, Value: encodeOffset(offset)})
}

func errUnsure(group string, tp engine.TopicPartition) error {
	return engine.Errorf(engine.ErrIO, "it is not known whether a transaction has committed an offset of group %s: the journal's fsync failed; "+
		"close the client and open it again", group).At(tp.Topic, int(tp.Partition))
}

// unsure are the decisions whose outcome is unknown. Nobody may rely on the offsets in them.
type unsure struct {
	mu        sync.Mutex
	decisions map[*txn.Decision]bool
}

func (u *unsure) add(d *txn.Decision) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.decisions == nil {
		u.decisions = map[*txn.Decision]bool{}
	}
	u.decisions[d] = true
}

func (u *unsure) remove(d *txn.Decision) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.decisions, d)
}

// of reports whether it is unknown if an offset of a group was committed.
func (u *unsure) of(group string, tp engine.TopicPartition) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for d := range u.decisions {
		for _, o := range d.Offsets {
			if _, ok := o.Offsets[tp]; ok && o.Group == group {
				return true
			}
		}
	}
	return false
}
