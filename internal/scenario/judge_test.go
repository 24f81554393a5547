package scenario

import (
	"fmt"
	"slices"
)

// survival says what had happened before the oracle looks.
type survival int

const (
	alive     survival = iota // nothing
	closed                    // the client was closed, and said that all is well
	killed                    // the process was killed, or could not close the client well
	powerless                 // the power was lost
	rotten                    // bits were changed, too
)

// judge holds what was found against what is known, and then knows what was found. Whatever was not found may never be
// found again.
func (m *model) judge(v *view, s survival) error {
	if s != alive {
		m.endAll(s)
	}
	found := map[string]*viewTopic{}
	for i := range v.Topics {
		found[v.Topics[i].Name] = &v.Topics[i]
	}
	for name, t := range m.topics {
		if err := m.judgeTopic(t, found[name]); err != nil {
			return fmt.Errorf("topic %s: %w", name, err)
		}
	}
	for name := range found {
		if m.topics[name] == nil && !m.ofStream(name) {
			return fmt.Errorf("topic %s should not be there", name)
		}
	}
	m.resolve(v)
	for _, t := range m.sorted() {
		for _, p := range t.parts {
			if err := m.judgePart(p, &found[t.name].Partitions[p.number], s); err != nil {
				return fmt.Errorf("%s-%d: %w", t.name, p.number, err)
			}
		}
	}
	for _, t := range m.sorted() {
		if err := m.judgeGroups(t, v, found[t.name], s); err != nil {
			return err
		}
	}
	if err := m.judgeProgress(v); err != nil {
		return err
	}
	if err := m.judgeStreams(v, s); err != nil {
		return err
	}
	m.tidy()
	m.latest = m.now
	return m.judgeOrder(v)
}

// sorted is the topics by name, so that a failure is the same one every time.
func (m *model) sorted() (all []*topic) {
	for _, t := range m.topics {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *topic) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return all
}

// endAll takes account of the end of the process.
func (m *model) endAll(s survival) {
	for _, x := range m.txns {
		x.state = "aborted"
	}
	clear(m.txns)
	for _, x := range m.all {
		x.alive = false
	}
	if s == closed {
		m.journaled()
		return
	}
	for _, e := range m.live {
		if e.at.After(m.now) {
			e.at = m.now // the clock was set back since, and for the log it was appended when it was found
		}
	}
}

// judgeTopic finds out what became of what is in doubt.
func (m *model) judgeTopic(t *topic, found *viewTopic) error {
	switch {
	case found == nil && (t.doubt == "create" || t.doubt == "delete"):
		m.dropTopic(t)
		return nil
	case found == nil:
		return fmt.Errorf("it is lost")
	case len(found.Partitions) < len(t.parts):
		return fmt.Errorf("it has %d partitions instead of %d", len(found.Partitions), len(t.parts))
	case len(found.Partitions) > len(t.parts) && t.doubt != "grow":
		return fmt.Errorf("it has %d partitions instead of %d", len(found.Partitions), len(t.parts))
	}
	t.grow(len(found.Partitions))
	if !m.shaken || t.doubt == "create" {
		t.doubt = "" // while something fails it may still happen
	}
	c := found.Config
	if !slices.Contains(append(t.altered, max(t.config.RetentionMs, 0)), max(c.RetentionMs, 0)) ||
		!slices.Contains(append(t.bounds, max(t.config.RetentionBytes, 0)), max(c.RetentionBytes, 0)) {
		return fmt.Errorf("its retention is %d ms and %d bytes", c.RetentionMs, c.RetentionBytes)
	}
	if t.config.RetentionMs, t.config.RetentionBytes = c.RetentionMs, c.RetentionBytes; !m.shaken {
		t.altered, t.bounds = nil, nil
	}
	return nil
}

