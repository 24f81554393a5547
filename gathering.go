package kafka

import (
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// gathering is a batch that grows, and the memory of its records.
type gathering struct {
	opened  *opened // whose codec the values have
	records []engine.Record
	headers []record.Header
	arena   []byte
	parcel  *parcel // of an asynchronous producer
	payload int     // bytes as they count towards the batch size
	bytes   int     // of memory
}

// recordOverhead is what a record takes in memory besides its bytes.
const recordOverhead = 256

// mostIdle is the memory that a batch may leave for the next one although it used less than a quarter of it.
const mostIdle = 4 << 20

// memory is what a record takes while it waits.
func memory(r *engine.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + recordOverhead/4
	}
	return n
}

func (g *gathering) add(r *engine.Record) {
	g.payload += record.SizeOf(r.Key, r.Value, r.Headers)
	g.records = append(g.records, *r)
	c := &g.records[len(g.records)-1]
	c.Key, c.Value = g.copy(r.Key), g.copy(r.Value)
	if len(r.Headers) == 0 {
		return
	}
	first := len(g.headers)
	for _, h := range r.Headers {
		g.headers = append(g.headers, record.Header{Key: h.Key, Value: g.copy(h.Value)})
	}
	c.Headers = g.headers[first:len(g.headers):len(g.headers)]
}

// copy keeps bytes in the arena. Slices of an arena that was outgrown keep it alive.
func (g *gathering) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	if cap(g.arena)-len(g.arena) < len(b) {
		g.arena = make([]byte, 0, max(2*cap(g.arena), len(b), 4096))
	}
	first := len(g.arena)
	g.arena = append(g.arena, b...)
	return g.arena[first:len(g.arena):len(g.arena)]
}

// reset makes room for the next batch. What only a burst needed is given back.
func (g *gathering) reset() {
	clear(g.records)
	clear(g.headers)
	*g = gathering{records: g.records[:0], headers: g.headers[:0], arena: g.arena[:0]}
}

// idle reports whether the batch has much more memory than it used.
func (g *gathering) idle() bool {
	has := cap(g.arena) + cap(g.records)*recordOverhead
	return has > mostIdle && g.bytes < has/4
}
