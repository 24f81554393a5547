package carry

import (
	"math/rand/v2"
	"time"
)

// Bounds of the wait before another attempt.
const (
	firstBackoff = 250 * time.Millisecond
	mostBackoff  = 30 * time.Second
)

// Backoff chooses how long to wait between attempts: twice as long each time, from 250 ms to 30 s, and of that a random
// half, so that those who lost the same target do not come back at once. The zero value is ready.
type Backoff struct{ next time.Duration }

// Next is how long to wait now.
func (b *Backoff) Next() time.Duration {
	d := max(b.next, firstBackoff)
	b.next = min(2*d, mostBackoff)
	return d/2 + rand.N(d/2+1)
}

// Reset makes the next wait the shortest: something has worked.
func (b *Backoff) Reset() { b.next = 0 }