// resolve finds out what became of transactions in doubt: one message that is visible, or offset, stands for all.
func (m *model) resolve(v *view) {
	shown := map[int]bool{}
	for _, t := range v.Topics {
		for _, p := range t.Partitions {
			for _, r := range p.Visible {
				shown[r.Serial] = true
			}
		}
	}
	for _, x := range m.all {
		if x.state != "unknown" || m.shaken {
			continue
		}
		committed := slices.ContainsFunc(x.entries, func(e *entry) bool { return shown[e.Serial] })
		if len(x.entries) == 0 {
			for _, o := range x.offsets {
				committed = committed || v.Groups[o.group][o.topic.name][o.part] == o.next
			}
		}
		if x.state = "aborted"; committed {
			m.committed(x)
		}
	}
}

// requires reports whether an entry must be found.
func (s survival) requires(e *entry) bool {
	if s == powerless || s == rotten {
		return e.acked == fsynced || e.acked == written && e.offset >= 0 && e.offset < e.part.durable
	}
	return e.acked >= written
}

// judgePart judges a partition.
func (m *model) judgePart(p *part, v *viewPartition, s survival) error {
	if err := m.judgeBounds(p, v, s); err != nil {
		return err
	}
	seen, last := map[int]bool{}, v.Start-1
	for _, r := range v.All {
		if r.Offset <= last || r.Offset >= v.End {
			return fmt.Errorf("offset %d comes after %d, with a start of %d and an end of %d", r.Offset, last, v.Start, v.End)
		}
		last = r.Offset
		if seen[r.Serial] && p.topic.fed == "" {
			return fmt.Errorf("message %d is there twice, again at offset %d", r.Serial, r.Offset)
		}
		seen[r.Serial] = true
		if p.topic.fed == "" {
			if _, err := m.recognise(p, r, false); err != nil {
				return err
			}
		}
	}
	if p.topic.fed != "" {
		return nil // see judgeStreams
	}
	for _, judge := range []func(*part, *viewPartition, map[int]bool) error{m.judgeLanes, m.judgeBatches, m.judgeVisible, m.judgeSeeks} {
		if err := judge(p, v, seen); err != nil && !p.damaged {
			return err
		}
	}
	if err := m.judgeLost(p, v, seen, s); err != nil {
		return err
	}
	m.startsAt(p, v.Start)
	if s != alive {
		p.promised = 0
	}
	p.durable = max(p.durable, v.DurableEnd)
	if p.end = v.End; s == closed || s == powerless || s == rotten {
		p.durable = v.End // all that a power loss leaves is durable
	}
	return nil
}

func (m *model) judgeBounds(p *part, v *viewPartition, s survival) error {
	open := m.openTxn(p)
	least := p.end
	if s == powerless {
		least = p.durable
	}
	switch {
	case p.damaged:
		return nil
	case v.End < least:
		return fmt.Errorf("it ends at %d, but had come to %d", v.End, least)
	case s != alive && v.LastStable != v.End:
		return fmt.Errorf("a transaction is open: the last stable offset is %d, the end %d", v.LastStable, v.End)
	case s != alive && v.DurableEnd > v.End, v.LastStable > v.End, !open && s == alive && !m.shaken && v.LastStable != v.End && !m.endingTxn(p):
		return fmt.Errorf("the last stable offset is %d, the durable end %d, the end %d", v.LastStable, v.DurableEnd, v.End)
	case v.Start != p.start && v.Start != p.starting && (v.Start < p.start || !m.mayRetain(p, v.Start)):
		return fmt.Errorf("it starts at %d instead of %d or %d", v.Start, p.start, p.starting)
	case s == alive && v.DurableEnd < p.promised:
		return fmt.Errorf("the durable end is %d, but %d was acknowledged", v.DurableEnd, p.promised)
	}
	return nil
}

// endingTxn reports whether a transaction that the model counts as ended may still be open: the client has it until the
// script ends it.
func (m *model) endingTxn(p *part) bool {
	return slices.ContainsFunc(m.all, func(x *txn) bool {
		_, in := x.covers[p]
		return in && x.state == "aborted"
	})
}

