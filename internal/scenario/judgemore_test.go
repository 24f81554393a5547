package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// judgeLanes judges the order of messages.
func (m *model) judgeLanes(p *part, _ *viewPartition, seen map[int]bool) error {
	last := map[int]*entry{}
	for _, e := range p.entries {
		if !seen[e.Serial] {
			continue
		}
		if before := last[e.lane]; before != nil && before.offset >= e.offset {
			return fmt.Errorf("message %d at offset %d was sent after %d at %d", e.Serial, e.offset, before.Serial, before.offset)
		}
		last[e.lane] = e
	}
	return nil
}

// judgeBatches: a batch is all or nothing, unless its beginning was deleted.
func (m *model) judgeBatches(p *part, v *viewPartition, seen map[int]bool) error {
	if p.topic.compacted() {
		return nil
	}
	there := map[int][2]int{}
	for _, e := range p.entries {
		if e.batch == 0 || !seen[e.Serial] && (e.offset >= 0 && e.offset < v.Start || m.belowStart(e, v)) {
			continue
		}
		n := there[e.batch]
		if n[0]++; seen[e.Serial] {
			n[1]++
		}
		there[e.batch] = n
	}
	for batch, n := range there {
		if n[1] > 0 && n[1] < n[0] && v.Start == p.start {
			return fmt.Errorf("of the %d messages of batch %d, %d are there", n[0], batch, n[1])
		}
	}
	return nil
}

// judgeVisible: readers of committed records see all but what is of transactions that are open or aborted.
func (m *model) judgeVisible(p *part, v *viewPartition, seen map[int]bool) error {
	var want []int
	for _, r := range v.All {
		if e := m.live[r.Serial]; r.Offset < v.LastStable && e.visible() {
			want = append(want, r.Serial)
		}
	}
	var shown []int
	for _, r := range v.Visible {
		if e := m.live[r.Serial]; e == nil || !seen[r.Serial] {
			return fmt.Errorf("committed: at offset %d is message %d, which should not be there", r.Offset, r.Serial)
		} else if e.txn != nil && e.txn.state == "unknown" {
			continue
		}
		shown = append(shown, r.Serial)
	}
	if !slices.Equal(want, shown) {
		return fmt.Errorf("readers of committed messages see %v instead of %v", shown, want)
	}
	return nil
}

// judgeSeeks: what is found by offset or by time is what stands there.
func (m *model) judgeSeeks(_ *part, v *viewPartition, _ map[int]bool) error {
	for _, s := range v.Seeks {
		want := int64(-1)
		for _, r := range slices.Backward(v.Visible) {
			if r.Offset >= s.At {
				want = r.Offset
			}
		}
		if s.Found != want {
			return fmt.Errorf("from offset %d on the first message is at %d, not %d", s.At, want, s.Found)
		}
	}
	for _, s := range v.Times {
		before, first := int64(-1), v.End
		for _, r := range slices.Backward(v.All) {
			if r.At >= s.At {
				first = r.Offset
			}
		}
		for _, r := range v.All {
			if r.Offset < first {
				before = r.Offset
			}
		}
		if s.Found > first || s.Found <= before { // markers have times, too
			return fmt.Errorf("from time %d on the first message is at %d, not %d", s.At, first, s.Found)
		}
	}
	return nil
}

// judgeGroups judges committed offsets.
func (m *model) judgeGroups(t *topic, v *view, found *viewTopic, s survival) error {
	for name, parts := range v.Groups {
		for n := range parts[t.name] {
			if !m.ofStream(name) {
				t.group(name, n)
			}
		}
	}
	for name, parts := range t.committed {
		for n, c := range parts {
			offset, ok := v.Groups[name][t.name][n]
			if !ok {
				offset = -1
			}
			p := t.parts[n]
			if err := c.judge(offset, &found.Partitions[n], s); err != nil && !p.damaged && !p.empty(c.acked, offset) {
				return fmt.Errorf("group %s, %s-%d: %w", name, t.name, n, err)
			}
			if c.acked = offset; !m.shaken {
				c.tried = nil // else the next opening may find it
			}
			if s == powerless || s == rotten {
				c.durable = offset
			}
			c.durable = min(c.durable, offset)
		}
	}
	return nil
}

// empty reports whether from one offset to another there are only markers and messages of aborted transactions: a reader that
// has come to the end of them may commit either.
func (p *part) empty(from, to int64) bool {
	return from < to && to <= p.end && !slices.ContainsFunc(p.known(to), func(e *entry) bool {
		return e.offset >= from && (e.txn == nil || e.txn.state != "aborted")
	})
}

// judge judges a committed offset of a partition.
func (c *commit) judge(offset int64, v *viewPartition, s survival) error {
	least, end := min(c.acked, v.End), v.End
	if s == powerless {
		least = min(c.durable, v.reached())
	}
	for _, tried := range c.tried {
		if tried != anywhere {
			least = min(least, tried) // a reset in doubt
		}
	}
	switch {
	case offset > end:
		return fmt.Errorf("%d is committed behind the end %d", offset, end)
	case offset < least:
		return fmt.Errorf("%d is committed, but %d was acknowledged (%d durable)", offset, c.acked, c.durable)
	case offset == c.acked || offset == end || slices.Contains(c.tried, offset) || slices.Contains(c.tried, anywhere) || s == powerless && offset <= slices.Max(append(c.tried, c.acked)):
		return nil
	}
	return fmt.Errorf("%d is committed, which nobody did: %d was acknowledged, %v tried", offset, c.acked, c.tried)
}

