package carry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// claimKey is the ledger's key of the claim. No topic's key is like it: those have a slash.
const claimKey = "claim"

// takeOver makes the ledger this carrier's, and returns the positions in it.
func (c *Carrier) takeOver(ctx context.Context) (map[string]Position, error) {
	if c.Resume != "" {
		l, err := c.load(ctx)
		if err != nil {
			return nil, err
		}
		if l.claim != c.Resume {
			return nil, engine.Errorf(engine.ErrFenced, "somebody else carries under this name; give each a name of its own").At(c.Ledger, -1)
		}
	}
	if err := c.openTransactional(ctx); err != nil {
		return nil, err
	}
	if err := c.claim(ctx); err != nil {
		return nil, err
	}
	l, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	if l.claim != c.claimed {
		return nil, engine.Errorf(engine.ErrTimeout, "what was sent before is not decided yet, or somebody else has just taken over").At(c.Ledger, -1)
	}
	return l.positions, nil
}

// claim writes this carrier's claim into the ledger, which fences those before it.
func (c *Carrier) claim(ctx context.Context) error {
	c.claimed = fmt.Sprintf("%q", rand.Text())
	rec := []engine.Record{{Key: []byte(claimKey), Value: []byte(c.claimed), Timestamp: engine.NoTimestamp}}
	err := c.transact(ctx, func() error { return c.note(ctx, rec) })
	if err == nil || !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err := c.openPlain(ctx); err != nil {
		return err
	}
	return c.note(ctx, rec)
}

// note writes into the ledger.
func (c *Carrier) note(ctx context.Context, rs []engine.Record) error {
	_, err := c.producer.Produce(ctx, c.Ledger, rs)
	return err
}

// ledger is what the ledger's topic says.
type ledger struct {
	claim     string // the newest
	positions map[string]Position
}

// load reads the ledger.
func (c *Carrier) load(ctx context.Context) (ledger, error) {
	l := ledger{positions: map[string]Position{}}
	k, err := c.Target.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{c.Ledger}, UntilEnd: true})
	if err != nil {
		return l, err
	}
	err = c.read(ctx, k, &l)
	return l, errors.Join(err, k.Close(context.WithoutCancel(ctx)))
}

func (c *Carrier) read(ctx context.Context, k engine.Consumer, l *ledger) error {
	for {
		fetches, err := k.Poll(ctx, 1000)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range fetches {
			for i := range f.Records {
				if err := l.add(&f.Records[i]); err != nil {
					return engine.Errorf(engine.ErrSerialization, "offset %d of the ledger: %w; somebody else has written to it: use another name",
						f.Records[i].Offset, err).At(c.Ledger, 0)
				}
			}
		}
	}
}

func (l *ledger) add(r *record.Record) error {
	if string(r.Key) == claimKey {
		l.claim = string(r.Value)
		return nil
	}
	p, err := parsePosition(r.Value)
	if err == nil {
		l.positions[string(r.Key)] = p
	}
	return err
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
		if there := partition(to, tp.Partition); c.Exclusive && there.End > there.Start {
			return nil, engine.Errorf(engine.ErrTopicExists, "the target's topic has records that did not come from this source "+
				"under this name: delete it, or say that records are to be appended to it").At(tp.Topic, int(tp.Partition))
		}
		c.fresh = append(c.fresh, tp)
		p = Position{Topic: from.Name, Partition: part.Partition, Target: identity(to), Next: part.Start}
		if begin, given := c.Begin[tp]; given && !known {
			p.Next = min(begin, part.Start)
		}
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
