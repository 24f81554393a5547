package carry

import (
	"context"
	"errors"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// Sent is what a transaction has carried.
type Sent struct {
	Records, Bytes int64
	Skipped        int64 // records that Keep has left out
}

// Send sends what Gather has found, as one transaction, which ctx does not interrupt: the calls of an engine have bounds
// of their own. When it returns nil everything is committed and the positions are past it.
func (c *Carrier) Send(ctx context.Context) (Sent, error) {
	ctx = context.WithoutCancel(ctx)
	if err := c.makeDurable(ctx); err != nil {
		return Sent{}, err
	}
	var sent Sent
	err := c.transact(ctx, func() error {
		tps, err := c.sendRecords(ctx, &sent)
		if err != nil {
			return err
		}
		return c.note(ctx, c.notes(tps))
	})
	if err != nil {
		return Sent{}, err
	}
	if c.unsynced += int(sent.Records); c.KeepSyncs && c.unsynced >= syncEvery {
		_, err = c.sync(ctx)
	}
	return sent, err
}

// makeDurable makes sure that the source keeps what is about to be sent, also over a power loss. Of a cluster that is for
// its replicas to say.
func (c *Carrier) makeDurable(ctx context.Context) error {
	for i := range c.sources {
		name := c.sources[i].Name
		if c.sources[i].CodecInRecords || !slices.ContainsFunc(c.queue, func(f engine.Fetch) bool { return f.Topic == name }) {
			continue
		}
		info, err := c.Source.DescribeTopic(ctx, name)
		if err != nil {
			return err
		}
		for _, f := range c.queue {
			if f.Topic == name && partition(&info, f.Partition).DurableEnd < f.Next {
				return c.flush(ctx)
			}
		}
	}
	return nil
}

// flush makes all of the source durable.
func (c *Carrier) flush(ctx context.Context) error {
	if c.flusher == nil {
		p, err := c.Source.OpenProducer(ctx, engine.ProducerConfig{})
		if err != nil {
			return err
		}
		c.flusher = p
	}
	return c.flusher.Flush(ctx)
}

// transact runs fn in a transaction, if there are any.
func (c *Carrier) transact(ctx context.Context, fn func() error) error {
	if c.failed == nil {
		c.failed = c.transactNow(ctx, fn)
	}
	return c.failed
}

func (c *Carrier) transactNow(ctx context.Context, fn func() error) error {
	if !c.exactly {
		return fn()
	}
	if err := c.producer.Begin(ctx); err != nil {
		return err
	}
	if err := fn(); err != nil {
		_ = c.producer.End(ctx, false) // the error that matters is fn's
		return err
	}
	return c.producer.End(ctx, true)
}

// sendRecords takes a transaction's records out of the queue and sends them. It returns the partitions that moved.
func (c *Carrier) sendRecords(ctx context.Context, sent *Sent) (tps []engine.TopicPartition, err error) {
	room := c.TxBytes
	for len(c.queue) > 0 && room > 0 {
		f := &c.queue[0]
		p, known := c.positions[f.TopicPartition]
		if !known {
			return nil, errNewPartition(f.TopicPartition)
		}
		rs, n := c.take(f, &room, sent)
		if err := c.checkKeys(f, rs); err != nil {
			return nil, err
		}
		if n == 0 && len(f.Records) > 0 {
			break
		}
		if err := c.produce(ctx, f.TopicPartition, rs); err != nil {
			return nil, err
		}
		p.Skipped += int64(n - len(rs))
		if n == len(f.Records) {
			p.Next = f.Next
			c.queue = c.queue[1:]
		} else {
			p.Next = f.Records[n].Offset
			f.Records = f.Records[n:]
		}
		if !slices.Contains(tps, f.TopicPartition) {
			tps = append(tps, f.TopicPartition)
		}
	}
	return tps, nil
}

// errNewPartition says that the source has grown: the target has to be looked at again.
func errNewPartition(tp engine.TopicPartition) error {
	e := engine.Errorf(engine.ErrPartitionNotFound, "the source's topic has got partitions since; begin again").At(tp.Topic, int(tp.Partition))
	e.Retriable = true
	return e
}

// take makes records of the head of a fetch, as far as there is room. It returns how many it has looked at. The records are
// valid until the next take.
func (c *Carrier) take(f *engine.Fetch, room *int, sent *Sent) (rs []engine.Record, n int) {
	defer func() { c.records = rs }()
	rs = slices.Grow(c.records[:0], len(f.Records))
	for n = range f.Records {
		r := &f.Records[n]
		if c.Keep != nil && !c.Keep(r) {
			sent.Skipped++
			continue
		}
		size := payload(r)
		if size > *room && *room < c.TxBytes {
			*room = 0
			return rs, n
		}
		*room -= size
		rs = append(rs, engine.Record{
			Key: r.Key, Value: r.Value, Headers: headers(r, c.labels[f.Topic]), Timestamp: r.Timestamp, Partition: f.Partition,
		})
		sent.Records++
		sent.Bytes += int64(size)
	}
	return rs, len(f.Records)
}

// checkKeys says what a cluster would refuse without saying where.
func (c *Carrier) checkKeys(f *engine.Fetch, rs []engine.Record) error {
	if !c.keyed[f.Topic] {
		return nil
	}
	if i := slices.IndexFunc(rs, func(r engine.Record) bool { return r.Key == nil }); i >= 0 {
		return engine.Errorf(engine.ErrInvalidArgument, "a record has no key, which a cluster refuses for a compacted topic: "+
			"set the target's topic to the cleanup policy delete").At(f.Topic, int(f.Partition))
	}
	return nil
}

func (c *Carrier) produce(ctx context.Context, tp engine.TopicPartition, rs []engine.Record) error {
	if len(rs) == 0 {
		return nil
	}
	_, err := c.producer.Produce(ctx, tp.Topic, rs)
	var e *engine.Error
	if errors.As(err, &e) && e.Partition < 0 {
		return e.At(tp.Topic, int(tp.Partition))
	}
	return err
}
