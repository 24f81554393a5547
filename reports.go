package kafka

import (
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
)

// DeliveryReport is the outcome of an asynchronous send.
type DeliveryReport struct {
	RecordMetadata          // Partition and Offset are -1 when the message was not written
	Err            error    // why it was not, or nil
	Message        *Message // as it was sent
}

// Bounds of the reports that nobody has read yet: their number, and the size of their messages.
const (
	mostReports     = 65_536
	mostReportBytes = 32 << 20
)

// reports keeps the outcomes of an asynchronous producer's sends until they are read, the newest of them. As long as
// nobody has asked for the channel they stay in the parcels in which they came; the channel, which has room for all, is
// only made then.
type reports struct {
	dropped atomic.Int64

	mu      sync.Mutex
	parcels []*parcel // before there is a channel; the oldest first
	count   int       // messages in them
	bytes   int
	free    *parcel // one that was dropped, for the next batch
	channel chan DeliveryReport
	sizes   []int // of those in the channel, and some that were read meanwhile; bytes is their sum
	closed  bool
}

// parcel is a batch of messages on its way to their outcomes.
type parcel struct {
	outcome  *outcome
	messages []Message
	runs     [][]Delivery // of the messages, in pieces of slabs
	cut      bool         // the next delivery does not lie behind the last one
	bytes    int
}

// newParcel begins a batch.
func (r *reports) newParcel(topic string) *parcel {
	r.mu.Lock()
	p := r.free
	r.free = nil
	r.mu.Unlock()
	if p == nil {
		p = new(parcel)
	}
	p.outcome, p.cut = &outcome{topic: topic}, true
	return p
}

// add takes a message and the first delivery of a slab.
func (p *parcel) add(slab []Delivery, m *Message) *Delivery {
	d := &slab[0]
	*d = Delivery{outcome: p.outcome, index: int32(len(p.messages))}
	p.messages = append(p.messages, *m)
	if p.cut {
		p.runs, p.cut = append(p.runs, slab[:0]), false
	}
	last := &p.runs[len(p.runs)-1]
	*last = (*last)[:len(*last)+1]
	return d
}

// each calls fn for each message and its delivery.
func (p *parcel) each(fn func(i int, d *Delivery)) {
	i := 0
	for _, run := range p.runs {
		for j := range run {
			fn(i, &run[j])
			i++
		}
	}
}

func (p *parcel) report(i int, d *Delivery) DeliveryReport {
	md, err := d.result()
	return DeliveryReport{RecordMetadata: md, Err: err, Message: &p.messages[i]}
}

// deliver makes the outcome of a batch known, and keeps its reports.
func (r *reports) deliver(p *parcel, rs []engine.Record, durability Durability, err error) {
	p.outcome.durability, p.outcome.err = durability, err
	p.each(func(i int, d *Delivery) {
		d.offset, d.timestamp, d.partition = rs[i].Offset, rs[i].Timestamp, rs[i].Partition
		p.bytes += len(rs[i].Key) + len(rs[i].Value)
	})
	p.outcome.resolve()
	r.add(p)
}

// add keeps the reports of a parcel.
func (r *reports) add(p *parcel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
	case r.channel != nil:
		r.pass(p)
	default:
		r.parcels = append(r.parcels, p)
		r.count += len(p.messages)
		r.bytes += p.bytes
		for len(r.parcels) > 1 && (r.count-len(r.parcels[0].messages) >= mostReports || r.bytes > mostReportBytes) {
			r.drop()
		}
	}
}

// drop forgets the oldest parcel, and keeps its memory for a new one.
func (r *reports) drop() {
	p := r.parcels[0]
	r.parcels[0] = nil
	r.parcels = r.parcels[1:]
	r.count -= len(p.messages)
	r.bytes -= p.bytes
	r.dropped.Add(int64(len(p.messages)))
	clear(p.messages)
	clear(p.runs)
	r.free = &parcel{messages: p.messages[:0], runs: p.runs[:0]}
}

// pass puts the reports of a parcel into the channel, in the place of the oldest ones when there are too many. Only here
// something is sent, under mu, so there is room after one was taken out.
func (r *reports) pass(p *parcel) {
	size := p.bytes / len(p.messages)
	p.each(func(i int, d *Delivery) {
		for read := len(r.sizes) - len(r.channel); read > 0; read-- {
			r.bytes -= r.sizes[0]
			r.sizes = r.sizes[1:]
		}
		for len(r.channel) > 0 && (len(r.channel) == mostReports || r.bytes+size > mostReportBytes) {
			select {
			case <-r.channel:
				r.dropped.Add(1)
			default: // read meanwhile
			}
			r.bytes -= r.sizes[0]
			r.sizes = r.sizes[1:]
		}
		r.channel <- p.report(i, d)
		r.sizes = append(r.sizes, size)
		r.bytes += size
	})
}

// open makes the channel, and hands over what was kept.
func (r *reports) open() <-chan DeliveryReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.channel != nil {
		return r.channel
	}
	room := mostReports
	if r.closed {
		room = min(room, r.count)
	}
	r.channel = make(chan DeliveryReport, room)
	kept := r.parcels
	r.parcels, r.free, r.bytes = nil, nil, 0
	for _, p := range kept {
		r.pass(p)
	}
	if r.closed {
		close(r.channel)
	}
	return r.channel
}

// close ends the channel behind what is in it.
func (r *reports) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	if r.channel != nil {
		close(r.channel)
	}
}
