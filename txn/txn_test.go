package txn

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/log"
)

// TestEpochsRise with every transaction; a marker carries the next one.
func TestEpochsRise(t *testing.T) {
	c, a := newCoordinator(newStore()), &fake{}
	for _, commit := range []bool{true, false} {
		x := begin(t, c)
		put(t, x, a, a)
		if commit {
			require.NoError(t, x.Commit())
		} else {
			require.NoError(t, x.Flush())
			x.Abort()
		}
	}
	require.Equal(t, []entry{
		{ID{0, 0}, 0, ""}, {ID{0, 1}, -1, "commit"}, {ID{0, 1}, 0, ""}, {ID{0, 2}, -1, "abort"},
	}, a.entries)
	x := begin(t, c)
	put(t, x, a)
	x.Abort()
	require.Len(t, a.entries, 4, "what was not written leaves no trace")
	require.Zero(t, c.Count())
}

func TestAUsedUpIDLeavesThePool(t *testing.T) {
	s, a := newStore(), &fake{}
	c := newCoordinator(s)
	notes := c.Recover(Recovery{
		Pool: []int64{5, 6, 7},
		Logs: []Log{{a, []log.Producer{{ID: 5, Epoch: lastEpoch - 1, Open: -1}, {ID: 6, Epoch: lastEpoch, Open: -1}, {ID: 7, Epoch: 1<<15 - 1, Open: -1}}}},
	})
	require.Empty(t, notes)
	s.reserved = 8
	for range 2 {
		x := begin(t, c)
		put(t, x, a)
		require.NoError(t, x.Commit())
	}
	require.Equal(t, []entry{
		{ID{5, lastEpoch}, 0, ""}, {ID{5, lastEpoch + 1}, -1, "commit"}, {ID{8, 0}, 0, ""}, {ID{8, 1}, -1, "commit"},
	}, a.entries)
	require.Equal(t, []int64{8}, s.pool)
}

// TestRecovery: what each kind of open transaction becomes, and that doing it again does nothing.
func TestRecovery(t *testing.T) {
	a, b, gone := &fake{id: PartitionID{Number: 1}}, &fake{id: PartitionID{Number: 2}}, PartitionID{Number: 3}
	s := newStore()
	decided := Decision{ID: ID{1, 7}, Ends: []End{{a.id, 1}, {gone, 1}}}
	s.decisions[decided.ID] = decided
	r := Recovery{
		Pool:      []int64{1, 2},
		Decisions: []Decision{decided},
		Logs: []Log{
			{a, []log.Producer{{ID: 1, Epoch: 7, Open: 0}, {ID: 2, Epoch: 3, Open: 0}}},
			{b, []log.Producer{{ID: 1, Epoch: 7, Open: 0}, {ID: 2, Epoch: 9, Open: -1}}},
		},
		Exists: func(PartitionID) bool { return false },
	}
	c := newCoordinator(s)
	require.Empty(t, c.Recover(r))
	require.Equal(t, []entry{{ID{1, 8}, -1, "commit"}, {ID{2, 4}, -1, "abort"}}, a.entries)
	require.Equal(t, []entry{{ID{1, 8}, -1, "abort"}}, b.entries, "the decision does not name it")
	require.NoError(t, c.Forget(false))
	require.Equal(t, 1, s.kept(), "the marker may be lost yet")
	require.NoError(t, c.Forget(true))
	require.Zero(t, s.kept())

	x := begin(t, c)
	put(t, x, a)
	require.NoError(t, x.Commit())
	require.Equal(t, ID{1, 8}, a.entries[2].id, "the epoch goes on after all that are known")
	x, y := begin(t, c), begin(t, c)
	put(t, x, a)
	put(t, y, a)
	require.NoError(t, y.Commit())
	require.Equal(t, ID{2, 10}, a.entries[4].id)
	x.Abort()
}

// TestRecoveryOfAPartitionThatTakesNoMarker leaves the decision for later, and its id alone.
func TestRecoveryOfAPartitionThatTakesNoMarker(t *testing.T) {
	a, b := &fake{id: PartitionID{Number: 1}, fail: errBroken}, &fake{id: PartitionID{Number: 2}}
	s := newStore()
	decided := Decision{ID: ID{1, 7}, Ends: []End{{a.id, 1}, {b.id, 1}}}
	s.decisions[decided.ID] = decided
	c := newCoordinator(s)
	notes := c.Recover(Recovery{
		Pool: []int64{1}, Decisions: []Decision{decided},
		Logs: []Log{
			{a, []log.Producer{{ID: 1, Epoch: 7, Open: 0}}},
			{b, []log.Producer{{ID: 1, Epoch: 7, Open: 0}}},
		},
	})
	require.Len(t, notes, 1)
	require.Equal(t, []entry{{ID{1, 8}, -1, "commit"}}, b.entries)
	require.NoError(t, c.Forget(true))
	require.Equal(t, 1, s.kept())
	s.reserved = 2
	x := begin(t, c)
	put(t, x, b)
	require.NoError(t, x.Commit())
	require.Equal(t, int64(2), b.entries[1].id.Producer, "another id")
	a.setFail(nil)
	c.Settle()
	require.Equal(t, []entry{{ID{1, 8}, -1, "commit"}}, a.entries)
	require.NoError(t, c.Forget(true))
	require.Zero(t, s.kept())
}

