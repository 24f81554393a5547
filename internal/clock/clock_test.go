package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// received is the value that is waiting on a timer's channel.
func received(t clock.Timer) (time.Time, bool) {
	select {
	case at := <-t.C():
		return at, true
	default:
		return time.Time{}, false
	}
}

func TestManualFiresInOrder(t *testing.T) {
	m := clock.NewManual(start)
	var fired []string
	note := func(name string) func() {
		return func() { fired = append(fired, name+" "+m.Now().Sub(start).String()) }
	}
	m.AfterFunc(3*time.Second, note("late"))
	m.AfterFunc(time.Second, note("first of two"))
	m.AfterFunc(time.Second, note("second of two"))
	m.AfterFunc(2*time.Second, func() {
		note("chain")()
		m.AfterFunc(500*time.Millisecond, note("link"))
	})
	require.Equal(t, 4, m.Timers())

	m.Advance(999 * time.Millisecond)
	require.Empty(t, fired)
	m.Advance(10 * time.Second)
	require.Equal(t, []string{"first of two 1s", "second of two 1s", "chain 2s", "link 2.5s", "late 3s"}, fired)
	require.Equal(t, start.Add(10*time.Second+999*time.Millisecond), m.Now())
	require.Zero(t, m.Timers())
}

func TestManualTimer(t *testing.T) {
	m := clock.NewManual(start)
	timer := m.NewTimer(time.Minute)
	_, ok := received(timer)
	require.False(t, ok)

	m.Advance(time.Minute)
	require.False(t, timer.Stop(), "it has fired")
	_, ok = received(timer)
	require.False(t, ok, "Stop takes the value back")

	require.False(t, timer.Reset(time.Second))
	require.True(t, timer.Reset(2*time.Second), "it was pending")
	m.Advance(time.Second)
	_, ok = received(timer)
	require.False(t, ok, "the earlier setting is void")
	m.Advance(time.Second)
	at, ok := received(timer)
	require.True(t, ok)
	require.Equal(t, start.Add(time.Minute+2*time.Second), at)

	timer.Reset(time.Second)
	require.True(t, timer.Stop())
	require.False(t, timer.Stop())
	m.Advance(time.Hour)
	_, ok = received(timer)
	require.False(t, ok)
}

func TestManualWithoutDelay(t *testing.T) {
	m := clock.NewManual(start)
	at, ok := received(m.NewTimer(0))
	require.True(t, ok)
	require.Equal(t, start, at)
	done := make(chan struct{})
	timer := m.AfterFunc(-time.Second, func() { close(done) })
	<-done
	require.Nil(t, timer.C())
	require.Zero(t, m.Timers())
}

func TestManualSet(t *testing.T) {
	m := clock.NewManual(start)
	timer := m.NewTimer(time.Hour)
	m.Set(start.Add(-time.Hour))
	require.Equal(t, start.Add(-time.Hour), m.Now())
	_, ok := received(timer)
	require.False(t, ok)
	m.Set(start.Add(time.Hour))
	_, ok = received(timer)
	require.True(t, ok)
	require.Panics(t, func() { m.Advance(-1) })
}

func TestWaitForTimers(t *testing.T) {
	m := clock.NewManual(start)
	errs := make(chan error)
	for range 3 {
		go func() { errs <- clock.Sleep(t.Context(), m, time.Hour) }()
	}
	m.WaitForTimers(3)
	m.Advance(time.Hour)
	for range 3 {
		require.NoError(t, <-errs)
	}
}

func TestSleep(t *testing.T) {
	cause := errors.New("enough")
	for name, c := range map[string]clock.Clock{"manual": clock.NewManual(start), "real": clock.Real} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, clock.Sleep(t.Context(), c, 0))
			ctx, cancel := context.WithCancelCause(t.Context())
			errs := make(chan error)
			go func() { errs <- clock.Sleep(ctx, c, time.Hour) }()
			cancel(cause)
			require.ErrorIs(t, <-errs, cause)
			require.ErrorIs(t, clock.Sleep(ctx, c, 0), cause)
		})
	}
}

// The real clock and a manual one differ only in who moves them: package time is faked by the bubble.
func TestRealInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := clock.Real.Now()
		require.NoError(t, clock.Sleep(t.Context(), clock.Real, time.Hour))
		require.Equal(t, time.Hour, clock.Real.Now().Sub(began))

		fired := false
		timer := clock.Real.AfterFunc(time.Minute, func() { fired = true })
		require.Nil(t, timer.C())
		require.True(t, timer.Stop())
		require.False(t, timer.Reset(time.Second))
		require.NoError(t, clock.Sleep(t.Context(), clock.Real, 2*time.Second))
		synctest.Wait()
		require.True(t, fired)

		tick := clock.Real.NewTimer(time.Second)
		require.Equal(t, began.Add(time.Hour+3*time.Second), <-tick.C())
	})
}

func ExampleManual() {
	m := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = clock.Sleep(context.Background(), m, time.Hour)
	}()
	m.WaitForTimers(1)
	m.Advance(time.Hour)
	<-done
}
