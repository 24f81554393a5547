package stream

import (
	"math"
	"time"
)

// smallest is the smallest time of the lanes that hold stream time back. With all idle, it is the largest time.
func (t *Task) smallest() int64 {
	least, most, all := int64(math.MaxInt64), int64(never), true
	for _, in := range t.inputs {
		for i := range in.lanes {
			l := &in.lanes[i]
			most = max(most, l.time)
			if !l.idle {
				least, all = min(least, l.time), false
			}
		}
	}
	if all {
		return most
	}
	return least
}

// advance moves stream time to target, and stops on the way wherever something closes, so that what one operator
// releases reaches the next one in time.
func (t *Task) advance(target int64) error {
	if target <= t.time {
		return nil
	}
	for len(t.operators) > 0 {
		op, at := t.due()
		if op == nil || at > target {
			break
		}
		t.time = max(t.time, at)
		t.closings++
		if err := op.close(t.now(op)); err != nil {
			return err
		}
	}
	t.time = target
	return nil
}

// due is the operator that closes something next, and when.
func (t *Task) due() (next *placed, at int64) {
	for _, op := range t.operators {
		if c, ok := op.nextClose(); ok && (next == nil || c+op.lag < at) {
			next, at = op, c+op.lag
		}
	}
	return next, at
}

// Finish closes everything that is open, as if time went on without further records.
func (t *Task) Finish() (err error) {
	defer rescue(nil, &err)
	for {
		op, at := t.due()
		if op == nil {
			return nil
		}
		if err := t.advance(max(at, t.time+1)); err != nil {
			return err
		}
	}
}

// Tick looks at the clock, which makes no difference to [WithUntilEnd]: what has been without records for the idle
// timeout stops holding stream time back, and when everything has, time goes on from the newest record. What comes
// through a repartition topic may take two commit intervals longer one time than another; that much time waits.
func (t *Task) Tick() error { return t.tick(t.env.Clock.Now()) }

func (t *Task) tick(now time.Time) error {
	if t.config.untilEnd {
		return nil
	}
	newest, since, slack, all := int64(never), time.Time{}, time.Duration(0), true
	for _, in := range t.inputs {
		end := in.atEnd()
		for i := range in.lanes {
			l := &in.lanes[i]
			l.idle = end && now.Sub(l.since) >= t.config.idleTimeout
			all = all && l.idle
			if l.time > newest || l.time == newest && l.since.After(since) {
				newest, since = l.time, l.since
			}
		}
		if in.arrival {
			slack = 2 * t.config.commitInterval
		}
	}
	target := t.smallest()
	if target != never && all {
		target += max(0, now.Sub(since)-slack).Milliseconds()
	}
	return t.AdvanceTo(target)
}

// AdvanceTo moves stream time to target, in milliseconds, unless it is there already.
func (t *Task) AdvanceTo(target int64) (err error) {
	if target <= t.time {
		return nil
	}
	defer rescue(nil, &err)
	return t.advance(target)
}

// patience is how long nothing can happen without a record; false when that is forever.
func (t *Task) patience() (time.Duration, bool) {
	op, at := t.due()
	if op == nil {
		return 0, false
	}
	now, least, all := t.env.Clock.Now(), t.config.idleTimeout, true
	for _, in := range t.inputs {
		for _, l := range in.lanes {
			if !l.idle {
				all = false
				least = min(least, max(t.config.idleTimeout-now.Sub(l.since), time.Millisecond))
			}
		}
	}
	if all {
		return time.Duration(max(at-t.time, 1)) * time.Millisecond, true
	}
	return least, true
}
