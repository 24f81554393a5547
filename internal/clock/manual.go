package clock

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Manual is a [Clock] that stands still until it is told to move. Timers fire while it moves, in the order of their
// times and, for equal times, of their settings; during each the clock shows the time of that timer. So a program that
// is driven by one goroutine behaves the same every time.
type Manual struct {
	moving sync.Mutex // one move at a time

	mu      sync.Mutex
	changed sync.Cond // pending grew
	now     time.Time
	set     uint64 // counts the settings of timers
	pending []*manualTimer
}

// NewManual returns a clock that shows start.
func NewManual(start time.Time) *Manual {
	m := &Manual{now: start}
	m.changed.L = &m.mu
	return m
}

// Now implements [Clock].
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// NewTimer implements [Clock].
func (m *Manual) NewTimer(d time.Duration) Timer {
	t := &manualTimer{clock: m, c: make(chan time.Time, 1)}
	t.Reset(d)
	return t
}

// AfterFunc implements [Clock]. f runs in the goroutine that moves the clock, which waits for it; if d is not
// positive, in a goroutine of its own, at once. f may use the clock and its timers but must not move it.
func (m *Manual) AfterFunc(d time.Duration, f func()) Timer {
	t := &manualTimer{clock: m, f: f}
	t.Reset(d)
	return t
}

// Advance moves the clock by d, which must not be negative, and fires the timers that become due, also those that are
// set meanwhile. Concurrent moves wait for each other.
func (m *Manual) Advance(d time.Duration) {
	if d < 0 {
		panic("clock: negative advance")
	}
	m.moving.Lock()
	defer m.moving.Unlock()
	m.moveTo(m.Now().Add(d))
}

// Set moves the clock to t. Forward it fires timers, as Advance does. Backward, as a system's clock may be set, it
// fires none; timers keep their times.
func (m *Manual) Set(t time.Time) {
	m.moving.Lock()
	defer m.moving.Unlock()
	m.moveTo(t)
}

func (m *Manual) moveTo(target time.Time) {
	for {
		t := m.next(target)
		if t == nil {
			return
		}
		if t.f != nil {
			t.f()
		}
	}
}

// next takes the first timer that is due by target, and moves the clock to its time; without one, to target.
func (m *Manual) next(target time.Time) *manualTimer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.pending) == 0 || m.pending[0].when.After(target) {
		m.now = target
		return nil
	}
	t := m.pending[0]
	m.pending = slices.Delete(m.pending, 0, 1)
	if t.when.After(m.now) {
		m.now = t.when
	}
	t.send(m.now)
	return t
}

// Timers is the number of timers that are pending.
func (m *Manual) Timers() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pending)
}

// WaitForTimers returns when at least n timers are pending: then whoever a test wants to wake is waiting, and the
// test can move the clock.
func (m *Manual) WaitForTimers(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.pending) < n {
		m.changed.Wait()
	}
}

// manualTimer is guarded by the mutex of its clock.
type manualTimer struct {
	clock *Manual
	c     chan time.Time // nil if f is set
	f     func()
	when  time.Time
	order uint64
}

func (t *manualTimer) C() <-chan time.Time { return t.c }

func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

func (t *manualTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	was := t.remove()
	if d <= 0 {
		t.send(t.clock.now)
		if t.f != nil {
			go t.f()
		}
		return was
	}
	t.insert(t.clock.now.Add(d))
	return was
}

// insert keeps the pending timers in the order in which they fire.
func (t *manualTimer) insert(when time.Time) {
	m := t.clock
	m.set++
	t.when, t.order = when, m.set
	i, _ := slices.BinarySearchFunc(m.pending, t, func(a, b *manualTimer) int {
		return cmp.Or(a.when.Compare(b.when), cmp.Compare(a.order, b.order))
	})
	m.pending = slices.Insert(m.pending, i, t)
	m.changed.Broadcast()
}

// remove takes the timer from those that are pending, and a value that nobody received from its channel.
func (t *manualTimer) remove() bool {
	select {
	case <-t.c:
	default:
	}
	i := slices.Index(t.clock.pending, t)
	if i < 0 {
		return false
	}
	t.clock.pending = slices.Delete(t.clock.pending, i, i+1)
	return true
}

// send never blocks: the channel holds one value, and is emptied before each setting.
func (t *manualTimer) send(now time.Time) {
	if t.c != nil {
		t.c <- now
	}
}
