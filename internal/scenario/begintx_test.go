package scenario

import (
	"fmt"
	"strings"

	kafka "github.com/dot-do/kafka-embedded"
)

func (m *model) beginTxn(name string) *step {
	if m.txns[name] != nil {
		return nil
	}
	x := &txn{name: name, lane: m.lane(), state: "open", alive: true, began: m.now, covers: map[*part]int64{}, groups: map[string]bool{}}
	return &step{op: op{Do: "begin", Txn: name}, end: func(outcome) (*step, error) {
		m.txns[name] = x
		m.all = append(m.all, x)
		return nil, nil
	}}
}

func (m *model) put(v verb) *step {
	x, t := m.txns[v.args[0]], m.usable(v.args[1])
	if x == nil || x.state != "open" || x.failed || t == nil || t.fed != "" {
		return nil
	}
	p := t.part(v.number("p", 0))
	o := op{Do: "put", Txn: x.name, Topic: t.name}
	for range v.number("n", 1) {
		e := m.try(p, x.lane, v.number("size", 0), max(v.number("keys", 100), 1))
		e.txn = x
		x.entries = append(x.entries, e)
		o.Messages = append(o.Messages, e.message)
	}
	x.covers[p] = p.end
	return &step{op: o, failed: func(outcome) { x.failed = true }, end: done}
}

func done(outcome) (*step, error) { return nil, nil }

func (m *model) take(v verb) *step {
	x, t, g := m.txns[v.args[0]], m.usable(v.args[1]), v.args[2]
	if x == nil || x.state != "open" || x.failed || t == nil || t.fed != "" || m.taken(g) || len(x.offsets) > 0 {
		return nil
	}
	x.groups[g] = true
	n := v.number("n", 1)
	return &step{op: op{Do: "take", Txn: x.name, Topic: t.name, Group: g, N: n}, end: func(out outcome) (*step, error) {
		next, err := m.consumed(t, g, out.Got, n)
		if err != nil || len(next) == 0 {
			return nil, err
		}
		for partition, offset := range next {
			x.offsets = append(x.offsets, taken{t, g, partition, offset})
		}
		return &step{op: op{Do: "offsets", Txn: x.name}, end: done, failed: func(outcome) {
			x.offsets = nil // some may be in the transaction
			for partition, offset := range next {
				c := t.group(g, partition)
				c.tried = append(c.tried, offset)
			}
		}}, nil
	}}
}

// taken reports whether a transaction has a member in a group.
func (m *model) taken(g string) bool {
	for _, x := range m.txns {
		if x.groups[g] {
			return true
		}
	}
	return false
}

func (m *model) endTxn(name, how string) *step {
	x := m.txns[name]
	if x == nil {
		return nil
	}
	delete(m.txns, name)
	s := &step{op: op{Do: how, Txn: name}, refused: how == "commit" && x.state == "aborted"}
	if s.refused {
		return s
	}
	if how == "abort" {
		x.state = "aborted"
		s.end = done
		return s
	}
	x.state = "unknown"
	s.failed = func(out outcome) {
		if !strings.Contains(out.Text, "outcome of the transaction is unknown") {
			x.state = "aborted"
		}
	}
	s.end = func(out outcome) (*step, error) {
		if x.failed {
			return nil, fmt.Errorf("transaction %s was committed although a part of it failed", name)
		}
		m.committed(x)
		return nil, nil
	}
	return s
}

// committed notes that a transaction is durable, with its messages and all that were there before its last ones.
func (m *model) committed(x *txn) {
	x.state = "committed"
	for _, e := range x.entries {
		e.acked = fsynced
	}
	for p, end := range x.covers {
		p.durable = max(p.durable, end)
	}
	if len(x.entries)+len(x.offsets) > 0 {
		m.journaled()
	}
	for _, o := range x.offsets {
		c := o.topic.group(o.group, o.part)
		c.acked = max(c.acked, o.next)
		c.durable = c.acked
	}
}

func (m *model) consume(v verb) *step {
	t, g, n := m.usable(v.args[0]), v.args[1], v.number("n", 1)
	if t == nil || t.fed != "" || m.taken(g) {
		return nil
	}
	return &step{op: op{Do: "read", Topic: t.name, Group: g, N: n}, failed: func(outcome) {}, end: func(out outcome) (*step, error) {
		next, err := m.consumed(t, g, out.Got, n)
		if err != nil {
			return nil, err
		}
		if v.word("commit") == "no" {
			next = nil
		}
		for _, r := range out.Got {
			if _, ok := next[r.Partition]; ok {
				c := t.group(g, r.Partition) // the last one is committed, and then the first
				c.tried = append(c.tried, r.Offset+1)
			}
		}
		return &step{op: op{Do: "settle", Offsets: next}, end: func(outcome) (*step, error) {
			for partition, offset := range next {
				c := t.group(g, partition)
				c.acked, c.tried = max(c.acked, offset), nil
			}
			return nil, nil
		}}, nil
	}}
}

