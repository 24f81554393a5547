package txn

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// entry is a batch as a fake partition has it.
type entry struct {
	id       ID
	sequence int32
	marker   string // "commit" or "abort"; empty for data
}

// fake is a partition in memory.
type fake struct {
	id      PartitionID
	mu      sync.Mutex
	entries []entry
	next    int64
	durable int64
	syncs   int
	fail    error // of appends
	failing error // of syncs
	deleted bool
}

func (p *fake) ID() PartitionID { return p.id }

func (p *fake) Append(b record.Batch, _ int64) (log.Appended, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return log.Appended{}, p.fail
	}
	e := entry{id: ID{b.ProducerID(), b.ProducerEpoch()}, sequence: b.BaseSequence()}
	if b.IsControl() {
		e.marker = kindOf(b)
	}
	p.entries = append(p.entries, e)
	first := p.next
	p.next += int64(b.LastOffsetDelta()) + 1
	return log.Appended{First: first, Next: p.next}, nil
}

func kindOf(b record.Batch) string {
	var r record.Reader
	var rec record.Record
	if r.Reset(b, len(b)) != nil || !r.Next(&rec) {
		panic("not a marker")
	}
	if commit, err := record.ParseControl(rec); err != nil {
		panic(err)
	} else if commit {
		return "commit"
	}
	return "abort"
}

func (p *fake) Sync(upTo int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.syncs++; p.failing != nil {
		return p.failing
	}
	p.durable = p.next
	return nil
}

func (p *fake) End() int64     { p.mu.Lock(); defer p.mu.Unlock(); return p.next }
func (p *fake) Durable() int64 { p.mu.Lock(); defer p.mu.Unlock(); return p.durable }
func (p *fake) Deleted() bool  { p.mu.Lock(); defer p.mu.Unlock(); return p.deleted }

func (p *fake) setFail(err error) { p.mu.Lock(); defer p.mu.Unlock(); p.fail = err }

// store is a Store in memory.
type store struct {
	mu        sync.Mutex
	decisions map[ID]Decision
	units     int
	reserved  int64
	pool      []int64
	outcome   Outcome // of all commits
	err       error
	reserving error // of Reserve
}

func newStore() *store { return &store{decisions: map[ID]Decision{}, outcome: Stored} }

func (s *store) Commit(ds []*Decision, forget func() []ID) []Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units++
	vs := make([]Verdict, len(ds))
	for i, d := range ds {
		vs[i] = Verdict{s.outcome, s.err}
		if s.outcome != Refused {
			s.decisions[d.ID] = *d
		}
	}
	if s.outcome == Stored {
		for _, id := range forget() {
			delete(s.decisions, id)
		}
	}
	return vs
}

func (s *store) Find(d *Decision) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, s.err
	}
	_, ok := s.decisions[d.ID]
	return ok, nil
}

func (s *store) Forget(ids []ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.decisions, id)
	}
	return nil
}

func (s *store) Reserve(pool []int64, n int) (ids []int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserving != nil {
		return nil, s.reserving
	}
	for range n {
		ids = append(ids, s.reserved)
		s.reserved++
	}
	s.pool = append(slices.Clone(pool), ids...)
	return ids, nil
}

func (s *store) kept() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.decisions) }

var errBroken = errors.New("broken")

func newCoordinator(s Store) *Coordinator {
	return New(Config{Clock: clock.NewManual(time.UnixMilli(1)), Store: s})
}

func begin(t testing.TB, c *Coordinator) *Txn {
	t.Helper()
	p, err := c.Open("", 0)
	require.NoError(t, err)
	x, err := p.Begin()
	require.NoError(t, err)
	return x
}

func put(t testing.TB, x *Txn, ps ...*fake) {
	t.Helper()
	for _, p := range ps {
		require.NoError(t, x.Add(p, Batching{}, &engine.Record{Value: []byte("x")}))
	}
}
