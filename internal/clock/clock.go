// Package clock is the only place of the module that reads the time: everything else is given a [Clock], so that
// tests decide what time it is.
package clock

import (
	"context"
	"time"
)

// Clock tells the time and starts timers. Its methods may be called concurrently.
type Clock interface {
	// Now is the current time.
	Now() time.Time
	// NewTimer returns a timer that sends the time on its channel once, at least d from now; at once if d is not
	// positive.
	NewTimer(d time.Duration) Timer
	// AfterFunc returns a timer that calls f once, at least d from now. Its C is nil.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is one pending event. Its methods behave as those of [time.Timer] do since Go 1.23: after Stop or Reset
// returns, no value of an earlier setting is received from C.
type Timer interface {
	// C is the channel on which the time is sent; nil for a timer made by AfterFunc.
	C() <-chan time.Time
	// Stop keeps the timer from firing, and reports whether it did: false if it had fired or was stopped before. It
	// does not wait for a function that has been started.
	Stop() bool
	// Reset makes the timer fire d from now, and reports whether it was pending.
	Reset(d time.Duration) bool
}

// Real is the system's clock, package time. Under testing/synctest it is the fake one of the bubble.
var Real Clock = realClock{}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) NewTimer(d time.Duration) Timer { return realTimer{time.NewTimer(d)} }

func (realClock) AfterFunc(d time.Duration, f func()) Timer { return realTimer{time.AfterFunc(d, f)} }

type realTimer struct{ timer *time.Timer }

func (t realTimer) C() <-chan time.Time        { return t.timer.C }
func (t realTimer) Stop() bool                 { return t.timer.Stop() }
func (t realTimer) Reset(d time.Duration) bool { return t.timer.Reset(d) }

// Sleep waits for d on the given clock. It returns early, with the cause of ctx, when ctx ends; a context that has
// ended wins over a duration that is not positive.
func Sleep(ctx context.Context, c Clock, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := c.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
