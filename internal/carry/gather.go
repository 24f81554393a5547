package carry

import (
	"context"
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
