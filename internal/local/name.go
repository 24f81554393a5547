package local

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/log"
)

// How records are numbered under a name.
//
// A name's producer id is made from the name itself, so that nothing else has to be kept, or can be lost, for a restart to
// find it again. Its records carry the ordinary sequences of Kafka's idempotent producers. They go on where the
// partition's log ends, whoever opens the name, so the log alone says how many there are. Where the sequence, which has
// 31 bits, starts again from 0 the epoch is raised by one: epoch and sequence together count to 2^46.
//
// Only this process can write to the directory, so a lock is all it takes for a newer producer to fence an older one.

// name is what the open producers with one ID share.
type name struct {
	id      int64
	mu      sync.Mutex           // held from looking up a sequence to the append
	holders map[string]*producer // by topic: the one that took it last
	refs    int                  // open producers; guarded by names.mu
}

// names are those that are in use.
type names struct {
	mu     sync.Mutex
	byName map[string]*name
}

const (
	sequenceBits = 31
	mostCounted  = int64(math.MaxInt16)<<sequenceBits | math.MaxInt32
)

// producerID is the id of a name: 62 bits of its SHA-256. Among 100,000 names two share one with a chance of 1 in 10^9.
func producerID(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return log.FirstNamed | int64(binary.BigEndian.Uint64(sum[:])>>2)
}

// acquire finds or makes what the producers of a name share.
func (ns *names) acquire(id string) (*name, error) {
	if err := engine.ValidateName("producer id", id); err != nil {
		return nil, err
	}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	n := ns.byName[id]
	if n == nil {
		n = &name{id: producerID(id), holders: map[string]*producer{}}
		if ns.byName == nil {
			ns.byName = map[string]*name{}
		}
		ns.byName[id] = n
	}
	n.refs++
	return n, nil
}

func (ns *names) release(id string, n *name) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if n.refs--; n.refs == 0 {
		delete(ns.byName, id)
	}
}

// lock begins a call of p for a topic. The first one takes the topic over from whoever had it under the name, which then
// is fenced. The caller unlocks n.mu unless there is an error.
func (n *name) lock(p *producer, topic string) error {
	n.mu.Lock()
	holder := n.holders[topic]
	if holder == p {
		return nil
	}
	if p.taken[topic] {
		n.mu.Unlock()
		return engine.Errorf(engine.ErrFenced, "another producer with the ID %q took over", p.config.ID).At(topic, -1)
	}
	if p.taken == nil {
		p.taken = map[string]bool{}
	}
	p.taken[topic] = true
	n.holders[topic] = p
	return nil
}

// counted is how many records the partition has been sent under the name. The caller holds mu, so that it stays true.
func (n *name) counted(part *partition) int64 {
	epoch, last, ok := part.log.Sequence(n.id)
	if !ok {
		return 0
	}
	return int64(epoch)<<sequenceBits + int64(last) + 1
}

// number prepares the batch that comes after counted records.
func (r *run) number(n *name, counted int64) {
	r.counted = counted
	r.options.ProducerID = n.id
	r.options.ProducerEpoch = int16(counted >> sequenceBits)
	r.options.BaseSequence = int32(counted & math.MaxInt32)
}

// admit checks the number of the next record of a run. It reports false for one that was appended before.
func (p *producer) admit(r *run, rs []engine.Record, rec *engine.Record) (bool, error) {
	next := r.counted + int64(len(r.indexes)) + 1
	switch {
	case rec.Sequence == 0 || rec.Sequence == next || seeded.On(seeded.RepeatedNumber):
		if next > mostCounted {
			return false, engine.Errorf(engine.ErrInvalidArgument, "the numbers under the producer's ID are used up")
		}
		if len(r.indexes) > 0 && (next-1)&math.MaxInt32 == 0 { // a new epoch, which cannot begin within a batch
			return true, p.flush(r, rs)
		}
		return true, nil
	case rec.Sequence > 0 && rec.Sequence <= r.counted:
		before := rec.Sequence - 1
		rec.Offset = r.partition.log.OffsetOf(p.name.id, int16(before>>sequenceBits), int32(before&math.MaxInt32))
		r.next = r.partition.log.End()
		return false, nil
	}
	return false, engine.Errorf(engine.ErrOutOfOrderSequence, "message %d under the producer's ID was sent where %d is due",
		rec.Sequence-1, next-1).At(r.partition.topic.name, int(r.partition.number))
}

// Progress counts the records of a topic under the producer's ID, and takes the topic over.
func (p *producer) Progress(ctx context.Context, topic string) (map[int32]int64, error) {
	if p.name == nil {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "the producer has no ID").At(topic, -1)
	}
	if err := ctx.Err(); err != nil {
		return nil, ctxError(err)
	}
	if err := p.e.enter(ctx); err != nil {
		return nil, err
	}
	defer p.e.leave()
	t, err := p.e.topicFor(ctx, topic, p.config.AutoCreateTopics)
	if err != nil {
		return nil, err
	}
	if err := p.name.lock(p, topic); err != nil {
		return nil, err
	}
	defer p.name.mu.Unlock()
	counts := make(map[int32]int64, len(t.list()))
	for _, part := range t.list() {
		if part.err != nil {
			return nil, part.err
		}
		counts[part.number] = p.name.counted(part)
	}
	return counts, nil
}
