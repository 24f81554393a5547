package carry

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// syncEvery is after how many records pairs of offsets are noted.
const syncEvery = 100_000

// Sync notes at which offsets of the target the positions are now. It is called between transactions.
func (c *Carrier) Sync(ctx context.Context) error {
	_, err := c.sync(ctx)
	return err
}

// Settle is Sync, and writes what is new into the ledger.
func (c *Carrier) Settle(ctx context.Context) error {
	tps, err := c.sync(ctx)
	if err != nil || len(tps) == 0 {
		return err
	}
	return c.transact(ctx, func() error { return c.note(ctx, c.notes(tps)) })
}

// sync returns the partitions that were not where they are now when it was called last.
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
