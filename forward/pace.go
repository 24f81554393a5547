package forward

import "time"

// bucket is a token bucket that may go into debt: what is too large for it waits until the bucket is full, and is paid for
// afterwards.
type bucket struct {
	rate   int64 // bytes per second, and the most that the bucket holds; 0 is no bound
	tokens float64
	at     time.Time // when tokens was right
}

// take takes n bytes and returns how long to wait before they may be sent.
func (b *bucket) take(now time.Time, n int) time.Duration {
	if b.rate == 0 {
		return 0
	}
	rate := float64(b.rate)
	if b.at.IsZero() {
		b.tokens = rate
	} else if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(b.tokens+passed.Seconds()*rate, rate)
	}
	b.at = now
	missing := min(float64(n), rate) - b.tokens
	b.tokens -= float64(n)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / rate * float64(time.Second))
}
