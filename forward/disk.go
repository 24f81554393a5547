package forward

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// limitDisk deletes records until the local topics are within MaxDisk: of what was forwarded, and then, if that is what
// to do, of what was not. Each step deletes about a segment of the partition that has the most to delete. What cannot be
// deleted now is left for the next time.
func (f *Forwarder) limitDisk(ctx context.Context) {
	if f.maxDisk == 0 {
		return
	}
	full := false
	for range mostSteps {
		total, parts, err := f.measure(ctx)
		if err != nil {
			return
		}
		if full = total > f.maxDisk; !full {
			break
		}
		tp, before := f.oldest(parts)
		if before == 0 || f.local.DeleteRecords(ctx, tp, before) != nil {
			break
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Full = full
}

// mostSteps bounds the work of one time.
const mostSteps = 1000

type localPartition struct {
	engine.TopicPartition
	engine.PartitionInfo
}

func (f *Forwarder) measure(ctx context.Context) (total int64, parts []localPartition, err error) {
	for _, name := range f.topics {
		info, err := f.local.DescribeTopic(ctx, name)
		if err != nil {
			return 0, nil, err
		}
		for _, p := range info.Partitions {
			total += p.Bytes
			parts = append(parts, localPartition{engine.TopicPartition{Topic: name, Partition: p.Partition}, p})
		}
	}
	return total, parts, nil
}

// oldest chooses what to delete: the records of a partition below an offset; 0 is nothing.
func (f *Forwarder) oldest(parts []localPartition) (tp engine.TopicPartition, before int64) {
	var most int64
	for _, forwarded := range []bool{true, false} {
		if !forwarded && f.whenFull != DropOldest {
			break
		}
		for i := range parts {
			p := &parts[i]
			if p.Segments < 2 { // the last one cannot be deleted
				continue
			}
			upTo := p.LastStable
			if forwarded {
				upTo = min(upTo, f.mark(p.TopicPartition).next)
			}
			step := max((p.End-p.Start)/int64(p.Segments), 1)
			if upTo <= p.Start || p.Bytes <= most {
				continue
			}
			most, tp, before = p.Bytes, p.TopicPartition, min(p.Start+step, upTo)
		}
		if before > 0 {
			break
		}
	}
	return tp, before
}
