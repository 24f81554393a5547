package kafka

import (
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// parcel is a batch of messages of an asynchronous producer, on its way to its outcome. The messages stand in slabs: they
// cost no allocation each, and none is copied when a batch grows.
type parcel struct {
	outcome *outcome
	runs    []run
	count   int
	bytes   int // of keys and values
}

// run is a piece of a slab.
type run struct {
	slab     *slab
	from, to int
}

// slabSize is how many deliveries are allocated at once. One that is kept keeps its slab of them.
const slabSize = 64

// slab has room for messages and their deliveries. The messages are used again, the deliveries belong to the callers.
type slab struct {
	deliveries *[slabSize]Delivery
	messages   *[slabSize]sent
	used       int
}

// sent is what a report needs of a message.
type sent struct {
	key       string
	value     any
	headers   map[string]string
	timestamp time.Time
}

func newSlab() *slab {
	return &slab{deliveries: new([slabSize]Delivery), messages: new([slabSize]sent)}
}

// add takes a message into a slab that is not full, and makes its delivery.
func (p *parcel) add(s *slab, m *Message) *Delivery {
	if n := len(p.runs); n == 0 || p.runs[n-1].slab != s {
		p.runs = append(p.runs, run{slab: s, from: s.used, to: s.used})
	}
	p.runs[len(p.runs)-1].to++
	d := &s.deliveries[s.used]
	d.outcome, d.index = p.outcome, int32(p.count)
	t := &s.messages[s.used]
	t.key, t.value, t.headers, t.timestamp = m.Key, m.Value, m.Headers, m.Timestamp
	s.used++
	p.count++
	return d
}

// resolve makes the outcome known that the engine gave to the records.
func (p *parcel) resolve(rs []engine.Record, durability Durability, err error) {
	i := 0
	for _, u := range p.runs {
		ds := u.slab.deliveries[u.from:u.to]
		for j := range ds {
			r, d := &rs[i], &ds[j]
			d.offset, d.timestamp, d.partition = r.Offset, r.Timestamp, r.Partition
			p.bytes += len(r.Key) + len(r.Value)
			i++
		}
	}
	p.outcome.durability, p.outcome.err = durability, err
	p.outcome.resolve()
}

// reports calls fn for each message.
func (p *parcel) reports(fn func(DeliveryReport)) {
	messages := make([]Message, 0, p.count)
	for _, u := range p.runs {
		for i := u.from; i < u.to; i++ {
			t := &u.slab.messages[i]
			md, err := u.slab.deliveries[i].result()
			messages = append(messages, Message{
				Topic: md.Topic, Partition: md.Partition, Offset: md.Offset,
				Key: t.key, Value: t.value, Timestamp: t.timestamp, Headers: t.headers,
			})
			fn(DeliveryReport{RecordMetadata: md, Err: err, Message: &messages[len(messages)-1]})
		}
	}
}
