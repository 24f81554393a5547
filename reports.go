package kafka

import (
	"sync"
	"sync/atomic"
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
	free    []*[slabSize]sent // of parcels that were dropped
	channel chan DeliveryReport
	sizes   []int // of those in the channel, and some that were read meanwhile; bytes is their sum
	closed  bool
}

// slab makes a slab, out of what was dropped if there is something.
func (r *reports) slab() *slab {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.free)
	if n == 0 {
		return newSlab()
	}
	messages := r.free[n-1]
	r.free = r.free[:n-1]
	return &slab{deliveries: new([slabSize]Delivery), messages: messages}
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
		r.count += p.count
		r.bytes += p.bytes
		for len(r.parcels) > 1 && (r.count-r.parcels[0].count >= mostReports || r.bytes > mostReportBytes) {
			r.drop()
		}
	}
}

// drop forgets the oldest parcel. A slab can be used again with its last piece, since they are dropped in order.
func (r *reports) drop() {
	p := r.parcels[0]
	r.parcels[0] = nil
	r.parcels = r.parcels[1:]
	r.count -= p.count
	r.bytes -= p.bytes
	r.dropped.Add(int64(p.count))
	for _, u := range p.runs {
		clear(u.slab.messages[u.from:u.to])
		if u.to == slabSize {
			r.free = append(r.free, u.slab.messages)
		}
	}
}

// pass puts the reports of a parcel into the channel, in the place of the oldest ones when there are too many. Only here
// something is sent, under mu, so there is room after one was taken out.
func (r *reports) pass(p *parcel) {
	size := p.bytes / p.count
	p.reports(func(report DeliveryReport) {
		for read := len(r.sizes) - len(r.channel); read > 0; read-- {
			r.forget()
		}
		for len(r.channel) > 0 && (len(r.channel) == mostReports || r.bytes+size > mostReportBytes) {
			select {
			case <-r.channel:
				r.dropped.Add(1)
			default: // read meanwhile
			}
			r.forget()
		}
		r.channel <- report
		r.sizes = append(r.sizes, size)
		r.bytes += size
	})
}

// forget takes the size of the oldest report out of account.
func (r *reports) forget() {
	r.bytes -= r.sizes[0]
	r.sizes = r.sizes[1:]
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
