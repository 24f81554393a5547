package kafka

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

func TestIterators(t *testing.T) {
	asked := 0
	numbers := func(yield func(int) bool) {
		for i := range 10 {
			if asked++; !yield(i) {
				return
			}
		}
	}
	even := func(i int) bool { return i%2 == 0 }
	require.Equal(t, []int{0, 2, 4, 6, 8}, slices.Collect(Filter(numbers, even)))
	require.Equal(t, []float64{0, 0.5, 1}, slices.Collect(Take(Map(numbers, func(i int) float64 { return float64(i) / 2 }), 3)))
	require.Equal(t, [][]int{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}}, slices.Collect(Chunk(numbers, 4)))
	require.Panics(t, func() { Chunk(numbers, 0) })
	asked = 0
	require.Equal(t, []int{0, 1}, slices.Collect(Take(numbers, 2)))
	require.Equal(t, 2, asked, "no further element is asked for")
	require.Empty(t, slices.Collect(Take(numbers, 0)))
	require.Empty(t, slices.Collect(Take(numbers, -1)))
	for range Filter(Map(Chunk(numbers, 3), func(c []int) int { return len(c) }), func(int) bool { return true }) {
		break
	}
}

func TestRetry(t *testing.T) {
	again := engine.Errorf(ErrTimeout, "again")
	for _, tc := range []struct {
		name  string
		errs  []error
		opts  []RetryOption
		calls int
		want  error
	}{
		{"success", nil, nil, 1, nil},
		{"success at last", []error{again, again}, nil, 3, nil},
		{"three attempts", []error{again, again, again, again}, nil, 3, ErrTimeout},
		{"five attempts", []error{again, again, again, again}, []RetryOption{WithAttempts(5)}, 5, nil},
		{"not retriable", []error{engine.Errorf(ErrCorrupt, "never")}, nil, 1, ErrCorrupt},
		{"not ours", []error{errors.ErrUnsupported}, nil, 1, errors.ErrUnsupported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := clock.NewManual(epoch)
			calls, done := 0, make(chan error)
			waits := make(chan struct{}, 10)
			go func() {
				done <- Retry(t.Context(), func() error {
					waits <- struct{}{}
					if calls++; calls <= len(tc.errs) {
						return tc.errs[calls-1]
					}
					return nil
				}, append(tc.opts, WithRetryClock(m))...)
			}()
			<-waits
			for i, wait := 1, time.Second; i < tc.calls; i, wait = i+1, 2*wait {
				m.WaitForTimers(1)
				m.Advance(wait - 1)
				require.Equal(t, 1, m.Timers(), "not before its time")
				m.Advance(wait/10 + 1)
				<-waits
			}
			require.ErrorIs(t, <-done, tc.want)
			require.Equal(t, tc.calls, calls)
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := Retry(ctx, func() error { cancel(); return ErrTimeout }, WithAttempts(1000))
	require.ErrorIs(t, err, ErrTimeout)
}

func TestBackoffIsBounded(t *testing.T) {
	c := retryConfig{first: time.Second, most: 10 * time.Second}
	for attempt, want := range map[int]time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 1 << 20: 10} {
		d := c.backoff(attempt)
		require.GreaterOrEqual(t, d, want*time.Second)
		require.LessOrEqual(t, d, want*time.Second*11/10)
	}
	require.Zero(t, (&retryConfig{}).backoff(7))
}
