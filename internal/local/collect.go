package local

import (
	"errors"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// gathered is what a Poll has so far.
type gathered struct {
	fetches  []engine.Fetch
	from     []*cursor // that each fetch came from
	limit    int
	minBytes int
	records  int
	bytes    int // counted if minBytes is more than 1
}

func (g *gathered) enough() bool {
	return g.records > 0 && (g.minBytes <= 1 || g.records >= g.limit || g.bytes >= g.minBytes)
}

func (g *gathered) add(cur *cursor, f engine.Fetch) {
	g.fetches, g.from = append(g.fetches, f), append(g.from, cur)
	g.count(f)
}

func (g *gathered) count(f engine.Fetch) {
	g.records += len(f.Records)
	if g.minBytes <= 1 {
		return
	}
	for i := range f.Records {
		g.bytes += len(f.Records[i].Key) + len(f.Records[i].Value)
	}
}

// retain drops what came from cursors that are gone: their partitions were given up while the Poll waited for more.
func (g *gathered) retain(cursors []*cursor) {
	fetches, from := g.fetches, g.from
	g.fetches, g.from, g.records, g.bytes = g.fetches[:0], g.from[:0], 0, 0
	for i, cur := range from {
		if slices.Contains(cursors, cur) {
			g.add(cur, fetches[i])
		}
	}
}

// renewEnds makes a Poll after io.EOF go on to the ends as they are now. The caller holds mu.
func (c *consumer) renewEnds() {
	if !c.ended {
		return
	}
	c.ended = false
	for _, cur := range c.cursors {
		if cur.placed {
			cur.until = cur.partition.end(c.config.Isolation)
		}
	}
}

// collect takes records from the cursors in turn. The first error is kept; the other cursors go on. The caller holds mu.
func (c *consumer) collect(got *gathered) {
	n := len(c.cursors)
	for i := 0; i < n && got.records < got.limit; i++ {
		cur := c.cursors[(c.turn+i)%n]
		f, err := c.takeFrom(cur, got.limit-got.records)
		if err != nil {
			c.fail(cur.partition.gone(err))
		}
		if len(f.Records) > 0 {
			got.add(cur, f)
			c.e.recordsOut.Add(int64(len(f.Records)))
			c.e.bytesOut.Add(cur.bytes)
			cur.bytes = 0
		}
	}
	if n > 0 {
		c.turn = (c.turn + 1) % n
	}
}

// takeFrom takes records from a cursor, if it has any. One whose topic was deleted has none; refresh removes it.
func (c *consumer) takeFrom(cur *cursor, limit int) (f engine.Fetch, err error) {
	if cur.paused || cur.partition.topic.deleted.Load() {
		return f, nil
	}
	if !cur.placed {
		if err := c.place(cur); err != nil {
			return f, err
		}
	}
	if !cur.ready(c.config.Isolation) {
		return f, nil
	}
	f, err = cur.take(limit, c.config.Isolation)
	if errors.Is(err, engine.ErrOffsetOutOfRange) {
		if err = c.startOver(cur, err); err == nil {
			f, err = cur.take(limit, c.config.Isolation)
		}
	}
	return f, err
}

// fail keeps the first error for when there is nothing else to return. The caller holds mu.
func (c *consumer) fail(err error) {
	if c.failure == nil {
		c.failure = err
	}
}

// startOver moves a cursor whose position is not in the log any more to where the consumer starts.
func (c *consumer) startOver(cur *cursor, cause error) error {
	start, err := c.start(cur.partition)
	if err != nil {
		return err
	}
	c.e.opts.Logger.Warn("position is not in the log; starting over", "topic", cur.partition.topic.name,
		"partition", cur.partition.number, "group", c.config.Group, "position", cur.position, "start", start, "err", cause)
	cur.seek(start)
	return nil
}

// start is where a consumer without a committed offset begins.
func (c *consumer) start(p *partition) (int64, error) {
	switch c.config.Start {
	case engine.StartLatest:
		return p.end(c.config.Isolation), nil
	case engine.StartTime:
		return p.log.OffsetAt(c.config.StartTime.UnixMilli())
	}
	return p.log.Start(), nil
}
