package scenario

import (
	"slices"
	"strings"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
)

// step is an operation and what its outcome means to the model, which knows before it begins what may come of it.
type step struct {
	op      op
	expect  kafka.Code // the error that it must have
	either  bool       // or none
	refused bool       // it must have some error
	end     func(outcome) (*step, error)
	failed  func(outcome) // a fault made it fail: what it tried stays in doubt anyway
}

// begin makes a step of a verb: nil when it makes no sense now.
func (m *model) begin(v verb) *step {
	arg := append(slices.Clone(v.args), "", "", "")
	switch v.name {
	case "create":
		return m.create(v)
	case "alter":
		return m.alter(v)
	case "grow":
		return m.grow(v)
	case "delete":
		return m.remove(arg[0])
	case "send", "erase", "async":
		return m.send(v)
	case "number":
		return m.number(v)
	case "storm":
		return m.storm(v)
	case "begin":
		return m.beginTxn(arg[0])
	case "put":
		return m.put(v)
	case "take":
		return m.take(v)
	case "commit", "abort":
		return m.endTxn(arg[0], v.name)
	case "consume":
		return m.consume(v)
	case "share":
		return m.share(v)
	case "reset":
		return m.reset(v)
	case "truncate":
		return m.truncate(v)
	case "stream":
		return m.stream(arg[0], arg[1])
	case "advance", "back":
		return m.advance(v)
	}
	panic("no verb " + v.name)
}

func (m *model) create(v verb) *step {
	name := v.args[0]
	c := engine.TopicConfig{
		Partitions: max(v.number("partitions", 1), 1), SegmentBytes: int64(v.number("segment", 1<<20)),
		CleanupPolicy: engine.CleanupPolicy(v.word("policy")), RetentionMs: v.duration("retention").Milliseconds(),
		RetentionBytes: int64(v.number("bytes", 0)), DeleteRetentionMs: v.duration("tombstones").Milliseconds(),
	}
	c.Compression = kafka.Compression(slices.Index(words["compression"], v.word("compression")))
	s := &step{op: op{Do: "create", Topic: name, Config: &c}}
	if t := m.topics[name]; t != nil {
		s.expect = kafka.ErrTopicExists
		if t.doubt != "" {
			return nil
		}
		return s
	}
	t := m.newTopic(name, c)
	t.doubt = v.name
	m.topics[name] = t
	s.end = func(outcome) (*step, error) {
		t.doubt = ""
		m.journaled()
		return nil, nil
	}
	return s
}

// journaled takes account of an fsync of the journal: it covers all that was written to it before.
func (m *model) journaled() {
	for _, t := range m.topics {
		for _, parts := range t.committed {
			for _, c := range parts {
				c.durable = c.acked
			}
		}
	}
}

func (m *model) alter(v verb) *step {
	t := m.usable(v.args[0])
	if t == nil {
		return nil
	}
	c := engine.TopicConfig{RetentionMs: v.duration("retention").Milliseconds(), RetentionBytes: int64(v.number("bytes", 0))}
	if c.RetentionMs == 0 && c.RetentionBytes == 0 {
		return nil
	}
	t.altered, t.bounds = append(t.altered, c.RetentionMs), append(t.bounds, c.RetentionBytes)
	return &step{op: op{Do: "alter", Topic: t.name, Config: &c}, end: func(outcome) (*step, error) {
		if !m.shaken {
			t.altered, t.bounds = nil, nil
		}
		if c.RetentionMs != 0 {
			t.config.RetentionMs = c.RetentionMs
		}
		if c.RetentionBytes != 0 {
			t.config.RetentionBytes = c.RetentionBytes
		}
		m.journaled()
		return nil, nil
	}}
}

func (m *model) grow(v verb) *step {
	t, total := m.usable(v.args[0]), v.number("partitions", 0)
	if t == nil || total <= len(t.parts) {
		return nil
	}
	t.doubt = v.name
	return &step{op: op{Do: "grow", Topic: t.name, N: total}, end: func(outcome) (*step, error) {
		t.doubt = ""
		t.grow(total)
		m.journaled()
		return nil, nil
	}}
}

// remove deletes a topic, which aborts the transactions that have to do with it.
func (m *model) remove(name string) *step {
	t := m.topics[name]
	s := &step{op: op{Do: "delete", Topic: name}}
	switch {
	case t == nil:
		s.expect = kafka.ErrTopicNotFound
		return s
	case t.doubt != "" || t.fed != "":
		return nil
	}
	t.doubt = "delete"
	for _, x := range m.txns {
		if slices.ContainsFunc(x.entries, func(e *entry) bool { return e.part.topic == t }) ||
			slices.ContainsFunc(x.offsets, func(o taken) bool { return o.topic == t }) {
			x.state = "aborted"
		}
	}
	s.end = func(outcome) (*step, error) {
		m.dropTopic(t)
		m.journaled()
		return nil, nil
	}
	return s
}

