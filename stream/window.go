package stream

import (
	"fmt"
	"math"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

type windowKind int8

const (
	noWindow windowKind = iota
	tumbling
	hopping
	sliding
	session
)

// Window says which windows an element belongs to. Durations are in whole milliseconds. Windows are those of Kafka
// Streams: tumbling and hopping ones are aligned to the epoch and hold [start, end); sliding and session windows hold
// [start, end].
type Window struct {
	kind          windowKind
	size, advance int64
	grace         int64
	bad           bool // a duration was out of range
}

// TumblingWindow is windows of one size that neither overlap nor leave gaps.
func TumblingWindow(size time.Duration) Window { return window(tumbling, size, size) }

// HoppingWindow is windows of one size, one of which begins every advance, which must not exceed the size.
func HoppingWindow(size, advance time.Duration) Window { return window(hopping, size, advance) }

// SlidingWindow is a window for each set of elements of a key that are within d of each other, as it comes about when a
// window of that length slides over time. It ends at an element, or begins behind one.
func SlidingWindow(d time.Duration) Window { return window(sliding, d, d) }

// SessionWindow is a window for each run of elements of a key with no gap between neighbours longer than gap.
func SessionWindow(gap time.Duration) Window { return window(session, gap, gap) }

func window(k windowKind, size, advance time.Duration) Window {
	w := Window{kind: k, size: size.Milliseconds(), advance: advance.Milliseconds()}
	w.bad = w.size < 1 || w.advance < 1 || w.advance > w.size
	return w
}

// Grace keeps windows open for d of stream time after their end, for elements that come out of order; default 0.
func (w Window) Grace(d time.Duration) Window {
	w.grace = d.Milliseconds()
	w.bad = w.bad || w.grace < 0
	return w
}

func (w Window) String() string {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	s := [...]string{"none", "tumbling", "hopping", "sliding", "session"}[w.kind] + " " + ms(w.size).String()
	if w.kind == hopping {
		s += " every " + ms(w.advance).String()
	}
	if w.grace > 0 {
		s += fmt.Sprintf(" grace %v", ms(w.grace))
	}
	return s
}

func (w Window) check() error {
	if w.bad {
		return engine.Errorf(engine.ErrInvalidArgument,
			"a window of %s: durations must be at least 1 ms, an advance at most the size, a grace not negative", w)
	}
	return nil
}

// closesAt is the first stream time at which a window is closed.
func (w Window) closesAt(end int64) int64 {
	switch w.kind {
	case noWindow:
		return math.MaxInt64
	case sliding:
		return end + w.grace + 1
	case session:
		return end + w.size + w.grace + 1
	}
	return end + w.grace
}

// takes reports whether a window still takes elements.
func (w Window) takes(end, now int64) bool { return now < w.closesAt(end) }

// delay is how much older than stream time a result may be.
func (w Window) delay() int64 {
	switch w.kind {
	case noWindow:
		return 0
	case tumbling, hopping:
		return w.size + w.grace
	}
	return w.size + w.grace + 1
}

// retention is how long after its end a window is kept for the elements of others: sliding windows begin with what
// earlier ones hold.
func (w Window) retention() int64 {
	if w.kind == sliding {
		return w.grace + 3*w.size + 1
	}
	return 0
}

// starts yields the starts of the tumbling or hopping windows that a time belongs to, the earliest first.
func (w Window) starts(t int64) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		last := t - floorMod(t, w.advance)
		for start := last - (w.size-1-(t-last))/w.advance*w.advance; start <= last; start += w.advance {
			if start+w.size > t && !yield(start) {
				return
			}
		}
	}
}

func floorMod(a, b int64) int64 { return ((a % b) + b) % b }
