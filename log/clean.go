package log

import (
	"slices"

	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// clean writes what is to be kept of a batch. One that loses nothing is copied byte for byte.
func (c *compaction) clean(s *segment.Segment, b record.Batch) error {
	if b.IsControl() {
		return c.cleanMarker(b)
	}
	if b.IsTransactional() {
		c.ongoing[b.ProducerID()] = true
	}
	c.stats.Records += int64(b.Count())
	if c.aborted.hold(b) {
		c.stats.Aborted += int64(b.Count())
		return c.writeEmptied(b)
	}
	kept, tombstones, err := c.choose(s, b)
	if err != nil {
		return err
	}
	horizon := int64(0)
	switch {
	case tombstones == 0:
	case b.HasDeleteHorizon():
		horizon = b.BaseTimestamp()
	case b.LastOffset() < c.known: // else older records of the key may be left
		horizon = c.horizon
	}
	switch {
	case kept == 0:
		return c.writeEmptied(b)
	case kept == b.Count() && (horizon == 0 || b.HasDeleteHorizon()):
		return c.out.Append(b)
	}
	return c.rebuild(b, horizon)
}

// choose marks in kept the records of a batch that stay, and counts them and the tombstones among them.
func (c *compaction) choose(s *segment.Segment, b record.Batch) (kept, tombstones int, err error) {
	if err := c.reader.Reset(b, mostDecompressed); err != nil {
		return 0, 0, undecodable(s, b, err)
	}
	first := c.reader // reads the same records again in rebuild, without decompressing them again
	expired := b.HasDeleteHorizon() && b.BaseTimestamp() <= c.now || seeded.On(seeded.EarlyTombstones)
	c.kept = c.kept[:0]
	var rec record.Record
	for c.reader.Next(&rec) {
		keep := true
		switch {
		case rec.Key == nil:
		case c.keys.superseded(rec.Key, rec.Offset):
			keep = false
			c.stats.Superseded++
		case rec.Value == nil && expired:
			keep = false
			c.stats.Tombstones++
		case rec.Value == nil:
			tombstones++
		}
		if keep {
			kept++
		}
		c.kept = append(c.kept, keep)
	}
	if err := c.reader.Err(); err != nil {
		return 0, 0, undecodable(s, b, err)
	}
	c.reader = first
	return kept, tombstones, nil
}

// rebuild writes the records that reader holds and kept marks, in a batch that is like b otherwise.
func (c *compaction) rebuild(b record.Batch, horizonMs int64) error {
	o := b.Options()
	o.DeleteHorizonMs = horizonMs
	c.builder.Reset(o)
	c.builder.SetBaseOffset(b.BaseOffset())
	c.builder.SetLastOffsetDelta(b.LastOffsetDelta())
	var rec record.Record
	for i := 0; c.reader.Next(&rec); i++ {
		if !c.kept[i] {
			continue
		}
		if err := c.builder.AppendRecord(&rec); err != nil {
			return err
		}
	}
	rebuilt, err := c.builder.Finish()
	if err != nil {
		return err
	}
	c.changed = true
	return c.out.Append(rebuilt)
}

// writeEmptied writes the header of a batch that has no records any more, if its producer must stay known.
func (c *compaction) writeEmptied(b record.Batch) error {
	if !c.isLast(b) {
		c.changed = true
		return nil
	}
	if b.Count() == 0 {
		return c.out.Append(b)
	}
	c.changed = true
	c.scratch = b.AppendEmptied(c.scratch[:0])
	return c.out.Append(c.scratch)
}

// isLast reports whether b is the batch by which a producer is known: its newest with data or, without any, a marker.
func (c *compaction) isLast(b record.Batch) bool {
	last, known := c.last[b.ProducerID()]
	if !known || last.next >= 0 {
		return known && b.LastOffset()+1 == last.next
	}
	return b.IsControl() && b.ProducerEpoch() == last.epoch
}

// cleanMarker keeps a transaction marker while the log held a batch of its transaction when the pass began, and from
// then on until its delete horizon.
//
// With a marker stays the entry of its transaction in the index of aborted ones, also when their records go: a reader
// that got them before their segment was replaced has yet to ask whether they were aborted.
func (c *compaction) cleanMarker(b record.Batch) error {
	id := b.ProducerID()
	ongoing := c.ongoing[id]
	delete(c.ongoing, id)
	keep := ongoing || id < 0 || c.isLast(b) || b.Count() != 1
	switch {
	case keep || b.HasDeleteHorizon() && b.BaseTimestamp() > c.now || !b.HasDeleteHorizon() && b.LastOffset() >= c.known:
		return c.writeMarker(b, c.out.Append)
	case b.HasDeleteHorizon():
		c.stats.EndedMarkers++
		c.changed = true
		return nil
	}
	return c.writeMarker(b, c.rebuildMarker)
}

func (c *compaction) writeMarker(b record.Batch, write func(record.Batch) error) error {
	if err := write(b); err != nil {
		return err
	}
	if t, ok := c.aborted.byMarker[b.BaseOffset()]; ok {
		c.out.NoteAborted(t)
	}
	return nil
}

// rebuildMarker writes a marker with a delete horizon.
func (c *compaction) rebuildMarker(b record.Batch) error {
	if err := c.reader.Reset(b, mostDecompressed); err != nil {
		return err
	}
	c.kept = append(slices.Grow(c.kept[:0], 1), true)
	return c.rebuild(b, c.horizon)
}
