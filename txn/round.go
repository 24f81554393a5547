package txn

import (
	"runtime"
	"sync"

	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// mostInRound bounds the transactions that are committed together.
const mostInRound = 1024

// round is transactions that are committed together: one fsync of each partition and one unit of the journal are for all.
// Were each to share only the fsyncs that happen to be due, they would drift apart and share few.
type round struct {
	members []*Txn
	done    chan struct{}
}

// rounds come one after the other. While one is under way those who come gather for the next, which the first of them
// leads.
type rounds struct {
	turn sync.Mutex // held by the leader of the round that is under way

	mu   sync.Mutex
	next *round // gathers; nil when nobody has come
}

// commit makes the records of a transaction durable and then the decision, together with others. It leaves the outcome in
// t. The caller holds t.mu.
func (c *Coordinator) commit(t *Txn) {
	r, leads := c.rounds.join(t)
	if !leads {
		<-r.done
		return
	}
	c.rounds.turn.Lock()
	defer c.rounds.turn.Unlock()
	c.rounds.start(r)
	c.run(r)
	close(r.done)
}

func (rs *rounds) join(t *Txn) (r *round, leads bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.next == nil || len(rs.next.members) == mostInRound {
		rs.next = &round{done: make(chan struct{})}
	}
	rs.next.members = append(rs.next.members, t)
	return rs.next, len(rs.next.members) == 1
}

// start keeps further ones from joining, once those who are about to have come.
func (rs *rounds) start(r *round) {
	for before := 0; ; {
		rs.mu.Lock()
		now := len(r.members)
		if now == before {
			if rs.next == r {
				rs.next = nil
			}
			rs.mu.Unlock()
			return
		}
		rs.mu.Unlock()
		before = now
		runtime.Gosched()
	}
}

// run commits the transactions of a round.
func (c *Coordinator) run(r *round) {
	var failed map[Partition]error
	if !seeded.On(seeded.EarlyCommit) {
		failed = syncAll(r.members)
	}
	var decided []*Txn
	var ds []*Decision
	for _, t := range r.members {
		if t.err = t.failure(failed); t.err == nil {
			decided = append(decided, t)
			ds = append(ds, t.decision())
		}
	}
	if len(ds) == 0 {
		return
	}
	for i, v := range c.store.Commit(ds, c.forgettable) {
		decided[i].outcome, decided[i].err, decided[i].decided = v.Outcome, v.Err, ds[i]
	}
}

// syncAll makes the records of transactions durable, each partition once and side by side. It returns the errors.
func syncAll(ts []*Txn) map[Partition]error {
	upTo := map[Partition]int64{}
	for _, t := range ts {
		for _, p := range t.parts {
			upTo[p.Partition] = max(upTo[p.Partition], p.next)
		}
	}
	var mu sync.Mutex
	var failed map[Partition]error
	try := func(p Partition, next int64) {
		if err := p.Sync(next); err != nil {
			mu.Lock()
			defer mu.Unlock()
			if failed == nil {
				failed = map[Partition]error{}
			}
			failed[p] = err
		}
	}
	var others sync.WaitGroup
	for p, next := range upTo {
		if delete(upTo, p); len(upTo) == 0 {
			try(p, next) // the last one needs no goroutine
			break
		}
		others.Go(func() { try(p, next) })
	}
	others.Wait()
	return failed
}

// failure is the error of a partition that the transaction takes part in.
func (t *Txn) failure(failed map[Partition]error) error {
	if len(failed) == 0 {
		return nil
	}
	for _, p := range t.parts {
		if err := failed[p.Partition]; err != nil {
			return err
		}
	}
	return nil
}

// decision is what is stored of the transaction.
func (t *Txn) decision() *Decision {
	d := &Decision{ID: t.id, Offsets: t.offsets, Ends: make([]End, 0, len(t.parts))}
	for _, p := range t.parts {
		if p.next > 0 {
			d.Ends = append(d.Ends, End{p.ID(), p.next})
		}
	}
	return d
}
