package cluster

import (
	"context"
	"errors"

	"github.com/dot-do/kafka-embedded/engine"
)

// scanBytes is how much is asked for at once of a partition whose records are looked through.
const scanBytes = 1 << 20

// overlooked finds records that are not older than a timestamp in partitions of which a broker says that there are none, and
// returns the partitions that have none indeed.
//
// Kafka looks for a time in the first segment that has a record so young, and in no other. When DeleteRecords has put the
// start behind that segment, which stays until retention is looked after (five minutes), it finds nothing there and says
// that there is nothing. A consumer would begin at the end, and miss all that is left. So what is left is read, unless the
// youngest record of all is too old: as logs are mostly in the order of time, the first record is most often the one.
func (e *cluster) overlooked(
	ctx context.Context, tps []engine.TopicPartition, timestamp int64, offsets map[engine.TopicPartition]int64,
) (none []engine.TopicPartition, err error) {
	if timestamp < 0 {
		return tps, nil
	}
	youngest, err := e.requestOffsets(ctx, tps, atYoungest, engine.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	for _, tp := range tps {
		offset := int64(-1)
		if youngest[tp].Timestamp >= timestamp {
			if offset, err = e.scan(ctx, tp, timestamp); err != nil {
				return nil, err
			}
		}
		if offset < 0 {
			none = append(none, tp)
		} else {
			offsets[tp] = offset
		}
	}
	return none, nil
}

// scan reads a partition from its start up to the first record that is not older than a timestamp, and returns that one's
// offset, or -1. It begins anew when the start moves on meanwhile.
func (e *cluster) scan(ctx context.Context, tp engine.TopicPartition, timestamp int64) (offset int64, err error) {
	err = patiently(ctx, func() error {
		for {
			offset, err = e.scanOnce(ctx, tp, timestamp)
			if !errors.Is(err, engine.ErrOffsetOutOfRange) {
				return err
			}
		}
	})
	return offset, err
}

func (e *cluster) scanOnce(ctx context.Context, tp engine.TopicPartition, timestamp int64) (int64, error) {
	x, err := e.extents(ctx, []engine.TopicPartition{tp})
	if err != nil {
		return -1, err
	}
	for offset := x[tp].start; offset < x[tp].end; {
		fetched, next, err := e.fetch(ctx, tp, offset, engine.ReadUncommitted, scanBytes)
		switch {
		case err != nil:
			return -1, err
		case fetched.Err != nil:
			return -1, at(fetched.Err, tp)
		}
		for _, r := range fetched.Records {
			if r.Timestamp.UnixMilli() >= timestamp {
				return r.Offset, nil
			}
		}
		if next <= offset {
			return -1, nil // the end, as consumers see it
		}
		offset = next
	}
	return -1, nil
}
