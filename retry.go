package kafka

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// RetryOption changes how [Retry] tries again.
type RetryOption interface{ applyRetry(*retryConfig) }

// RetryParallelOption serves [Retry], and the handlers of [Consumer.Parallel], [Consumer.Subscribe] and [Worker].
type RetryParallelOption interface {
	RetryOption
	ParallelOption
}

// retryConfig says how often and after what time something is tried again.
type retryConfig struct {
	attempts    int
	first, most time.Duration
	clock       clock.Clock
}

type retryOption func(*retryConfig)

func (o retryOption) applyRetry(c *retryConfig)       { o(c) }
func (o retryOption) applyParallel(c *parallelConfig) { o(&c.retry) }
func (o retryOption) applyConsumer(c *consumerConfig) { o(&c.parallel.retry) }

// WithAttempts sets how often something is tried in all, at least once. The default is 3 for [Retry], and 1 for handlers.
func WithAttempts(n int) RetryParallelOption {
	return retryOption(func(c *retryConfig) { c.attempts = max(n, 1) })
}

// WithBackoff sets the time before the first retry, which doubles with each further one up to most, plus up to a tenth at
// random; default 1 s and 30 s.
func WithBackoff(first, most time.Duration) RetryParallelOption {
	return retryOption(func(c *retryConfig) { c.first, c.most = max(first, 0), max(most, first, 0) })
}

type retryClock struct{ Clock }

func (o retryClock) applyRetry(c *retryConfig) { c.clock = o.Clock }

// WithRetryClock sets the clock of [Retry], for tests.
func WithRetryClock(c Clock) RetryOption { return retryClock{c} }

// Retry calls fn until it returns nil, or an error for which [IsRetriable] is false, or it was tried often enough, and
// returns what fn returned last. It waits in between, longer each time. An end of ctx ends the waiting, and the error is
// still fn's.
func Retry(ctx context.Context, fn func() error, opts ...RetryOption) error {
	c := retryConfig{attempts: 3, first: time.Second, most: 30 * time.Second, clock: clock.Real}
	for _, o := range opts {
		o.applyRetry(&c)
	}
	for attempt := 1; ; attempt++ {
		err := fn()
		if err == nil || !IsRetriable(err) || attempt >= c.attempts {
			return err
		}
		if clock.Sleep(ctx, c.clock, c.backoff(attempt)) != nil {
			return err
		}
	}
}

// backoff is the time to wait after a failed attempt, counted from 1.
func (c *retryConfig) backoff(attempt int) time.Duration {
	d := c.first
	for range attempt - 1 {
		if d >= c.most/2 {
			d = c.most
			break
		}
		d *= 2
	}
	return d + time.Duration(rand.Int64N(int64(d)/10+1))
}
