package log

import (
	"errors"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// mostDecompressed bounds what the records of one batch may become in memory during a compaction or a check.
const mostDecompressed = 256 << 20

// errFull says that no more keys fit into memory.
var errFull = errors.New("key map is full")

// learn enters the keys of what was not compared yet, up to end or as far as memory goes, and sets known.
func (c *compaction) learn(end int64) error {
	c.keys, c.known = newKeyMap(), end
	dirty := false
	for _, s := range c.sources {
		if dirty = dirty || !s.Sealed().Clean; !dirty || s.Next() <= c.compared {
			continue
		}
		err := c.each(s, func(b record.Batch) error { return c.learnBatch(s, b) })
		if errors.Is(err, errFull) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// learnBatch takes all records of a batch or none, so that known lies between batches.
func (c *compaction) learnBatch(s *segment.Segment, b record.Batch) error {
	if b.IsControl() || b.BaseOffset() < c.compared || c.aborted.hold(b) {
		return nil
	}
	if c.keys.n > 0 && c.keys.n+b.Count() > c.mostKeys {
		c.known = b.BaseOffset()
		return errFull
	}
	if err := c.reader.Reset(b, mostDecompressed); err != nil {
		return undecodable(s, b, err)
	}
	var rec record.Record
	for c.reader.Next(&rec) {
		if rec.Key != nil {
			c.keys.put(rec.Key, rec.Offset)
		}
	}
	if err := c.reader.Err(); err != nil {
		return undecodable(s, b, err)
	}
	return nil
}

// each calls fn with the batches of a segment that retention has not removed.
func (c *compaction) each(s *segment.Segment, fn func(record.Batch) error) error {
	if !s.Acquire() {
		return errDropped
	}
	err := s.Each(func(b record.Batch) error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		return fn(b)
	})
	return errors.Join(err, s.Release())
}

func undecodable(s *segment.Segment, b record.Batch, err error) error {
	return &engine.CorruptionError{
		File: s.Path(), Position: -1, First: b.BaseOffset(), Next: b.LastOffset() + 1, Reason: err.Error(),
	}
}
