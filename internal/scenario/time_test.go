package scenario

import (
	"fmt"
	"slices"
	"time"
)

// advance moves the clock, also back, and does what is due.
func (m *model) advance(v verb) *step {
	d, _ := time.ParseDuration(v.args[0])
	if v.name == "back" {
		d = -d
	}
	if m.now = m.now.Add(d); m.now.After(m.latest) {
		m.latest = m.now
	}
	for _, e := range m.live {
		switch later := e.Null || e.txn != nil && e.txn.state == "open"; {
		case m.tombstoneOver(e):
			e.at = time.Time{} // also when the clock is set back
		case later && e.at.After(m.now):
			e.at = m.now // its time begins when a compaction meets it, or when its transaction writes it
		}
	}
	return &step{op: op{Do: "advance", Pass: d}, end: func(out outcome) (*step, error) {
		for _, x := range m.txns {
			if m.now.Sub(x.began) >= time.Minute && x.state == "open" {
				x.state = "aborted" // its timeout
			}
		}
		for _, vt := range out.View.Topics {
			t := m.usable(vt.Name)
			if t == nil {
				continue
			}
			if err := m.judgeRetention(t, vt); err != nil {
				return nil, err
			}
			if m.flush > 0 && d >= m.flush && !m.shaken {
				if err := m.judgeFlush(t, vt); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	}}
}

// judgeFlush: once the flush interval has passed, all that was written is durable.
func (m *model) judgeFlush(t *topic, v viewTopic) error {
	for _, p := range t.parts {
		found := &v.Partitions[p.number]
		if found.DurableEnd < found.End {
			return fmt.Errorf("%s-%d: the flush interval has passed, and of %d only %d is durable", t.name, p.number, found.End, found.DurableEnd)
		}
		p.durable = max(p.durable, found.DurableEnd)
	}
	return nil
}

// inverted reports whether below an offset an old entry may stand behind a young one, as it does when the clock was set back.
// Then the young ones may have been removed because they were too much, and the rest because it was old.
func (p *part) inverted(upTo int64, old func(*entry) bool) bool {
	young := false
	for _, e := range p.entries {
		switch {
		case e.offset >= upTo:
		case !old(e):
			young = true
		case young:
			return true
		}
	}
	return false
}

// judgeRetention judges what retention has just done: it removes what is old, or too much, and never the end.
func (m *model) judgeRetention(t *topic, v viewTopic) error {
	for _, p := range t.parts {
		found := &v.Partitions[p.number]
		c := t.config
		old := func(e *entry) bool { return c.RetentionMs > 0 && m.latest.Sub(e.at).Milliseconds() >= c.RetentionMs }
		removed := p.known(found.Start)
		expired := c.RetentionMs > 0 && !slices.ContainsFunc(removed, func(e *entry) bool { return !old(e) })
		excess := c.RetentionBytes > 0 && (found.Bytes >= c.RetentionBytes || p.inverted(found.Start, old))
		switch {
		case found.Start == p.start:
			continue
		case len(t.altered)+len(t.bounds) > 0 || p.starting != p.start:
			if found.Start != p.starting && !m.mayRetain(p, found.Start) {
				return fmt.Errorf("%s-%d: retention moved the start from %d to %d", t.name, p.number, p.start, found.Start)
			}
		case found.Start < p.start || !expired && !excess || string(c.CleanupPolicy) == "compact":
			return fmt.Errorf("%s-%d: retention moved the start from %d to %d and left %d bytes", t.name, p.number, p.start, found.Start, found.Bytes)
		}
		for _, x := range m.txns {
			if slices.ContainsFunc(x.entries, func(e *entry) bool { return e.offset >= 0 && e.part == p && e.offset < found.Start }) {
				return fmt.Errorf("%s-%d: retention removed messages of a transaction that is open", t.name, p.number)
			}
		}
		if t.fed == "" {
			m.startsAt(p, found.Start)
		}
	}
	return nil
}