func (m *model) send(v verb) *step {
	t := m.usable(v.args[0])
	o := op{Do: "send", Topic: v.args[0], Acks: v.word("acks")}
	if v.name == "async" {
		o.Do = v.name
	}
	if t == nil {
		if m.topics[v.args[0]] != nil {
			return nil
		}
		o.Messages = []message{{Value: "nobody gets this"}}
		return &step{op: o, expect: kafka.ErrTopicNotFound}
	}
	p := t.part(v.number("p", 0))
	keys, n := v.number("keys", 0), v.number("n", 1)
	if v.name == "erase" {
		keys = max(keys, 1)
	}
	batch := 0
	if o.Batch = keys > 0 && v.name != "async"; o.Batch {
		batch = m.lane()
	}
	for range n {
		e := m.try(p, 0, v.number("size", 0), keys)
		if e.batch, e.Null = batch, v.name == "erase"; e.Null {
			e.Value = ""
		}
		o.Messages = append(o.Messages, e.message)
	}
	return m.sending(o)
}

func (t *topic) part(n int) *part { return t.parts[n%len(t.parts)] }

// sending is a step whose outcome tells of each message.
func (m *model) sending(o op) *step {
	acked := func(out outcome) {
		for _, s := range out.Sent {
			if e := m.live[s.Serial]; e != nil && s.OK {
				m.acked(e, o.Acks, s.Offset)
			}
		}
	}
	return &step{op: o, failed: acked, end: func(out outcome) (*step, error) {
		acked(out)
		return nil, nil
	}}
}

func (m *model) acked(e *entry, acks string, offset int64) {
	e.acked = written
	if offset >= 0 {
		e.place(offset)
	}
	if acks != "all" {
		return
	}
	e.acked = fsynced
	if offset >= 0 {
		e.part.durable = max(e.part.durable, offset+1)
		e.part.promised = max(e.part.promised, offset+1)
	}
}

func (m *model) storm(v verb) *step {
	t := m.usable(v.args[0])
	if t == nil {
		return nil
	}
	o := op{Do: "storm", Topic: t.name, Acks: v.word("acks"), Writers: make([][]message, v.number("writers", 2))}
	for i := range o.Writers {
		lane := m.lane()
		for range v.number("n", 1) {
			o.Writers[i] = append(o.Writers[i], m.try(t.part(i), lane, v.number("size", 0), 0).message)
		}
	}
	return m.sending(o)
}

// number sends under an ID: some again that were sent before, those in doubt again, and some new ones.
func (m *model) number(v verb) *step {
	t, id := m.usable(v.args[0]), "id"+v.word("id")
	if t == nil {
		return nil
	}
	p := t.part(v.number("p", 0))
	t.progress[id] = true
	next, doubt, lane := p.numbered(id)
	if lane == 0 {
		lane = m.lane()
	}
	again := min(int64(v.number("again", 0)), next)
	o := op{Do: "number", Topic: t.name, ID: id, Partition: p.number, Acks: v.word("acks"), First: next - again}
	for range again {
		o.Messages = append(o.Messages, message{Value: "sent before: nobody gets this"})
	}
	for range v.number("n", 1) {
		e := m.try(p, lane, v.number("size", 0), 0)
		e.id, e.number = id, next+int64(len(doubt))
		doubt = append(doubt, e)
	}
	for _, e := range doubt {
		o.Messages = append(o.Messages, e.message)
	}
	return &step{op: o, end: func(outcome) (*step, error) {
		for _, e := range doubt {
			m.acked(e, o.Acks, -1)
		}
		p.sentUnder(id, next+int64(len(doubt)))
		return nil, nil
	}}
}

func (m *model) truncate(v verb) *step {
	t := m.usable(v.args[0])
	if t == nil {
		return nil
	}
	p := t.part(v.number("p", 0))
	before := p.end - int64(v.number("keep", 0))
	if before <= p.start || p.starting != p.start {
		return nil // one start is in doubt at a time
	}
	s := &step{op: op{Do: "truncate", Topic: t.name, Partition: p.number, Before: before}}
	if m.openTxn(p) {
		s.expect, s.either = kafka.ErrOffsetOutOfRange, true
	}
	p.starting = before
	s.end = func(out outcome) (*step, error) {
		if out.Err == "" {
			p.durable = max(p.durable, before)
			m.startsAt(p, before)
		}
		return nil, nil
	}
	return s
}

// startsAt forgets what is below the start of a partition.
func (m *model) startsAt(p *part, start int64) {
	p.start, p.end = start, max(p.end, start)
	if p.starting = max(p.starting, start); !m.shaken {
		p.starting = start // else the next opening may find that it was higher
	}
	for _, e := range p.known(start) {
		m.drop(e)
	}
}

func (m *model) stream(from, to string) *step {
	source, sink := m.usable(from), m.usable(to)
	if source == nil || sink == nil || source == sink || source.fed != "" || sink.fed != "" && sink.fed != from {
		return nil
	}
	if used := slices.ContainsFunc(sink.parts, func(p *part) bool { return len(p.entries) > 0 || p.end > 0 && sink.fed == "" }); used ||
		strings.Contains(string(sink.config.CleanupPolicy), "compact") || len(sink.committed) > 0 {
		return nil
	}
	for _, t := range m.topics {
		if t != sink && t.fed == from {
			return nil // one stream for each source
		}
	}
	if n, ran := m.tasks[from]; ran && n != len(source.parts) {
		return nil // its state cannot be divided anew
	}
	m.tasks[from] = len(source.parts)
	sink.fed, sink.settled = from, false
	return &step{op: op{Do: "stream", Topic: from, To: to}, end: func(outcome) (*step, error) {
		sink.settled = !m.shaken // without a marker the last messages wait on their way
		return nil, nil
	}}
}
