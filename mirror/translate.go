package mirror

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry"
	"github.com/dot-do/kafka-embedded/record"
)

// translator finds the target's offsets for those of the source. From the nearest pair of offsets that mean the same place
// it walks both logs side by side: a record of the source is the next one in the target that is equal to it.
type translator struct {
	from, to  engine.Engine
	positions map[engine.TopicPartition]*carry.Position
	known     map[place]int64
	scanners  map[scanned]*scanner
}

type place struct {
	tp     engine.TopicPartition
	offset int64
}

type scanned struct {
	e     engine.Engine
	topic string
}

func newTranslator(from, to engine.Engine, positions map[engine.TopicPartition]*carry.Position) *translator {
	return &translator{
		from: from, to: to, positions: positions, known: map[place]int64{}, scanners: map[scanned]*scanner{},
	}
}

// translate is the offset at which a consumer of the target gets all records from offset on. What was not carried yet is
// still to come, after all that was.
func (t *translator) translate(ctx context.Context, tp engine.TopicPartition, offset int64) (int64, error) {
	p := t.positions[tp]
	offset = min(offset, p.Next)
	at := place{tp, offset}
	if to, known := t.known[at]; known {
		return to, nil
	}
	sync, upTo, ok := p.Around(offset)
	if !ok {
		return 0, nil // nothing is known of the partition: it is empty
	}
	to := sync.To
	if offset > sync.From {
		var err error
		if to, err = t.walk(ctx, tp, sync, upTo, offset); err != nil {
			return 0, err
		}
	}
	t.known[at] = to
	return to, nil
}

// walk is the offset after the last record of the target that is one of the source below offset.
func (t *translator) walk(ctx context.Context, tp engine.TopicPartition, sync carry.Sync, upTo, offset int64) (int64, error) {
	source, err := t.scan(ctx, t.from, tp, sync.From)
	if err != nil {
		return 0, err
	}
	target, err := t.scan(ctx, t.to, tp, sync.To)
	if err != nil {
		return 0, err
	}
	to := sync.To
	for {
		want, err := source.next(ctx, offset)
		if want == nil || err != nil {
			return to, err
		}
		for {
			r, err := target.next(ctx, upTo)
			if r == nil || err != nil {
				return to, err
			}
			if equal(want, r) {
				to = r.Offset + 1
				break
			}
		}
	}
}

// equal reports whether one record is a copy of the other. The header that names the codec may be in one of them only.
func equal(a, b *record.Record) bool {
	return a.Timestamp == b.Timestamp && same(a.Key, b.Key) && same(a.Value, b.Value) &&
		slices.EqualFunc(headers(a), headers(b), func(x, y record.Header) bool { return x.Key == y.Key && same(x.Value, y.Value) })
}

func headers(r *record.Record) []record.Header {
	if r.NumHeaders == 0 {
		return nil
	}
	return slices.DeleteFunc(r.AppendHeaders(nil), func(h record.Header) bool { return h.Key == engine.CodecHeader })
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// scan begins to read a partition from an offset, or the start if that is above it.
func (t *translator) scan(ctx context.Context, e engine.Engine, tp engine.TopicPartition, from int64) (*scanner, error) {
	id := scanned{e, tp.Topic}
	s := t.scanners[id]
	if s == nil {
		k, err := e.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{tp.Topic}, UntilEnd: true})
		if err != nil {
			return nil, err
		}
		s = &scanner{consumer: k}
		t.scanners[id] = s
	}
	info, err := e.DescribeTopic(ctx, tp.Topic)
	if err != nil {
		return nil, err
	}
	return s, s.begin(ctx, &info, tp, from)
}

func (t *translator) close() error {
	var errs []error
	for _, s := range t.scanners {
		errs = append(errs, s.consumer.Close(context.Background()))
	}
	return errors.Join(errs...)
}

// scanner reads one partition of a topic at a time.
type scanner struct {
	consumer engine.Consumer
	tp       engine.TopicPartition
	records  []record.Record
	ended    bool
}

// begin leaves the other partitions at their ends.
func (s *scanner) begin(ctx context.Context, info *engine.TopicInfo, tp engine.TopicPartition, from int64) error {
	s.tp, s.records, s.ended = tp, nil, false
	for _, part := range info.Partitions {
		at := part.LastStable
		if part.Partition == tp.Partition {
			at = min(max(from, part.Start), part.End)
		}
		if err := s.consumer.Seek(ctx, engine.TopicPartition{Topic: tp.Topic, Partition: part.Partition}, at); err != nil {
			return err
		}
	}
	return nil
}

// next is the next record below an offset, or nil. An offset below 0 is no bound.
func (s *scanner) next(ctx context.Context, below int64) (*record.Record, error) {
	for len(s.records) == 0 && !s.ended {
		fetches, err := s.consumer.Poll(ctx, 1000)
		if errors.Is(err, io.EOF) {
			s.ended = true
			break
		}
		if err != nil {
			return nil, err
		}
		for _, f := range fetches {
			if f.TopicPartition == s.tp {
				s.records = append(s.records, f.Records...)
			}
		}
	}
	if len(s.records) == 0 || below >= 0 && s.records[0].Offset >= below {
		return nil, nil
	}
	r := &s.records[0]
	s.records = s.records[1:]
	return r, nil
}
