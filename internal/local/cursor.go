package local

import (
	"math"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/record"
)

// A chunk is read at once and decoded into one slab of records, which polls then hand out piece by piece. It grows while
// a consumer is far behind. It begins small, for those who seek and read little.
const (
	firstChunk = 4 << 10
	mostChunk  = 1 << 20
)

// maxDecompressed bounds what one batch may become.
const maxDecompressed = 1 << 30

// cursor reads one partition for one consumer.
type cursor struct {
	partition *partition
	position  int64 // offset of the next record to hand out
	read      int64 // offset to read next from the log
	pending   []record.Record
	paused    bool
	placed    bool  // it has a position
	until     int64 // nothing is read from here on
	bytes     int64 // read from the log, not counted yet
	chunk     int
	sought    bool // by the caller, and nothing was read since
	reader    record.Reader
}

func (c *cursor) tp() engine.TopicPartition {
	return engine.TopicPartition{Topic: c.partition.topic.name, Partition: c.partition.number}
}

func (c *cursor) is(tp engine.TopicPartition) bool {
	return c.partition.number == tp.Partition && c.partition.topic.name == tp.Topic
}

// seek makes offset the next to hand out.
func (c *cursor) seek(offset int64) {
	c.position, c.read, c.pending, c.chunk, c.placed = offset, offset, nil, firstChunk, true
}

// end is the offset up to which the isolation lets records be read.
func (p *partition) end(i engine.Isolation) int64 {
	if i == engine.ReadUncommitted {
		return p.log.End()
	}
	return p.log.LastStable()
}

// end is how far the cursor may read now.
func (c *cursor) end(i engine.Isolation) int64 { return min(c.partition.end(i), c.until) }

// ready reports whether there is something to hand out or to read.
func (c *cursor) ready(i engine.Isolation) bool { return len(c.pending) > 0 || c.read < c.end(i) }

// take hands out up to limit records; the first that are not there yet are read.
func (c *cursor) take(limit int, i engine.Isolation) (f engine.Fetch, err error) {
	if len(c.pending) == 0 {
		if err := c.fill(limit, i); err != nil || len(c.pending) == 0 {
			return f, err
		}
	}
	n := min(limit, len(c.pending))
	f = engine.Fetch{TopicPartition: c.tp(), Records: c.pending[:n:n], End: c.partition.end(i)}
	c.pending = c.pending[n:]
	c.position = c.read
	if len(c.pending) > 0 {
		c.position = c.pending[0].Offset
	} else {
		c.pending = nil
	}
	f.Next = c.position
	return f, nil
}

// fill reads a chunk, and further ones while all that they hold is markers or aborted. The first one after the
// caller's seek is not decoded beyond limit: who seeks again and again wants one record of a batch, and who reads on has
// the rest of the batch read a second time, once.
func (c *cursor) fill(limit int, i engine.Isolation) error {
	if c.sought && limit == 1 {
		c.chunk = 1 // the batch that holds it
	}
	if !c.sought {
		limit = math.MaxInt
	}
	c.sought = false
	for upTo := c.end(i); c.read < upTo && len(c.pending) == 0; {
		data, next, err := c.partition.log.Read(c.read, upTo, c.chunk)
		if err != nil {
			return err
		}
		c.bytes += int64(len(data))
		if len(data) > c.chunk/2 {
			c.chunk = min(max(2*c.chunk, firstChunk), mostChunk)
		}
		c.pending, next, err = c.decode(data, next, limit, i)
		if err != nil {
			return err
		}
		if c.read = next; len(c.pending) == 0 {
			c.position = next
		}
	}
	return nil
}

// decode returns the records of the batches in data that may be seen, up to limit, and the offset to read next. An error
// is for the first batch; a later one that cannot be decoded is left for then.
func (c *cursor) decode(data []byte, next int64, limit int, i engine.Isolation) (
	records []record.Record, upTo int64, err error,
) {
	defer func() { c.reader = record.Reader{} }() // which would keep data alive
	skip := aborted{partition: c.partition, from: c.read, upTo: next}
	for len(data) > 0 {
		n, err := record.Peek(data)
		if err != nil {
			return nil, 0, err
		}
		b := record.Batch(data[:n:n])
		data = data[n:]
		if b.IsControl() {
			skip.marker(b)
			continue
		}
		if b.IsTransactional() && i == engine.ReadCommitted {
			hide, err := skip.hides(b)
			if err != nil {
				return nil, 0, err
			}
			if hide {
				continue
			}
		}
		if records == nil {
			records = make([]record.Record, 0, min(limit, countRecords(b, data), int(min(next-c.read, mostSlab))))
		}
		before := len(records)
		if err = c.reader.Reset(b, maxDecompressed); err == nil {
			records, err = c.reader.AppendTo(records, c.read, min(limit-before, b.Count()))
		}
		if err != nil && before > 0 {
			return records[:before:before], b.BaseOffset(), nil
		}
		if err != nil {
			return nil, 0, c.undecodable(b, err)
		}
		if len(records) == limit {
			return records, records[limit-1].Offset + 1, nil
		}
	}
	return records, next, nil
}

func (c *cursor) undecodable(b record.Batch, err error) error {
	return &engine.CorruptionError{
		File: partitionDir(c.partition.topic.name, c.partition.number), Position: -1,
		First: b.BaseOffset(), Next: b.LastOffset() + 1, Reason: err.Error(),
	}
}

// mostSlab bounds what is allocated because of what headers say.
const mostSlab = 1 << 16

// countRecords is the number of records in b and the batches after it, as far as memory is allocated ahead for them.
func countRecords(b record.Batch, rest []byte) int {
	n := b.Count()
	for len(rest) > 0 {
		size, err := record.Peek(rest)
		if err != nil {
			break
		}
		n += record.Batch(rest).Count()
		rest = rest[size:]
	}
	return min(n, mostSlab)
}

// aborted knows which transactional batches of a chunk belong to aborted transactions, as Kafka's consumer finds out:
// from the first offset of each aborted transaction until its marker.
type aborted struct {
	partition  *partition
	from, upTo int64
	loaded     bool
	list       []index.AbortedTxn // by first offset
	open       map[int64]bool     // producer ids whose batches are hidden now
}

func (a *aborted) hides(b record.Batch) (bool, error) {
	if !a.loaded {
		var err error
		if a.list, err = a.partition.log.Aborted(a.from, a.upTo); err != nil {
			return false, err
		}
		a.loaded, a.open = true, map[int64]bool{}
	}
	for len(a.list) > 0 && a.list[0].First <= b.LastOffset() {
		if a.list[0].Last > b.LastOffset() { // else its marker has gone by before the list was loaded
			a.open[a.list[0].ProducerID] = true
		}
		a.list = a.list[1:]
	}
	return a.open[b.ProducerID()] && !seeded.On(seeded.AbortedShown), nil
}

func (a *aborted) marker(b record.Batch) {
	if a.open == nil {
		return
	}
	// What began before the marker is over with it, seen or not.
	a.list = slices.DeleteFunc(a.list, func(t index.AbortedTxn) bool {
		return t.ProducerID == b.ProducerID() && t.Last <= b.BaseOffset()
	})
	delete(a.open, b.ProducerID())
}