// TestAnUnusablePartitionKeepsItsDecision, a deleted one does not.
func TestAnUnusablePartitionKeepsItsDecision(t *testing.T) {
	for _, exists := range []bool{true, false} {
		s := newStore()
		d := Decision{ID: ID{1, 1}, Ends: []End{{PartitionID{Number: 9}, 1}}}
		s.decisions[d.ID] = d
		c := newCoordinator(s)
		c.Recover(Recovery{Decisions: []Decision{d}, Exists: func(PartitionID) bool { return exists }})
		require.NoError(t, c.Forget(true))
		require.Equal(t, exists, s.kept() == 1)
	}
}

// TestAMarkerThatCannotBeWritten keeps the id out of the pool until it is: another transaction would join the open one.
func TestAMarkerThatCannotBeWritten(t *testing.T) {
	c, a, b := newCoordinator(newStore()), &fake{}, &fake{id: PartitionID{Number: 1}}
	x := begin(t, c)
	put(t, x, a, b)
	require.NoError(t, x.Flush())
	a.setFail(errBroken)
	require.NoError(t, x.Commit(), "the decision is stored")
	a.setFail(nil)
	x = begin(t, c)
	put(t, x, a)
	require.NoError(t, x.Commit())
	require.Equal(t, int64(1), a.entries[1].id.Producer)
	c.Settle()
	require.Equal(t, entry{ID{0, 1}, -1, "commit"}, a.entries[3])
}

func TestAnUnknownOutcomeIsFoundOut(t *testing.T) {
	for _, stored := range []bool{true, false} {
		s, a := newStore(), &fake{}
		c := newCoordinator(s)
		s.outcome, s.err = Unknown, errBroken
		x := begin(t, c)
		put(t, x, a)
		require.ErrorIs(t, x.Commit(), errBroken)
		c.Settle()
		require.Len(t, a.entries, 1, "it stays open")
		s.err = nil
		want := "commit"
		if !stored {
			s.decisions, want = map[ID]Decision{}, "abort"
		}
		c.Settle()
		require.Equal(t, want, a.entries[1].marker)
	}
}

func TestAFailedFsyncAborts(t *testing.T) {
	c, a, b := newCoordinator(newStore()), &fake{failing: engine.Errorf(engine.ErrIO, "the disk")}, &fake{id: PartitionID{Number: 1}}
	x, other := begin(t, c), begin(t, c)
	put(t, x, a, b)
	put(t, other, b)
	require.ErrorIs(t, x.Commit(), engine.ErrIO)
	require.NoError(t, other.Commit())
	require.Equal(t, "abort", b.entries[1].marker)
}

// TestARecordWithoutAnIDAborts: the record that no producer id could be had for is not in the transaction, so a commit that
// does not look at the error must fail.
func TestARecordWithoutAnIDAborts(t *testing.T) {
	s := newStore()
	c, a := newCoordinator(s), &fake{}
	x := begin(t, c)
	s.reserving = errBroken
	require.ErrorIs(t, x.Add(a, Batching{}, &engine.Record{}), errBroken)
	s.reserving = nil
	require.ErrorIs(t, x.Add(a, Batching{}, &engine.Record{}), errBroken)
	require.ErrorIs(t, x.Commit(), errBroken)
	require.Empty(t, a.entries)
}

func TestTooManyOpen(t *testing.T) {
	c := New(Config{Store: newStore(), MaxOpen: 2, Clock: clock.NewManual(time.UnixMilli(1))})
	x := begin(t, c)
	begin(t, c)
	p, err := c.Open("", 0)
	require.NoError(t, err)
	_, err = p.Begin()
	require.ErrorIs(t, err, engine.ErrQuotaExceeded)
	x.Abort()
	_, err = p.Begin()
	require.NoError(t, err)
	c.Close()
	_, err = p.Begin()
	require.ErrorIs(t, err, engine.ErrClosed)
}

// TestARoundSharesItsFsyncs: those who come while one is under way are committed together.
func TestARoundSharesItsFsyncs(t *testing.T) {
	s, a := newStore(), &fake{}
	c := newCoordinator(s)
	c.rounds.turn.Lock() // one is under way
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		x := begin(t, c)
		put(t, x, a)
		wg.Go(func() { errs[i] = x.Commit() })
	}
	for gathered := 0; gathered < len(errs); {
		c.rounds.mu.Lock()
		if c.rounds.next != nil {
			gathered = len(c.rounds.next.members)
		}
		c.rounds.mu.Unlock()
	}
	c.rounds.turn.Unlock()
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 1, a.syncs)
	require.Equal(t, 1, s.units)
}
