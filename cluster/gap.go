package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// quiet is after what time without records a consumer looks whether it is at the end of what it reads. The client passes
// over records of aborted transactions, and over what compaction has left, without a word: with nothing after them the
// position would stay before them for ever.
const quiet = 5 * time.Second

// passGaps moves positions behind what there is nothing to read of.
func (c *consumer) passGaps(ctx context.Context) error {
	tps := c.behind()
	if len(tps) == 0 {
		return nil
	}
	return c.e.call(ctx, func(ctx context.Context) error {
		ends, err := c.e.listOffsets(ctx, tps, atEnd, c.config.Isolation)
		if errors.Is(explain(err), engine.ErrTopicNotFound) {
			return c.findMissing(ctx, tps)
		}
		if err != nil {
			return err
		}
		for _, tp := range tps {
			position, err := c.Position(tp)
			if err != nil || position >= ends[tp] {
				continue // given up meanwhile, or at the end
			}
			next, err := c.e.nextVisible(ctx, tp, position, c.config.Isolation)
			switch {
			case moving(explain(err)):
				continue // it is looked again
			case err != nil:
				return err
			}
			c.pass(tp, position, next)
		}
		return nil
	})
}

// behind are the partitions that may have something to read, when it is time to look.
func (c *consumer) behind() (tps []engine.TopicPartition) {
	pace := quiet
	if c.config.UntilEnd {
		pace = regroup
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.e.opts.Clock.Now()
	first := c.heard.IsZero()
	if !first && now.Sub(c.heard) < pace {
		return nil
	}
	if c.heard = now; first {
		return nil
	}
	for tp, p := range c.places {
		if !c.paused[tp] && p.position < p.until {
			tps = append(tps, tp)
		}
	}
	return tps
}

// pass moves a position, if it is where it was.
func (c *consumer) pass(tp engine.TopicPartition, from, to int64) {
	defer c.interrupt()()
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.places[tp]; p != nil && p.position == from && to > from {
		p.position = to
	}
}

// nextVisible is the offset from which on there may be something to read for an isolation: behind what is at offset if
// there is nothing to see of that.
func (e *cluster) nextVisible(ctx context.Context, tp engine.TopicPartition, offset int64, i engine.Isolation) (int64, error) {
	fetched, next, err := e.fetch(ctx, tp, offset, i, peekBytes)
	if err != nil || fetched.Err != nil || len(fetched.Records) > 0 {
		return offset, err // the client fetches records, or finds out by itself what is the matter
	}
	return max(next, offset), nil
}

// fetch reads records of a partition from an offset on, those of markers left out, and the offset behind them. The error is
// that nobody answered; what a broker answers is the partition's.
func (e *cluster) fetch(
	ctx context.Context, tp engine.TopicPartition, offset int64, i engine.Isolation, bytes int32,
) (fetched kgo.FetchPartition, next int64, err error) {
	detail, err := e.topics.detail(ctx, tp.Topic)
	if err != nil {
		return fetched, offset, err
	}
	leader := detail.Partitions[tp.Partition].Leader
	if leader < 0 {
		return kgo.FetchPartition{Err: kerr.LeaderNotAvailable}, offset, nil
	}
	level := kgo.ReadUncommitted()
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes = peekLimit
	if i == engine.ReadCommitted {
		req.IsolationLevel, level = 1, kgo.ReadCommitted()
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = tp.Topic, detail.ID
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = tp.Partition, offset, bytes
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	answer, err := req.RequestWith(ctx, e.admin.Broker(int(leader)))
	if err != nil {
		return fetched, offset, err
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return kgo.FetchPartition{Err: kerr.UnknownTopicOrPartition}, offset, nil
	}
	opts := kgo.ProcessFetchPartitionOpts{Offset: offset, IsolationLevel: level, Topic: tp.Topic, Partition: tp.Partition}
	fetched, next = kgo.ProcessFetchPartition(opts, &answer.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	return fetched, next, nil
}
