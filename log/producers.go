package log

import (
	"cmp"
	"maps"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/index"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// window is how many batches of a producer are remembered, as in Apache Kafka: a retry of one of them is recognised.
const window = 5

// sent is a batch that a producer has appended.
type sent struct {
	firstSequence, lastSequence int32
	first, next                 int64 // offsets
}

// producer is what a partition knows of a producer id.
type producer struct {
	epoch    int16
	batches  []sent // the newest last, at most window
	openAt   int64  // first offset of the open transaction; -1 when there is none
	lastTime int64  // clock at the newest append, for expiry; not the records' own time, which may be anything
}

func (p *producer) newest() sent { return p.batches[len(p.batches)-1] }

// producers is the state of all producer ids in a partition. It follows from the log: a snapshot only saves reading it.
type producers struct {
	byID  map[int64]*producer
	open  map[int64]int64 // producer id to first offset of its open transaction
	used  bool            // a producer id has ever occurred
	saved int64           // offset of the newest snapshot; -1 when there is none
}

// lastStable is the first offset of the oldest open transaction, or end.
func (ps *producers) lastStable(end int64) int64 {
	for _, first := range ps.open {
		end = min(end, first)
	}
	return end
}

// checkProducer decides whether a batch may be appended: by the current epoch of its producer, and next in sequence.
// One of the newest batches, sent again, is answered with where it went.
func (l *Log) checkProducer(b record.Batch) (Appended, error) {
	id, epoch := b.ProducerID(), b.ProducerEpoch()
	if id < 0 {
		return Appended{}, nil
	}
	p := l.producers.byID[id]
	switch {
	case p == nil:
		return Appended{}, nil
	case epoch < p.epoch:
		return Appended{}, l.errorf(engine.ErrFenced, "producer %d has epoch %d now, not %d", id, p.epoch, epoch)
	case b.IsControl():
		return Appended{}, nil
	case epoch > p.epoch:
		return Appended{}, l.wantSequence(b, 0)
	case len(p.batches) == 0:
		return Appended{}, nil // its batches may have been deleted
	}
	for _, s := range p.batches {
		if s.firstSequence == b.BaseSequence() && s.lastSequence == b.LastSequence() {
			return Appended{First: s.first, Next: s.next, Duplicate: true}, nil
		}
	}
	return Appended{}, l.wantSequence(b, nextSequence(p.newest().lastSequence))
}

func (l *Log) wantSequence(b record.Batch, want int32) error {
	if got := b.BaseSequence(); got != want {
		return l.errorf(engine.ErrOutOfOrderSequence, "producer %d sent sequence %d where %d is due", b.ProducerID(), got, want)
	}
	return nil
}

// nextSequence follows s; sequences wrap from 2^31-1 to 0.
func nextSequence(s int32) int32 {
	if s == 1<<31-1 {
		return 0
	}
	return s + 1
}

// noteProducer takes account of a batch with a producer id that was appended to s.
func (l *Log) noteProducer(s *segment.Segment, b record.Batch, nowMs int64) {
	if t, aborted := l.producers.apply(b, nowMs); aborted {
		s.NoteAborted(t)
	}
}

// apply takes account of a batch with a producer id. It reports the transaction that the batch aborts, if it does.
func (ps *producers) apply(b record.Batch, nowMs int64) (t index.AbortedTxn, aborted bool) {
	ps.used = true
	if !b.IsControl() {
		ps.note(b, nowMs)
		return index.AbortedTxn{}, false
	}
	t, aborted = ps.end(b, nowMs)
	t.LastStable = ps.lastStable(b.LastOffset() + 1)
	return t, aborted
}

func (ps *producers) note(b record.Batch, nowMs int64) {
	p := ps.get(b, nowMs)
	p.batches = append(p.batches, sent{b.BaseSequence(), b.LastSequence(), b.BaseOffset(), b.LastOffset() + 1})
	if len(p.batches) > window {
		p.batches = slices.Delete(p.batches, 0, len(p.batches)-window)
	}
	if b.IsTransactional() && p.openAt < 0 {
		p.openAt = b.BaseOffset()
		ps.open[b.ProducerID()] = p.openAt
	}
}

// get finds or makes the producer of a batch, in the batch's epoch.
func (ps *producers) get(b record.Batch, nowMs int64) *producer {
	if ps.byID == nil {
		ps.byID, ps.open = map[int64]*producer{}, map[int64]int64{}
	}
	p := ps.byID[b.ProducerID()]
	if p == nil {
		p = &producer{openAt: -1}
		ps.byID[b.ProducerID()] = p
	}
	if b.ProducerEpoch() != p.epoch {
		p.epoch, p.batches = b.ProducerEpoch(), nil
	}
	p.lastTime = max(p.lastTime, nowMs)
	return p
}

// end takes account of a marker. It reports the transaction if the marker aborts one that has records here.
func (ps *producers) end(b record.Batch, nowMs int64) (t index.AbortedTxn, aborted bool) {
	p := ps.get(b, nowMs)
	first := p.openAt
	p.openAt = -1
	delete(ps.open, b.ProducerID())
	return index.AbortedTxn{ProducerID: b.ProducerID(), First: first, Last: b.BaseOffset()}, first >= 0 && !commits(b)
}

// commits reports whether a marker commits its transaction. One that cannot be read does not.
func commits(marker record.Batch) bool {
	var r record.Reader
	var rec record.Record
	if r.Reset(marker, len(marker)) != nil || !r.Next(&rec) {
		return false
	}
	commit, err := record.ParseControl(rec)
	return err == nil && commit
}

// Producer is what a partition knows of a producer id.
type Producer struct {
	ID    int64
	Epoch int16 // the newest
	Open  int64 // first offset of the transaction that is open, in that epoch; -1 when there is none
}

// Producers lists the producer ids that are known, rising.
func (l *Log) Producers() []Producer {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Producer, 0, len(l.producers.byID))
	for id, p := range l.producers.byID {
		all = append(all, Producer{ID: id, Epoch: p.epoch, Open: p.openAt})
	}
	slices.SortFunc(all, func(a, b Producer) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// expireProducers forgets producers that have been silent since before a time and have nothing open, those with a name
// only when there are very many.
func (l *Log) expireProducers(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := len(l.producers.byID) > mostNamed
	maps.DeleteFunc(l.producers.byID, func(id int64, p *producer) bool {
		return p.openAt < 0 && p.lastTime < before && (all || id < FirstNamed)
	})
}