func (m *model) reset(v verb) *step {
	t, g := m.usable(v.args[0]), v.args[1]
	if t == nil || t.fed != "" || m.taken(g) {
		return nil
	}
	to := map[int]int64{}
	for _, p := range t.parts {
		to[p.number] = p.start
		if v.word("to") == "end" {
			to[p.number] = p.end
		}
		c := t.group(g, p.number)
		c.tried = append(c.tried, c.acked, to[p.number])
		c.acked, c.durable = min(c.acked, to[p.number]), min(c.durable, to[p.number])
	}
	moved := m.shaken // on a full disk retention comes at once, so the start may be another one
	return &step{op: op{Do: "reset", Topic: t.name, Group: g, Offsets: to}, expect: kafka.ErrOffsetOutOfRange, either: true, end: func(out outcome) (*step, error) {
		if out.Err != "" && !moved {
			return nil, fmt.Errorf("unexpected outcome %q: %s", out.Err, out.Text)
		}
		if out.Err != "" {
			return nil, nil
		}
		for partition, offset := range to {
			c := t.group(g, partition)
			c.acked, c.tried = offset, nil
		}
		m.journaled()
		return nil, nil
	}}
}

// consumed judges what a member of a group was given, and returns the offsets to commit.
func (m *model) consumed(t *topic, g string, read []got, n int) (next map[int]int64, err error) {
	byPart := map[int][]got{}
	for _, r := range read {
		byPart[r.Partition] = append(byPart[r.Partition], r)
	}
	next = map[int]int64{}
	for _, p := range t.parts {
		rs := byPart[p.number]
		for _, r := range rs {
			next[p.number] = r.Offset + 1
		}
		if err := m.judgeRun(p, t.group(g, p.number), rs, len(read) < n); err != nil {
			return nil, fmt.Errorf("group %s reads %s-%d: %w", g, t.name, p.number, err)
		}
	}
	return next, nil
}

// judgeRun judges the messages that a member got of one partition; all says that it came to the end.
func (m *model) judgeRun(p *part, c *commit, rs []got, all bool) error {
	from := max(c.acked, p.start)
	to, seen := int64(forever), map[int]bool{}
	if !all {
		to = from
	}
	for i, r := range rs {
		if r.Offset < from && len(c.tried) == 0 || i > 0 && r.Offset <= rs[i-1].Offset {
			return fmt.Errorf("offset %d comes after %d was committed, or out of order", r.Offset, c.acked)
		}
		if _, err := m.recognise(p, r, true); err != nil {
			return err
		}
		seen[r.Serial], to = true, max(to, r.Offset)
	}
	if len(c.tried) > 0 || m.openTxn(p) && all {
		return nil // where it began or ended is not known
	}
	if t := p.topic; m.shaken && (t.config.RetentionBytes > 0 || t.config.RetentionMs > 0 || len(t.altered) > 0) {
		return nil // on a full disk retention comes at once
	}
	for _, e := range p.known(to) {
		if e.offset >= max(from, p.starting) && e.visible() && !seen[e.Serial] && !m.compactedAway(e, forever) {
			return fmt.Errorf("message %d at offset %d is left out", e.Serial, e.offset)
		}
	}
	return nil
}

// visible reports whether readers of committed records see it.
func (e *entry) visible() bool { return e.txn == nil || e.txn.state == "committed" }

// recognise finds the entry that a message is, and checks that it is the same and where it was.
func (m *model) recognise(p *part, r got, committed bool) (*entry, error) {
	e := m.live[r.Serial]
	switch {
	case e == nil || e.part != p:
		return nil, fmt.Errorf("at offset %d is message %d, which should not be there", r.Offset, r.Serial)
	case e.Key != r.Key || e.Value != r.Value || e.Null != r.Null:
		return nil, fmt.Errorf("message %d at offset %d has another key or value", r.Serial, r.Offset)
	case e.offset >= 0 && e.offset != r.Offset:
		return nil, fmt.Errorf("message %d is at offset %d and not at %d", r.Serial, r.Offset, e.offset)
	case committed && e.txn != nil && e.txn.state != "committed" && e.txn.state != "unknown":
		return nil, fmt.Errorf("message %d is of a transaction that is %s", r.Serial, e.txn.state)
	}
	e.place(r.Offset)
	return e, nil
}
