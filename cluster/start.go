package cluster

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// start finds out where partitions are to be read: at the group's committed offsets, where those lie in the log, and
// otherwise where the configuration says. Late partitions were added since the consumer began: their first records came
// after that, so it begins at the start if it began at the end of the others.
func (c *consumer) start(
	ctx context.Context, tps []engine.TopicPartition, committed map[engine.TopicPartition]int64, late bool,
) (map[engine.TopicPartition]*place, error) {
	starts, err := c.e.listOffsets(ctx, tps, atStart, engine.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	ends, err := c.e.listOffsets(ctx, tps, atEnd, engine.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	stable, err := c.e.listOffsets(ctx, tps, atEnd, c.config.Isolation)
	if err != nil {
		return nil, err
	}
	begin := starts
	switch {
	case c.config.Start == engine.StartLatest && !late:
		begin = stable
	case c.config.Start == engine.StartTime:
		if begin, err = c.e.listOffsets(ctx, tps, max(c.config.StartTime.UnixMilli(), 0), engine.ReadUncommitted); err != nil {
			return nil, err
		}
	}
	places := make(map[engine.TopicPartition]*place, len(tps))
	for _, tp := range tps {
		p := &place{position: begin[tp], until: forever, end: -1, committed: -1}
		if offset, ok := committed[tp]; ok {
			if p.committed = offset; starts[tp] <= offset && offset <= ends[tp] {
				p.position = offset
			} else {
				c.e.opts.Logger.Warn("the committed offset is not in the log", "group", c.config.Group, "topic", tp.Topic,
					"partition", tp.Partition, "committed", offset, "start", starts[tp], "end", ends[tp], "reading from", p.position)
			}
		}
		if c.config.UntilEnd {
			p.until = stable[tp]
		}
		places[tp] = p
	}
	return places, nil
}
