package stream

import (
	"math"
	"time"
)

// smallest is the smallest time of the partitions that hold stream time back. With all idle, it is the largest time.
func (t *Task) smallest() int64 {
	least, most, all := int64(math.MaxInt64), int64(never), true
	for _, p := range t.partitions {
		most = max(most, p.time)
		if !p.idle {
			least, all = min(least, p.time), false
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
	for {
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
	t.time = max(t.time, target)
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
		if err := t.advance(at); err != nil {
			return err
		}
	}
}

// Tick looks at the clock, which makes no difference to [WithUntilEnd]: partitions without records for the idle timeout stop holding stream time back, and when all
// do, time goes on from the newest record.
func (t *Task) Tick() error {
	if t.config.untilEnd {
		return nil
	}
	now := t.env.Clock.Now()
	newest, since := int64(never), time.Time{}
	for _, p := range t.partitions {
		p.idle = len(p.buffer) == 0 && p.read >= p.end && now.Sub(p.since) >= t.config.idleTimeout
		if p.time > newest || p.time == newest && p.since.After(since) {
			newest, since = p.time, p.since
		}
	}
	target := t.smallest()
	if target != never && t.allIdle() {
		target += now.Sub(since).Milliseconds()
	}
	return t.AdvanceTo(target)
}

// AdvanceTo moves stream time to target, in milliseconds, unless it is there already.
func (t *Task) AdvanceTo(target int64) (err error) {
	defer rescue(nil, &err)
	return t.advance(target)
}

func (t *Task) allIdle() bool {
	for _, p := range t.partitions {
		if !p.idle {
			return false
		}
	}
	return true
}

// patience is how long nothing can happen without a record; false when that is forever.
func (t *Task) patience() (time.Duration, bool) {
	op, at := t.due()
	if op == nil {
		return 0, false
	}
	if t.allIdle() {
		return time.Duration(max(at-t.time, 1)) * time.Millisecond, true
	}
	now, least := t.env.Clock.Now(), t.config.idleTimeout
	for _, p := range t.partitions {
		if !p.idle {
			least = min(least, max(t.config.idleTimeout-now.Sub(p.since), time.Millisecond))
		}
	}
	return least, true
}
