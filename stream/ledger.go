package stream

import (
	"context"
	"errors"
	"io"

	"github.com/dot-do/kafka-embedded/engine"
)

// mostPending is how many results gather before they are written, within the transaction.
const mostPending = 5000

// ledger stores the progress of an application: results, state, stream time and input offsets, in one transaction or,
// at least once, in this order.
//
// The order of a takeover is what makes it safe: first the producer is opened, which ends whatever an earlier instance
// has begun and keeps it from beginning again, then state and offsets are read.
type ledger struct {
	id       string
	engine   engine.Engine
	producer engine.Producer
	exactly  bool
	begun    bool
	seen     []int64 // next offsets of the partitions at the last commit
}

// progress is what a commit stores of stream time.
type progress struct {
	Time       int64           `json:"time"`
	Partitions []partitionTime `json:"partitions"`
}

type partitionTime struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Time      int64  `json:"time"`
}

// progressKey is the one key of the topic with the progress.
var progressKey = []byte("progress")

func (l *ledger) changelog(store string) string { return l.id + "-" + store + "-changelog" }

func openLedger(ctx context.Context, t *Task) (*ledger, error) {
	l := &ledger{id: t.id, engine: t.env.Engine, exactly: t.config.guarantee == ExactlyOnce}
	names := []string{"progress"}
	for _, op := range t.operators {
		names = append(names, op.name)
	}
	for _, name := range names {
		topic := l.changelog(name)
		if err := engine.ValidateName("application", topic); err != nil {
			return nil, err
		}
		c := engine.TopicConfig{Partitions: 1, CleanupPolicy: engine.CleanupCompact, Codec: "raw"}
		if err := l.engine.CreateTopic(ctx, topic, c); err != nil && !errors.Is(err, engine.ErrTopicExists) {
			return nil, err
		}
	}
	c := engine.ProducerConfig{}
	if l.exactly {
		c.TransactionalID = l.id
	}
	var err error
	l.producer, err = l.engine.OpenProducer(ctx, c)
	return l, err
}

func (l *ledger) close(ctx context.Context) (err error) {
	if l.begun {
		err = l.producer.End(ctx, false)
	}
	return errors.Join(err, l.producer.Close())
}

// resume brings a task to where the last commit left it.
func (l *ledger) resume(ctx context.Context, r *runner) error {
	if err := l.resumeTime(ctx, r.Task); err != nil {
		return err
	}
	for _, op := range r.operators {
		n := 0
		err := l.read(ctx, l.changelog(op.name), func(key, value []byte) error {
			n++
			return op.restore(key, value)
		})
		if err != nil {
			return err
		}
		op.restored(r.now(op))
		r.env.Logger.Info("state restored", "application", l.id, "store", op.name, "changes", n)
	}
	return l.resumeOffsets(ctx, r)
}

func (l *ledger) resumeTime(ctx context.Context, t *Task) error {
	return l.read(ctx, l.changelog("progress"), func(_, value []byte) error {
		var p progress
		if err := t.env.StateCodec.Unmarshal(value, &p); err != nil {
			return err
		}
		t.time = p.Time
		for _, pt := range p.Partitions {
			if known := t.byPartition[engine.TopicPartition{Topic: pt.Topic, Partition: pt.Partition}]; known != nil {
				known.time = pt.Time
			}
		}
		return nil
	})
}

func (l *ledger) resumeOffsets(ctx context.Context, r *runner) error {
	info, err := l.engine.DescribeGroup(ctx, l.id)
	if err != nil && !errors.Is(err, engine.ErrGroupNotFound) {
		return err
	}
	for _, o := range info.Offsets {
		p := r.byPartition[o.TopicPartition]
		if p == nil || o.Committed < 0 {
			continue
		}
		err := r.consumer.Seek(ctx, o.TopicPartition, o.Committed)
		if errors.Is(err, engine.ErrOffsetOutOfRange) {
			r.env.Logger.Warn("committed offset is not in the log; starting over", "application", l.id,
				"topic", o.Topic, "partition", o.Partition, "offset", o.Committed, "err", err)
			continue
		}
		if err != nil {
			return err
		}
		p.next, p.read = o.Committed, o.Committed
		r.finished(p)
	}
	return nil
}

// read reads what a topic of one partition holds now.
func (l *ledger) read(ctx context.Context, topic string, fn func(key, value []byte) error) (err error) {
	c, err := l.engine.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	for {
		fetches, err := c.Poll(ctx, pollRecords)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range fetches {
			for i := range f.Records {
				r := &f.Records[i]
				if err := fn(r.Key, r.Value); err != nil {
					return engine.Errorf(engine.ErrCorrupt, "restoring offset %d: %w", r.Offset, err).At(topic, 0)
				}
			}
		}
	}
}

// write writes the results that have gathered.
func (l *ledger) write(ctx context.Context, t *Task) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	return t.Outputs(func(topic string, rs []engine.Record) error {
		_, err := l.producer.Produce(ctx, topic, rs)
		return err
	})
}

func (l *ledger) begin(ctx context.Context) error {
	if !l.exactly || l.begun {
		return nil
	}
	if err := l.producer.Begin(ctx); err != nil {
		return err
	}
	l.begun = true
	return nil
}

// commit stores everything since the last commit.
func (l *ledger) commit(ctx context.Context, t *Task) error {
	if err := l.write(ctx, t); err != nil {
		return err
	}
	if err := l.writeState(ctx, t); err != nil {
		return err
	}
	offsets := l.offsets(t)
	if !l.exactly {
		if len(offsets) == 0 {
			return nil
		}
		return l.engine.SetOffsets(ctx, l.id, offsets)
	}
	if len(offsets) > 0 {
		if err := l.producer.SendOffsets(ctx, l.id, offsets, nil); err != nil {
			return err
		}
	}
	l.begun = false
	return l.producer.End(ctx, true)
}

// offsets are the positions that have moved since the last commit. They are behind markers at a partition's end.
func (l *ledger) offsets(t *Task) map[engine.TopicPartition]int64 {
	offsets := map[engine.TopicPartition]int64{}
	for i, p := range t.partitions {
		next := p.next
		if len(p.buffer) == 0 {
			next = max(next, p.read)
		}
		if i == len(l.seen) {
			l.seen = append(l.seen, 0)
		}
		if next > l.seen[i] {
			l.seen[i], offsets[p.tp] = next, next
		}
	}
	return offsets
}

func (l *ledger) writeState(ctx context.Context, t *Task) error {
	for _, op := range t.operators {
		var rs []engine.Record
		err := op.flush(func(key, value []byte) {
			rs = append(rs, engine.Record{Key: key, Value: value, Timestamp: engine.NoTimestamp, Offset: -1})
		})
		if err == nil && len(rs) > 0 {
			_, err = l.producer.Produce(ctx, l.changelog(op.name), rs)
		}
		if err != nil {
			return err
		}
	}
	if len(t.operators) == 0 {
		return nil
	}
	p := progress{Time: t.time}
	for _, part := range t.partitions {
		p.Partitions = append(p.Partitions, partitionTime{part.tp.Topic, part.tp.Partition, part.time})
	}
	value, err := t.env.StateCodec.Append(nil, p)
	if err != nil {
		return err
	}
	rs := []engine.Record{{Key: progressKey, Value: value, Timestamp: engine.NoTimestamp, Offset: -1}}
	_, err = l.producer.Produce(ctx, l.changelog("progress"), rs)
	return err
}
