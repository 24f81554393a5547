package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// run writes batches until close, and then what is left.
func (a *accumulator) run() {
	for g := a.take(); g != nil; g = a.take() {
		a.write(g)
	}
}

// take waits for a batch that is due. It returns nil when closed and everything is written.
func (a *accumulator) take() *gathering {
	var timer clock.Timer // begins with the batch
	var lingered <-chan time.Time
	over := false
	for {
		g, gathers, closed := a.next(over)
		switch {
		case g != nil || closed:
			if timer != nil {
				timer.Stop()
			}
			return g
		case gathers && timer == nil:
			timer = a.opener.client.config.Clock.NewTimer(a.opener.config.linger)
			lingered = timer.C()
		}
		select {
		case <-a.wake:
		case <-lingered:
			over = true
		}
	}
}

// next takes the oldest batch that is due, if there is one. It reports whether one gathers otherwise, and whether there
// will be no more.
func (a *accumulator) next(lingered bool) (g *gathering, gathers, closed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	gathers = len(a.filling.records) > 0
	if len(a.full) == 0 && gathers && (lingered || a.due()) {
		a.seal()
	}
	if len(a.full) == 0 {
		return nil, gathers, a.closed
	}
	g = a.full[0]
	a.full = slices.Delete(a.full, 0, 1)
	return g, false, false
}

// due reports whether what gathers is not to linger any longer. The caller holds mu.
func (a *accumulator) due() bool {
	return a.opener.config.linger <= 0 || a.wanted > a.taken || a.closed
}

// write hands a batch to the engine, tells those that wait, and keeps its memory for the next one.
func (a *accumulator) write(g *gathering) {
	d, err := a.opener.produce(context.Background(), g.opened, g.records)
	if g.parcel != nil {
		g.parcel.resolve(g.records, d, err)
		a.reports.add(g.parcel)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && a.failed == nil {
		a.failed = err
		a.opener.client.config.Logger.Error("records were not written", "topic", a.opener.topic, "err", err)
	}
	a.bytes -= g.bytes
	a.written += int64(len(g.records))
	if len(a.free) < mostFree && !g.idle() {
		g.reset()
		a.free = append(a.free, g)
	}
	if a.progress != nil {
		close(a.progress)
		a.progress = nil
	}
}
