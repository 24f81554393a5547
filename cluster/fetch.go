package cluster

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// regroup is how often a consumer that has read everything looks whether there is really nothing to come.
const regroup = 100 * time.Millisecond

// take waits for records, for something to tell, or for the time to look around, and returns up to limit records.
func (c *consumer) take(ctx context.Context, limit int) ([]engine.Fetch, error) {
	c.fetching.Lock()
	defer c.fetching.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	cl := c.cl
	if c.stop = cancel; c.waiting > 0 || len(c.due) > 0 || c.closed {
		cancel()
	}
	held := c.takeHeld(limit)
	c.mu.Unlock()
	if len(held) > 0 || cl == nil {
		return held, nil
	}
	pace := metadataAge
	if c.config.UntilEnd {
		pace = regroup
	}
	timer := c.e.opts.Clock.AfterFunc(pace, cancel)
	defer timer.Stop()
	return c.receive(cl.PollRecords(ctx, limit))
}

// halt ends the wait of the Poll. The caller holds mu.
func (c *consumer) halt() {
	if c.stop != nil {
		c.stop()
	}
}

// interrupt makes the Poll let go of what it fetches, until the returned function is called.
func (c *consumer) interrupt() (resume func()) {
	c.mu.Lock()
	c.waiting++
	c.halt()
	c.mu.Unlock()
	c.fetching.Lock()
	return func() {
		c.fetching.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting--
	}
}

// receive makes what the client has fetched ours. The caller holds fetching.
func (c *consumer) receive(all kgo.Fetches) (fetches []engine.Fetch, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !all.Empty() {
		c.heard = c.e.opts.Clock.Now()
	}
	all.EachPartition(func(t kgo.FetchTopicPartition) {
		tp := engine.TopicPartition{Topic: t.Topic, Partition: t.Partition}
		if t.Err != nil {
			if failed := c.failed(tp, t.Err); err == nil {
				err = failed
			}
		}
		if p := c.places[tp]; p != nil && len(t.Records) > 0 {
			if f := c.accept(tp, p, &t.FetchPartition); len(f.Records) > 0 {
				fetches = append(fetches, f)
			}
		}
	})
	return fetches, err
}

// accept takes records of a partition, up to where it is to be read now; the others are held back. The caller holds mu.
func (c *consumer) accept(tp engine.TopicPartition, p *place, fetched *kgo.FetchPartition) engine.Fetch {
	f := engine.Fetch{TopicPartition: tp, Records: make([]record.Record, 0, len(fetched.Records))}
	if p.end = fetched.HighWatermark; c.config.Isolation == engine.ReadCommitted {
		p.end = fetched.LastStableOffset
	}
	for _, r := range fetched.Records {
		if r.Offset < p.position {
			continue
		}
		if r.Offset >= p.until {
			if !r.Attrs.IsControl() {
				p.held = append(p.held, convert(r))
			}
			continue
		}
		if p.position = r.Offset + 1; !r.Attrs.IsControl() {
			f.Records = append(f.Records, convert(r))
		}
	}
	f.Next, f.End = p.position, max(p.end, p.position)
	c.count(f)
	if p.position >= p.until && !p.full {
		p.full = true
		c.cl.PauseFetchPartitions(byTopic([]engine.TopicPartition{tp}))
	}
	return f
}

// takeHeld takes from what was held back and is to be read now. The caller holds mu.
func (c *consumer) takeHeld(limit int) (fetches []engine.Fetch) {
	for tp, p := range c.places {
		n := 0
		for n < len(p.held) && n < limit && p.held[n].Offset < p.until {
			n++
		}
		if n == 0 || c.paused[tp] {
			continue
		}
		f := engine.Fetch{TopicPartition: tp, Records: p.held[:n:n], Next: p.held[n-1].Offset + 1}
		f.End = max(p.end, f.Next)
		p.position, p.held = f.Next, p.held[n:]
		limit -= n
		c.count(f)
		fetches = append(fetches, f)
	}
	return fetches
}

func (c *consumer) count(f engine.Fetch) { c.e.counters.recordsOut.Add(int64(len(f.Records))) }

// convert makes a record of the client's.
func convert(r *kgo.Record) record.Record {
	var few [8]record.Header
	headers := few[:0]
	for _, h := range r.Headers {
		headers = append(headers, record.Header{Key: h.Key, Value: h.Value})
	}
	return record.NewRecord(r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, headers)
}

// failed says what a fetch's error means for the Poll: nil when the client takes care of it. The caller holds mu.
func (c *consumer) failed(tp engine.TopicPartition, err error) error {
	var session *kgo.ErrGroupSession
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrClientClosed):
		return nil // the Poll's own business
	case errors.As(err, &loss):
		c.e.opts.Logger.Warn("the cluster has lost records", "topic", tp.Topic, "partition", tp.Partition, "err", err)
		return nil
	case errors.As(err, &session):
		return c.sessionFailed(session.Err)
	}
	err = at(err, tp)
	if c.member != nil && errors.Is(err, engine.ErrTopicNotFound) {
		c.lose(tp.Topic)
		return nil
	}
	return err
}

// sessionFailed says what it means that the client could not stay in its group. The caller holds mu.
func (c *consumer) sessionFailed(err error) error {
	explained := explain(err)
	switch {
	case errors.Is(err, kerr.FencedInstanceID):
		c.fenced = explained
		return explained
	case errors.Is(explained, engine.ErrUnauthorized), errors.Is(explained, engine.ErrInvalidArgument):
		return explained
	}
	return nil // it joins again
}

// over reports whether everything was handed out that there was in the beginning, and nothing is on its way from other
// members.
func (c *consumer) over(ctx context.Context) (bool, error) {
	if !c.config.UntilEnd {
		return false, nil
	}
	c.mu.Lock()
	done := c.member == nil || c.member.settled
	for _, p := range c.places {
		done = done && p.position >= p.until
	}
	c.mu.Unlock()
	if !done {
		return false, nil
	}
	if c.config.Group != "" {
		stable, err := c.stable(ctx)
		if !stable || err != nil {
			return false, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	return true, nil
}

// stable reports whether the group is not about to share out its partitions anew.
func (c *consumer) stable(ctx context.Context) (stable bool, err error) {
	err = c.e.call(ctx, func(ctx context.Context) error {
		groups, err := c.e.adm.DescribeGroups(ctx, c.config.Group)
		stable = groups[c.config.Group].State == "Stable"
		return err
	})
	return stable, err
}

// renew makes a consumer that was at the end go on to the end as it is now.
func (c *consumer) renew(ctx context.Context) error {
	c.mu.Lock()
	ended, tps := c.ended, c.assigned()
	c.mu.Unlock()
	if !ended {
		return nil
	}
	return c.e.call(ctx, func(ctx context.Context) error {
		ends, err := c.e.listOffsets(ctx, tps, atEnd, c.config.Isolation)
		if err != nil {
			return err
		}
		defer c.interrupt()()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = false
		for tp, end := range ends {
			if p := c.places[tp]; p != nil {
				p.until = end
				c.reopen(tp, p)
			}
		}
		return nil
	})
}

// reopen lets a partition be fetched again if there is something to hand out. The caller holds mu.
func (c *consumer) reopen(tp engine.TopicPartition, p *place) {
	if p.full && p.position < p.until {
		p.full = false
		if !c.paused[tp] {
			c.cl.ResumeFetchPartitions(byTopic([]engine.TopicPartition{tp}))
		}
	}
}

// forever is the until of a partition that is read for as long as there is something.
const forever = math.MaxInt64
