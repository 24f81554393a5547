package carry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/dot-do/kafka-embedded/engine"
)

// claimKey is the ledger's key of the claim. No topic's key is like it: those have a slash.
const claimKey = "claim"

// claim takes the ledger over from an earlier carrier, and returns what the claim reads.
func (c *Carrier) claim(ctx context.Context) (string, error) {
	value := fmt.Sprintf("%q", rand.Text())
	rec := []engine.Record{{Key: []byte(claimKey), Value: []byte(value), Timestamp: engine.NoTimestamp}}
	err := c.transact(ctx, func() error { return c.note(ctx, rec) })
	if err == nil || !errors.Is(err, errors.ErrUnsupported) {
		return value, err
	}
	if err := c.openPlain(ctx); err != nil {
		return "", err
	}
	return value, c.note(ctx, rec)
}

// note writes into the ledger.
func (c *Carrier) note(ctx context.Context, rs []engine.Record) error {
	_, err := c.producer.Produce(ctx, c.Ledger, rs)
	return err
}

// load reads the ledger up to the claim: the positions of all keys.
func (c *Carrier) load(ctx context.Context, claim string) (map[string]Position, error) {
	k, err := c.Target.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{c.Ledger}, UntilEnd: true})
	if err != nil {
		return nil, err
	}
	found := map[string]Position{}
	claimed, err := c.readLedger(ctx, k, claim, found)
	if err := errors.Join(err, k.Close(context.WithoutCancel(ctx))); err != nil {
		return nil, err
	}
	if !claimed {
		e := engine.Errorf(engine.ErrTimeout, "what was sent before is not decided yet: a transaction is open in the ledger")
		return nil, e.At(c.Ledger, -1)
	}
	return found, nil
}

func (c *Carrier) readLedger(ctx context.Context, k engine.Consumer, claim string, into map[string]Position) (claimed bool, err error) {
	for {
		fetches, err := k.Poll(ctx, 1000)
		if errors.Is(err, io.EOF) {
			return claimed, nil
		}
		if err != nil {
			return false, err
		}
		for _, f := range fetches {
			for i := range f.Records {
				r := &f.Records[i]
				if string(r.Key) == claimKey {
					claimed = claimed || string(r.Value) == claim
					continue
				}
				p, err := parsePosition(r.Value)
				if err != nil {
					return false, engine.Errorf(engine.ErrSerialization,
						"offset %d of the ledger: %w; somebody else has written to it: use another name", r.Offset, err).At(c.Ledger, 0)
				}
				into[string(r.Key)] = p
			}
		}
	}
}

// place finds where to go on in each partition, and notes where new ones begin.
func (c *Carrier) place(ctx context.Context, found map[string]Position) error {
	for i := range c.sources {
		from, to := &c.sources[i], &c.targets[i]
		for _, part := range from.Partitions {
			p, err := c.placeOne(found, from, to, part)
			if err != nil {
				return err
			}
			c.positions[engine.TopicPartition{Topic: from.Name, Partition: part.Partition}] = p
		}
	}
	if len(c.fresh) == 0 {
		return nil
	}
	return c.transact(ctx, func() error { return c.note(ctx, c.notes(c.fresh)) })
}

func (c *Carrier) placeOne(found map[string]Position, from, to *engine.TopicInfo, part engine.PartitionInfo) (*Position, error) {
	tp := engine.TopicPartition{Topic: from.Name, Partition: part.Partition}
	k := key(from, part.Partition)
	c.keys[tp] = k
	p, known := found[k]
	if !known || p.Target != identity(to) {
		if there := to.Partitions[tp.Partition]; c.Exclusive && there.End > there.Start {
			return nil, engine.Errorf(engine.ErrTopicExists, "the target's topic has records that did not come from this source "+
				"under this name: delete it, or say that records are to be appended to it").At(tp.Topic, int(tp.Partition))
		}
		c.fresh = append(c.fresh, tp)
		return &Position{Topic: from.Name, Partition: part.Partition, Target: identity(to), Next: part.Start}, nil
	}
	if p.Next > part.End {
		return nil, engine.Errorf(engine.ErrOffsetOutOfRange, "the source ends at %d, but has been carried up to %d: "+
			"it is an older copy of itself; use another name to carry it as a new source", part.End, p.Next).At(tp.Topic, int(tp.Partition))
	}
	if p.Next < part.Start { // deleted before they were carried
		p.Skipped += part.Start - p.Next
		p.Next = part.Start
	}
	return &p, nil
}

// notes are the ledger's records of partitions.
func (c *Carrier) notes(tps []engine.TopicPartition) []engine.Record {
	rs := make([]engine.Record, 0, len(tps))
	for _, tp := range tps {
		rs = append(rs, engine.Record{
			Key: []byte(c.keys[tp]), Value: c.positions[tp].encode(), Timestamp: engine.NoTimestamp,
		})
	}
	return rs
}