// numbered is what is known of an ID: how many messages it was sent, those in doubt, and their lane, if there is one.
func (p *part) numbered(id string) (next int64, doubt []*entry, lane int) {
	next = p.sent[id]
	for _, e := range p.entries {
		if e.id != id {
			continue
		}
		if lane = e.lane; e.number >= next {
			doubt = append(doubt, e)
		}
	}
	return next, doubt, lane
}

func (p *part) sentUnder(id string, n int64) {
	if p.sent == nil {
		p.sent = map[string]int64{}
	}
	p.sent[id] = n
}

// judgeProgress: each partition has been sent under an ID what is there of it.
func (m *model) judgeProgress(v *view) error {
	for _, pr := range v.Progress {
		t := m.topics[pr.Topic]
		if t == nil {
			continue
		}
		for _, p := range t.parts {
			n := pr.Counts[p.number]
			for _, e := range p.entries {
				if e.id == pr.ID && e.number >= n && e.offset >= 0 && !p.damaged {
					return fmt.Errorf("%s-%d has %d messages under %s, but number %d is at offset %d", t.name, p.number, n, pr.ID, e.number, e.offset)
				}
			}
			if before := p.sent[pr.ID]; n < before && p.idKept(pr.ID, n) && !p.damaged {
				return fmt.Errorf("%s-%d has %d messages under %s, but had %d", t.name, p.number, n, pr.ID, before)
			}
			p.sentUnder(pr.ID, n)
		}
	}
	return nil
}

// idKept reports whether a message from number n on is still there, so that the number must be, too.
func (p *part) idKept(id string, n int64) bool {
	return slices.ContainsFunc(p.entries, func(e *entry) bool { return e.id == id && e.number >= n && e.acked != unacked })
}

// ofStream reports whether a topic or group belongs to a stream's inside.
func (m *model) ofStream(name string) bool { return strings.HasPrefix(name, application("")) }

// judgeStreams judges what streams wrote: of each key, counts that go up by one, so state and outputs are at one point;
// each message once; and none behind the committed offset and, unless it was stopped on its way, all before it.
func (m *model) judgeStreams(v *view, s survival) error {
	byName := map[string]*viewTopic{}
	for i := range v.Topics {
		byName[v.Topics[i].Name] = &v.Topics[i]
	}
	for _, sink := range m.sorted() {
		if sink.fed == "" || m.shaken {
			continue
		}
		counted, outputs := map[int]bool{}, map[string]int{}
		for _, p := range byName[sink.name].Partitions {
			for _, r := range p.Visible {
				var y tally
				if err := json.Unmarshal([]byte(r.Value), &y); err != nil {
					return fmt.Errorf("%s: at offset %d is %q", sink.name, r.Offset, r.Value)
				}
				if counted[y.Last] || y.N != outputs[r.Key]+1 && (outputs[r.Key] > 0 || p.Start == 0) {
					return fmt.Errorf("%s: key %s has the count %d after %d, with message %d", sink.name, r.Key, y.N, outputs[r.Key], y.Last)
				}
				counted[y.Last], outputs[r.Key] = true, y.N
			}
		}
		for key, n := range sink.outputs {
			if outputs[key] < n && (s != alive || !m.shaken) {
				return fmt.Errorf("%s: key %s had the count %d and has %d", sink.name, key, n, outputs[key])
			}
		}
		maps.Copy(sink.outputs, outputs)
		if err := m.judgeInputs(sink, v, counted); err != nil {
			return err
		}
	}
	return nil
}

// judgeInputs: what the stream has committed of its source is counted, and nothing else of it.
func (m *model) judgeInputs(sink *topic, v *view, counted map[int]bool) error {
	source := m.topics[sink.fed]
	if source == nil {
		return nil
	}
	whole := !slices.ContainsFunc(sink.parts, func(p *part) bool { return p.start > 0 })
	for _, p := range source.parts {
		if p.damaged {
			continue
		}
		next := v.Groups[application(source.name)][source.name][p.number]
		for _, e := range p.known(forever) {
			processed := e.visible() && e.offset < next
			if processed && !counted[e.Serial] && e.offset >= p.start && whole && sink.settled {
				return fmt.Errorf("%s: message %d at offset %d of %s-%d was processed, and is not counted", sink.name, e.Serial, e.offset, source.name, p.number)
			}
			if !processed && counted[e.Serial] {
				return fmt.Errorf("%s: message %d at offset %d of %s-%d is counted, but %d is committed", sink.name, e.Serial, e.offset, source.name, p.number, next)
			}
		}
	}
	return nil
}

// judgeOrder: the directory is in order.
func (m *model) judgeOrder(v *view) error {
	if len(v.Ill) > 0 && !m.shaken && !m.damaged() {
		return fmt.Errorf("not well: %q", v.Ill)
	}
	if len(v.Stray) > 0 && !m.shaken {
		return fmt.Errorf("directories that belong to nothing: %q", v.Stray)
	}
	return nil
}

// damaged reports whether a bit of some log was changed.
func (m *model) damaged() bool {
	for _, t := range m.topics {
		if slices.ContainsFunc(t.parts, func(p *part) bool { return p.damaged }) {
			return true
		}
	}
	return false
}
