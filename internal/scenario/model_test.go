package scenario

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// level is how far a message was acknowledged.
type level int

const (
	unacked level = iota // it may be there
	written              // with the operating system
	fsynced
)

// entry is a message that somebody tried to send, as long as it may be found.
type entry struct {
	message
	part   *part
	lane   int   // those of one lane stand in the log in the order in which they were tried
	batch  int   // those of one batch are there together; 0 is none
	txn    *txn  // nil for none
	number int64 // under an ID, from 0; -1 for none
	id     string
	acked  level
	offset int64 // -1 while it is not known
	floor  int64 // which it cannot be below
	at     time.Time
}

// part is a partition.
type part struct {
	topic    *topic
	number   int
	entries  []*entry         // in the order in which they were tried
	start    int64            // known
	starting int64            // tried
	end      int64            // at the least
	durable  int64            // a power loss leaves at least what is below
	promised int64            // acknowledged as durable since the last opening
	damaged  bool             // a bit of its log was changed
	sent     map[string]int64 // under an ID
}

// topic is one of a name; one made later is another.
type topic struct {
	name      string
	config    engine.TopicConfig
	parts     []*part
	doubt     string          // verb of which it is not known whether it happened, or ""
	altered   []int64         // retentions that were tried
	bounds    []int64         // and numbers of bytes
	progress  map[string]bool // IDs
	fed       string          // the topic that a stream makes this one of, or ""
	settled   bool            // the stream has come to its end since it began: nothing is on its way
	outputs   map[string]int  // of a stream's topic: messages of each key that are there
	committed map[string]map[int]*commit
}

// commit is what is known of a group's offset in a partition.
type commit struct {
	acked   int64 // -1 is none
	durable int64
	tried   []int64 // what else may be found; anywhere is any offset
}

// txn is a transaction.
type txn struct {
	name    string
	lane    int
	state   string // open, aborted, committed or unknown
	failed  bool   // it can only be aborted
	alive   bool   // it was begun in this life: after a fault its marker may be missing, and readers wait before it
	began   time.Time
	entries []*entry
	covers  map[*part]int64 // ends when its last messages were put
	offsets []taken
	groups  map[string]bool // that have a member in it
}

// taken is an offset that a transaction commits.
type taken struct {
	topic *topic
	group string
	part  int
	next  int64
}

// model knows what was tried and what was acknowledged, and judges what is found.
type model struct {
	now    time.Time
	latest time.Time     // that the clock has shown since the last look
	flush  time.Duration // the client's flush interval; 0 is none
	topics map[string]*topic
	txns   map[string]*txn
	all    []*txn // whose entries are in logs
	live   map[int]*entry
	tasks  map[string]int // partitions of a stream's source when it first ran
	serial int
	lanes  int
	shaken bool // a call of the file system failed since the last opening
}

func newModel() *model {
	return &model{now: epoch, latest: epoch, topics: map[string]*topic{}, txns: map[string]*txn{}, live: map[int]*entry{}, tasks: map[string]int{}}
}

func (m *model) newTopic(name string, c engine.TopicConfig) *topic {
	t := &topic{name: name, config: c, progress: map[string]bool{}, outputs: map[string]int{}, committed: map[string]map[int]*commit{}}
	t.grow(c.Partitions)
	return t
}

func (t *topic) grow(total int) {
	for n := len(t.parts); n < total; n++ {
		t.parts = append(t.parts, &part{topic: t, number: n})
	}
}

func (t *topic) compacted() bool { return strings.Contains(string(t.config.CleanupPolicy), "compact") }

// group is what is known of a group's offset.
func (t *topic) group(name string, partition int) *commit {
	if t.committed[name] == nil {
		t.committed[name] = map[int]*commit{}
	}
	c := t.committed[name][partition]
	if c == nil {
		c = &commit{acked: -1, durable: -1}
		t.committed[name][partition] = c
	}
	return c
}

// usable is a topic of which it is known that it is there and well, or nil.
func (m *model) usable(name string) *topic {
	t := m.topics[name]
	if t == nil || t.doubt != "" || slices.ContainsFunc(t.parts, func(p *part) bool { return p.damaged }) {
		return nil
	}
	return t
}

// lane is a new one.
func (m *model) lane() int {
	m.lanes++
	return m.lanes
}

// try makes an entry of a message that is about to be sent. Keys, if there are to be some, are those that lead to the
// partition.
func (m *model) try(p *part, lane, size, keys int) *entry {
	m.serial++
	e := &entry{part: p, lane: lane, number: -1, offset: -1, floor: p.start, at: m.now}
	e.Serial, e.Partition = m.serial, p.number
	e.Value = value(m.serial, size)
	if keys > 0 {
		e.Key = keyOf(p, m.serial%keys)
	}
	p.entries = append(p.entries, e)
	m.live[e.Serial] = e
	return e
}

func value(serial, size int) string {
	v := fmt.Sprintf("%d/", serial)
	return v + strings.Repeat(string(rune('a'+serial%26)), max(size-len(v), 0))
}

// keyOf is the nth key that leads to a partition.
func keyOf(p *part, n int) string {
	for i := 0; ; i++ {
		key := fmt.Sprint("k", i)
		if engine.PartitionForKey([]byte(key), int32(len(p.topic.parts))) != int32(p.number) {
			continue
		}
		if n == 0 {
			return key
		}
		n--
	}
}

// drop forgets an entry, which nobody may find any more.
func (m *model) drop(e *entry) {
	delete(m.live, e.Serial)
	e.part.entries = slices.DeleteFunc(e.part.entries, func(x *entry) bool { return x == e })
}

// dropTopic forgets a topic that is gone.
func (m *model) dropTopic(t *topic) {
	delete(m.topics, t.name)
	for _, p := range t.parts {
		for _, e := range p.entries {
			delete(m.live, e.Serial)
		}
	}
}

// known is the entries whose offsets are known and below upTo, in order.
func (p *part) known(upTo int64) (all []*entry) {
	for _, e := range p.entries {
		if e.offset >= 0 && e.offset < upTo {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b *entry) int { return int(a.offset - b.offset) })
	return all
}

// openTxn reports whether a transaction that may be open has messages in the partition.
func (m *model) openTxn(p *part) bool {
	return slices.ContainsFunc(m.all, func(x *txn) bool {
		_, in := x.covers[p]
		return in && (x.state == "open" || x.state == "unknown" || x.alive && m.shaken)
	})
}

// place notes where an entry is. An entry of a compacted topic that was seen before stays where it was.
func (e *entry) place(offset int64) {
	e.offset = offset
	e.part.end = max(e.part.end, offset+1)
}

const (
	forever  = math.MaxInt64
	anywhere = -2
)
