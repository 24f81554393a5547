package kafka

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// spell is the time for which a member reads a partition without a break.
type spell struct {
	member     int32
	start, end int   // indexes of events; end is MaxInt while it lasts
	kicked     bool  // it ended without the member's doing, or with its death
	first      int64 // the offset that it began at, which is what was committed then
	next       int64 // the next to be processed
	working    bool  // the record before next is not finished
	commit     int64 // the highest that succeeded
}

// checker judges a history of one partition.
type checker struct {
	partition int
	spells    []*spell
	latest    map[int32]*spell // of each member
	owners    map[int]*spell   // of commits under way
	processed int64            // every record below was processed by somebody
}

// check judges a history and returns the highest offset that each partition's records were processed and committed to. What
// it finds wrong is one of these:
//
//   - records skipped, repeated or out of order while a member reads a partition without a break;
//   - a commit of what nobody has processed;
//   - a partition that is not taken up where the last successful commit left it, so that records are lost or come twice,
//     or a committed offset that moved back, or a commit that succeeded after a kick;
//   - two members that process a partition at the same time, neither of them kicked.
//
// Who was kicked learns of it late, so the order of events says little of the order in which members had a partition.
// But committed offsets never move back, so the order of the offsets that they began at does.
func check(events []event, partitions int) ([]int64, error) {
	ends := make([]int64, partitions)
	checkers := make([]*checker, partitions)
	for p := range checkers {
		checkers[p] = &checker{partition: p, latest: map[int32]*spell{}, owners: map[int]*spell{}}
	}
	for i, e := range events {
		if e.kind == sawGone {
			for _, c := range checkers {
				c.finish(e.member, i, true)
			}
			continue
		}
		if err := checkers[e.partition].step(i, e); err != nil {
			return nil, fmt.Errorf("event %d, %+v: %w", i, e, err)
		}
	}
	for p, c := range checkers {
		var err error
		if ends[p], err = c.checkStarts(); err == nil {
			err = c.checkOverlaps()
		}
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", p, err)
		}
	}
	return ends, nil
}

func (c *checker) step(i int, e event) error {
	s := c.latest[e.member]
	switch e.kind {
	case sawFetch:
		if s == nil || s.end != math.MaxInt {
			s = &spell{member: e.member, start: i, end: math.MaxInt, first: e.offset, next: e.offset}
			c.latest[e.member], c.spells = s, append(c.spells, s)
		}
	case sawBegin:
		if s == nil || s.end != math.MaxInt && !s.kicked {
			return fmt.Errorf("processes a partition that it does not have")
		}
		if s.working || e.offset != s.next {
			return fmt.Errorf("out of order: expected offset %d (working on the one before: %v)", s.next, s.working)
		}
		s.next, s.working = e.offset+1, true
	case sawFinish:
		s.working = false
		c.processed = max(c.processed, e.offset+1)
	case sawCommitting:
		if e.offset > c.processed {
			return fmt.Errorf("commits what was not processed, from %d on", c.processed)
		}
		c.owners[i] = s
	case sawCommit:
		if s = c.owners[int(e.ref)]; s == nil {
			return fmt.Errorf("commits a partition that it never had")
		}
		s.commit = max(s.commit, e.offset)
	case sawRevoked, sawLost:
		c.finish(e.member, i, e.kind == sawLost)
	}
	return nil
}

func (c *checker) finish(member int32, at int, kicked bool) {
	if s := c.latest[member]; s != nil && s.end == math.MaxInt {
		s.end, s.kicked = at, kicked
	}
}

