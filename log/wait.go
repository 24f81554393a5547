package log

import (
	"slices"
	"sync/atomic"
)

// Waiter is woken when a log that it was added to grows. One goroutine at a time uses it:
//
//	w.Arm()
//	if nothing is there { <-w.C }
type Waiter struct {
	C     chan struct{}
	armed atomic.Bool
}

// NewWaiter makes a Waiter. It may be added to any number of logs.
func NewWaiter() *Waiter { return &Waiter{C: make(chan struct{}, 1)} }

// Arm asks to be woken once. What was appended before Arm returned is seen by a look at the log after it.
func (w *Waiter) Arm() {
	select {
	case <-w.C:
	default:
	}
	w.armed.Store(true)
}

// Wake wakes the waiter if it is armed.
func (w *Waiter) Wake() {
	if w.armed.Load() && w.armed.CompareAndSwap(true, false) {
		select {
		case w.C <- struct{}{}:
		default:
		}
	}
}

// AddWaiter makes appends wake w.
func (l *Log) AddWaiter(w *Waiter) {
	l.changeWaiters(func(ws []*Waiter) []*Waiter { return append(ws, w) })
}

// RemoveWaiter undoes AddWaiter.
func (l *Log) RemoveWaiter(w *Waiter) {
	l.changeWaiters(func(ws []*Waiter) []*Waiter { return slices.DeleteFunc(ws, func(x *Waiter) bool { return x == w }) })
}

func (l *Log) changeWaiters(change func([]*Waiter) []*Waiter) {
	for {
		old := l.waiters.Load()
		var ws []*Waiter
		if old != nil {
			ws = slices.Clone(*old)
		}
		ws = change(ws)
		next := &ws
		if len(ws) == 0 {
			next = nil
		}
		if l.waiters.CompareAndSwap(old, next) {
			return
		}
	}
}

func (l *Log) wake() {
	if ws := l.waiters.Load(); ws != nil {
		for _, w := range *ws {
			w.Wake()
		}
	}
}