// mayRetain reports whether retention may have removed everything below an offset.
func (m *model) mayRetain(p *part, start int64) bool {
	if p.topic.config.RetentionBytes > 0 || len(p.topic.bounds) > 0 {
		return true // judgeRetention looks at the bytes
	}
	for _, ms := range append(p.topic.altered, p.topic.config.RetentionMs) {
		if ms > 0 && !slices.ContainsFunc(p.known(start), func(e *entry) bool { return m.latest.Sub(e.at).Milliseconds() < ms }) {
			return true
		}
	}
	return false
}

// judgeLost judges what was not found: only what no acknowledgement covers, or what was deleted. It is forgotten.
func (m *model) judgeLost(p *part, v *viewPartition, seen map[int]bool, s survival) error {
	middle := v.End
	if s >= powerless {
		middle = v.reached()
	}
	for _, e := range slices.Clone(p.entries) {
		if seen[e.Serial] {
			continue
		}
		gone := e.offset >= 0 && e.offset < v.Start || m.compactedAway(e, v.End) || m.belowStart(e, v)
		switch {
		case p.damaged, s == alive && e.acked == unacked && e.offset < 0 && (m.shaken || e.txn != nil):
			continue // it is not written yet, or found by the next opening
		case gone:
			m.drop(e)
		case e.offset >= 0 && e.offset < middle:
			return fmt.Errorf("message %d at offset %d is missing in the middle", e.Serial, e.offset)
		case s.requires(e) && (e.txn == nil || e.txn.state == "committed"):
			return fmt.Errorf("message %d (offset %d, acknowledged %d) is lost", e.Serial, e.offset, e.acked)
		default:
			m.drop(e)
		}
	}
	return nil
}

// reached is the offset behind the last message. Between it and the end are markers: after a power loss those that the opening
// has written behind what was left.
func (v *viewPartition) reached() int64 {
	if n := len(v.All); n > 0 {
		return v.All[n-1].Offset + 1
	}
	return v.Start
}

// belowStart reports whether an entry whose offset was never seen may lie below the start of what is left.
func (m *model) belowStart(e *entry, v *viewPartition) bool {
	if e.offset >= 0 {
		return false
	}
	at := e.floor
	for _, x := range e.part.entries {
		if x == e {
			break
		}
		if x.lane == e.lane && x.offset >= 0 {
			at = x.offset + 1
		}
	}
	return at < v.Start
}

// compactedAway reports whether compaction may have removed an entry below an offset: another one of its key stands behind
// it, its transaction was aborted, or it is a tombstone whose time is over.
func (m *model) compactedAway(e *entry, upTo int64) bool {
	switch t := e.part.topic; {
	case !t.compacted():
		return false
	case e.txn != nil && e.txn.state == "aborted":
		return true
	case e.Key == "":
		return false
	case m.tombstoneOver(e):
		return true
	}
	return slices.ContainsFunc(e.part.entries, func(x *entry) bool {
		return x != e && x.Key == e.Key && x.visible() && x.offset < upTo && (x.offset < 0 || x.offset > e.offset)
	})
}

// tombstoneOver reports whether a compaction need not keep a tombstone any more.
func (m *model) tombstoneOver(e *entry) bool {
	ms := e.part.topic.config.DeleteRetentionMs
	return e.Null && ms > 0 && m.now.Sub(e.at).Milliseconds() >= ms
}

// tidy forgets transactions of which nothing is left.
func (m *model) tidy() {
	m.all = slices.DeleteFunc(m.all, func(x *txn) bool {
		x.entries = slices.DeleteFunc(x.entries, func(e *entry) bool { return m.live[e.Serial] != e })
		return len(x.entries) == 0 && x.state != "open" && x.state != "unknown"
	})
}
