package carry

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// How many records a poll asks for: as many as fill a transaction, judged by those of the last one.
const (
	firstPoll = 500
	leastPoll = 16
	mostPoll  = 16 << 10
)

// Gather waits for records and returns how many bytes Send would send now. It returns 0 when none came within the
// patience; a patience that is not positive has no bound. With UntilEnd the end is io.EOF.
func (c *Carrier) Gather(ctx context.Context, patience time.Duration) (int, error) {
	if len(c.queue) == 0 {
		waiting := ctx
		if patience > 0 {
			var stop context.CancelFunc
			waiting, stop = context.WithCancel(ctx)
			defer stop()
			defer c.Clock.AfterFunc(patience, stop).Stop()
		}
		fetches, err := c.consumer.Poll(waiting, c.poll)
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		c.queue = fetches
		c.adapt()
		if c.CountDeleted {
			if err := c.countDeleted(ctx); err != nil {
				return 0, err
			}
		}
	}
	bytes := 0
	for i := range c.queue {
		for j := range c.queue[i].Records {
			r := &c.queue[i].Records[j]
			if c.Keep != nil && !c.Keep(r) {
				continue
			}
			size := payload(r)
			if bytes > 0 && bytes+size > c.TxBytes {
				return bytes, nil
			}
			bytes += size
		}
	}
	return max(bytes, 1), nil
}

// adapt chooses how many records the next poll asks for.
func (c *Carrier) adapt() {
	records, bytes := 0, 1
	for i := range c.queue {
		records += len(c.queue[i].Records)
		for j := range c.queue[i].Records {
			bytes += payload(&c.queue[i].Records[j])
		}
	}
	c.poll = int(min(max(int64(c.TxBytes)*int64(records)/int64(bytes), leastPoll), mostPoll))
}

// countDeleted counts the offsets between the positions and what was polled as skipped, as far as the source has deleted
// them since. Other gaps are of compaction and transactions.
func (c *Carrier) countDeleted(ctx context.Context) error {
	for i := range c.queue {
		f := &c.queue[i]
		p, known := c.positions[f.TopicPartition]
		if !known || len(f.Records) == 0 || f.Records[0].Offset <= p.Next {
			continue
		}
		info, err := c.Source.DescribeTopic(ctx, f.Topic)
		if err != nil {
			return err
		}
		if gap := min(partition(&info, f.Partition).Start, f.Records[0].Offset) - p.Next; gap > 0 && c.first(i) {
			p.Skipped += gap
			p.Next += gap
		}
	}
	return nil
}

// first reports whether no fetch before this one is of its partition.
func (c *Carrier) first(i int) bool {
	tp := c.queue[i].TopicPartition
	return slices.IndexFunc(c.queue, func(f engine.Fetch) bool { return f.TopicPartition == tp }) == i
}

// payload is what counts of a record: key, value and headers.
func payload(r *record.Record) int {
	n := len(r.Key) + len(r.Value)
	if r.NumHeaders == 0 {
		return n
	}
	for h := range r.Headers() {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// Sent is what a transaction has carried.
type Sent struct {
	Records, Bytes int64
	Skipped        int64 // records that Keep has left out
}

// Send sends what Gather has found, as one transaction, which ctx does not interrupt: the calls of an engine have bounds
// of their own. When it returns nil everything is committed and the positions are past it.
func (c *Carrier) Send(ctx context.Context) (Sent, error) {
	ctx = context.WithoutCancel(ctx)
	if err := c.flusher.Flush(ctx); err != nil {
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
		return sent, c.Sync(ctx)
	}
	return sent, nil
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
