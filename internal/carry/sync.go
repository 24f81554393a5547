package carry

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// syncEvery is after how many records pairs of offsets are noted.
const syncEvery = 100_000

// Settle notes at which offsets of the target the positions are now, and writes what is new into the ledger. It is called
// between transactions.
func (c *Carrier) Settle(ctx context.Context) error {
	tps, err := c.sync(ctx)
	if err != nil || len(tps) == 0 {
		return err
	}
	return c.transact(ctx, func() error { return c.note(ctx, c.notes(tps)) })
}

// sync notes at which offsets of the target the positions are now. It returns the partitions that were elsewhere when it
// was called last.
func (c *Carrier) sync(ctx context.Context) (moved []engine.TopicPartition, err error) {
	c.unsynced = 0
	for _, name := range c.Topics {
		info, err := c.Target.DescribeTopic(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, part := range info.Partitions {
			tp := engine.TopicPartition{Topic: name, Partition: part.Partition}
			if p, known := c.positions[tp]; known && p.addSync(part.End) {
				moved = append(moved, tp)
			}
		}
	}
	return moved, nil
}
