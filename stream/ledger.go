package stream

import (
	"context"
	"errors"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

const (
	// mostPending is how many results gather before they are written, within the transaction.
	mostPending = 5000
	// purgeEvery is how often what was processed of repartition topics is deleted.
	purgeEvery = 30 * time.Second
)

// ledger stores the progress of one task: results, what goes into repartition topics, state, stream time and input
// offsets, in one transaction or, at least once, in this order.
//
// The order of a takeover is what makes it safe: first the producer is opened, which ends whatever an earlier holder of
// the task has begun and keeps it from beginning again, then state and offsets are read.
type ledger struct {
	id       string // application
	task     taskID
	engine   engine.Engine
	consumer engine.Consumer // the member of the group that has the task's partitions
	producer engine.Producer
	exactly  bool
	begun    bool
}

// progress is what a commit stores of stream time.
type progress struct {
	Time   int64          `json:"time"`
	Lanes  []laneProgress `json:"lanes"`
	Closed bool           `json:"closed"` // nothing was open
}

type laneProgress struct {
	Topic string `json:"topic"`
	Lane  int    `json:"lane"`
	Time  int64  `json:"time"`
}

// progressKey is the one key of a topic with progress.
var progressKey = []byte("progress")

func changelog(id, store string) string { return id + "-" + store + "-changelog" }

// openLedger opens a task's producer.
func openLedger(ctx context.Context, i *instance, id taskID) (*ledger, error) {
	l := &ledger{id: i.id, task: id, engine: i.env.Engine, consumer: i.consumer, exactly: i.config.guarantee == ExactlyOnce}
	c := engine.ProducerConfig{}
	if l.exactly {
		c.TransactionalID = i.id + "-" + id.String()
		if err := engine.ValidateName("application", c.TransactionalID); err != nil {
			return nil, err
		}
	}
	var err error
	l.producer, err = l.engine.OpenProducer(ctx, c)
	return l, err
}

// close gives up what was begun since the last commit.
func (l *ledger) close(ctx context.Context) (err error) {
	if l.begun {
		err = l.producer.End(ctx, false)
	}
	return errors.Join(err, l.producer.Close())
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
	t.signal()
	if err := l.write(ctx, t); err != nil {
		return err
	}
	if err := l.writeState(ctx, t); err != nil {
		return err
	}
	offsets := t.offsets()
	if !l.exactly {
		if len(offsets) == 0 {
			return nil
		}
		return l.consumer.Commit(ctx, offsets)
	}
	if len(offsets) > 0 {
		if err := l.producer.SendOffsets(ctx, l.id, offsets, l.consumer); err != nil {
			return err
		}
	}
	l.begun = false
	return l.producer.End(ctx, true)
}

// purge deletes what was processed of repartition topics. That it cannot costs no more than room.
func (l *ledger) purge(ctx context.Context, t *Task) {
	for _, in := range t.inputs {
		if !in.arrival || in.stored <= 0 {
			continue
		}
		if err := l.engine.DeleteRecords(ctx, in.tp, in.stored); err != nil {
			t.env.Logger.Warn("records that were processed are still there", "application", l.id,
				"topic", in.tp.Topic, "partition", in.tp.Partition, "err", err)
		}
	}
}

// offsets are the positions that have moved since the last commit. They are behind markers at a partition's end.
func (t *Task) offsets() map[engine.TopicPartition]int64 {
	offsets := map[engine.TopicPartition]int64{}
	for _, in := range t.inputs {
		next := in.next
		if len(in.buffer) == 0 {
			next = max(next, in.read)
		}
		if next > in.stored {
			in.stored, offsets[in.tp] = next, next
		}
	}
	return offsets
}

func (l *ledger) writeState(ctx context.Context, t *Task) error {
	if len(t.operators) == 0 {
		return nil
	}
	for _, op := range t.operators {
		var rs []engine.Record
		err := op.flush(func(key, value []byte) {
			rs = append(rs, engine.Record{
				Key: key, Value: value, Timestamp: engine.NoTimestamp, Partition: l.task.partition, Offset: -1,
			})
		})
		if err == nil && len(rs) > 0 {
			_, err = l.producer.Produce(ctx, changelog(l.id, op.name), rs)
		}
		if err != nil {
			return err
		}
	}
	value, err := t.env.StateCodec.Append(nil, t.progress())
	if err != nil {
		return err
	}
	rs := []engine.Record{{
		Key: progressKey, Value: value, Timestamp: engine.NoTimestamp, Partition: l.task.partition, Offset: -1,
	}}
	_, err = l.producer.Produce(ctx, changelog(l.id, l.task.progress()), rs)
	return err
}

func (t *Task) progress() progress {
	op, _ := t.due()
	p := progress{Time: t.time, Closed: op == nil}
	for _, in := range t.inputs {
		for i, lane := range in.lanes {
			p.Lanes = append(p.Lanes, laneProgress{in.tp.Topic, i, lane.time})
		}
	}
	return p
}

// setProgress takes over what progress returned.
func (t *Task) setProgress(p progress) {
	t.time = p.Time
	for _, in := range t.inputs {
		for _, l := range p.Lanes {
			if l.Topic == in.tp.Topic && l.Lane >= 0 && l.Lane < mostLanes {
				in.lane(l.Lane).time = l.Time
			}
		}
	}
}