// checkStarts checks that each spell began where the commits of all before it had come to. It returns the last commit.
func (c *checker) checkStarts() (committed int64, err error) {
	byFirst := slices.Clone(c.spells)
	slices.SortStableFunc(byFirst, func(a, b *spell) int { return cmp.Compare(a.first, b.first) })
	for i := 0; i < len(byFirst); {
		first := byFirst[i].first
		if first != committed {
			return 0, fmt.Errorf("member %d begins at %d, but %d is committed", byFirst[i].member, first, committed)
		}
		writers := 0
		for ; i < len(byFirst) && byFirst[i].first == first; i++ {
			if s := byFirst[i]; s.commit > first {
				writers++
				committed = s.commit
			}
		}
		if writers > 1 {
			return 0, fmt.Errorf("%d members commit from offset %d on", writers, first)
		}
	}
	return committed, nil
}

// checkOverlaps checks that of two members that have the partition at the same time one was kicked.
func (c *checker) checkOverlaps() error {
	var last *spell // of those that were not kicked, the one that ends last
	for _, s := range c.spells {
		if s.kicked {
			continue
		}
		if last != nil && s.start < last.end {
			return fmt.Errorf("members %d and %d have it at the same time, at event %d", last.member, s.member, s.start)
		}
		last = s
	}
	return nil
}

// The checker finds what it is for.
func TestCheckerFindsMistakes(t *testing.T) {
	const p = 0
	of := func(member int32, kind uint8, offset int64) event { return event{kind, p, member, 0, offset} }
	// process is a member's fetch and work, up to an offset.
	process := func(member int32, from, to int64) (all []event) {
		all = append(all, of(member, sawFetch, from))
		for o := from; o < to; o++ {
			all = append(all, of(member, sawBegin, o), of(member, sawFinish, o))
		}
		return all
	}
	history := func(parts ...[]event) (all []event) {
		for _, part := range parts {
			for _, e := range part {
				if e.kind == sawCommit {
					e.ref = int32(len(all) - 1)
				}
				all = append(all, e)
			}
		}
		return all
	}
	commit := func(member int32, next int64) []event {
		return []event{of(member, sawCommitting, next), of(member, sawCommit, next)}
	}
	one := func(member int32, kind uint8) []event { return []event{of(member, kind, 0)} }
	for _, tc := range []struct {
		name   string
		events []event
		want   string
	}{
		{"in good order", history(process(1, 0, 3), commit(1, 3), one(1, sawRevoked), process(2, 3, 4), commit(2, 4)), ""},
		{"again what was not committed", history(process(1, 0, 3), commit(1, 1), one(1, sawRevoked), process(2, 1, 4)), ""},
		{"a kicked member works on", history(process(1, 0, 3), process(2, 0, 4), commit(2, 4), one(1, sawLost)), ""},
		{"a dead member", history(process(1, 0, 3), one(1, sawGone), process(2, 0, 4), commit(2, 4)), ""},
		{"a late fetch", history(process(2, 2, 3), commit(2, 3), process(1, 0, 2), commit(1, 2), one(1, sawLost)), ""},
		{"a gap", history(process(1, 0, 3), process(1, 4, 5)), "out of order"},
		{"a repetition", history(process(1, 0, 3), process(1, 2, 5)), "out of order"},
		{"a commit too far", history(process(1, 0, 3), commit(1, 4)), "not processed"},
		{"records skipped", history(process(1, 0, 3), commit(1, 2), one(1, sawRevoked), process(2, 3, 4)), "but 2 is committed"},
		{"records twice", history(process(1, 0, 3), commit(1, 3), one(1, sawRevoked), process(2, 2, 4)), "2 is committed|begins at 2|at 2, but"},
		{"nothing committed, yet skipped", history(process(1, 1, 3)), "but 0 is committed"},
		{"a commit after a kick", history(process(1, 0, 3), process(2, 0, 2), commit(2, 2), commit(1, 3), one(1, sawLost)),
			"2 members commit"},
		{"two at the same time", history(process(1, 0, 3), process(2, 0, 2), one(1, sawRevoked)), "at the same time"},
		{"work after revocation", history(process(1, 0, 3), one(1, sawRevoked), []event{of(1, sawBegin, 3)}), "does not have"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := check(tc.events, 1)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Regexp(t, tc.want, err.Error())
		})
	}
}
