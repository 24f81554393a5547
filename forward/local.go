package forward

import (
	"context"
	"errors"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
)

// saveEvery is how often the copy of the positions is written. Each time is an fsync.
const saveEvery = 5 * time.Second

// checkLocal describes the local topics, and refuses those that would lose what was not forwarded.
func (f *Forwarder) checkLocal(ctx context.Context) (infos []engine.TopicInfo, err error) {
	var segments int64
	for _, name := range f.topics {
		info, err := f.local.DescribeTopic(ctx, name)
		if err != nil {
			return nil, err
		}
		if err := f.checkRetention(&info); err != nil {
			return nil, err
		}
		segments += info.Config.SegmentBytes * int64(len(info.Partitions))
		infos = append(infos, info)
	}
	if f.maxDisk > 0 && segments > f.maxDisk/2 {
		return nil, engine.Errorf(kafka.ErrInvalidArgument, "MaxDisk of %d bytes is less than twice what the topics' last segments may "+
			"take, %d: lower the topics' SegmentBytes, or raise MaxDisk", f.maxDisk, segments)
	}
	return infos, nil
}

func (f *Forwarder) checkRetention(info *engine.TopicInfo) error {
	c := &info.Config
	if c.CleanupPolicy == engine.CleanupCompact {
		return nil
	}
	if kept := c.RetentionMs; kept >= 0 && (f.maxAge == 0 || kept < f.maxAge.Milliseconds()) {
		return engine.Errorf(kafka.ErrInvalidArgument, "the topic deletes records after %d ms, forwarded or not: set its RetentionMs to -1, "+
			"or give a MaxAge that is not longer", kept).At(info.Name, -1)
	}
	if c.RetentionBytes >= 0 && (f.maxDisk == 0 || f.whenFull != DropOldest) {
		return engine.Errorf(kafka.ErrInvalidArgument, "the topic deletes records beyond %d bytes, forwarded or not: set its RetentionBytes "+
			"to -1, and bound it with MaxDisk", c.RetentionBytes).At(info.Name, -1)
	}
	return nil
}

// restore takes the copy of the positions for what is known, until the target has been asked.
func (f *Forwarder) restore(ctx context.Context, infos []engine.TopicInfo) error {
	group, err := f.local.DescribeGroup(ctx, f.ledger)
	if err != nil && !errors.Is(err, kafka.ErrGroupNotFound) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range infos {
		for _, p := range infos[i].Partitions {
			tp := engine.TopicPartition{Topic: infos[i].Name, Partition: p.Partition}
			if _, known := f.marks[tp]; !known {
				f.marks[tp] = mark{next: p.Start}
			}
		}
	}
	for _, o := range group.Offsets {
		m, ours := f.marks[o.TopicPartition]
		if ours && o.Committed > m.next {
			f.marks[o.TopicPartition] = mark{next: o.Committed, skipped: m.skipped}
			f.copied[o.TopicPartition] = o.Committed
		}
	}
	return nil
}

// save writes the copy of the positions. A failure is not told: it is a copy, and the next time is soon.
func (f *Forwarder) save(ctx context.Context) {
	offsets := map[engine.TopicPartition]int64{}
	for _, name := range f.topics {
		info, err := f.local.DescribeTopic(ctx, name)
		if err != nil {
			return
		}
		for _, p := range info.Partitions {
			tp := engine.TopicPartition{Topic: name, Partition: p.Partition}
			if next := max(f.mark(tp).next, p.Start); next != f.copied[tp] && next <= p.End {
				offsets[tp] = next
			}
		}
	}
	if len(offsets) == 0 || f.local.SetOffsets(ctx, f.ledger, offsets) != nil {
		return
	}
	for tp, next := range offsets {
		f.copied[tp] = next
	}
}

func (f *Forwarder) mark(tp engine.TopicPartition) mark {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.marks[tp]
}
