package cluster

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

// Health implements engine.Engine: it asks the cluster which partitions nobody leads. That it does not answer is a note.
func (e *cluster) Health() engine.Health {
	var h engine.Health
	err := e.call(context.Background(), func(ctx context.Context) error {
		details, err := e.topics.details(ctx)
		if err != nil {
			return err
		}
		for _, d := range details {
			for _, tp := range partitionsOf(d) {
				p := d.Partitions[tp.Partition]
				if p.Leader >= 0 {
					continue
				}
				err := engine.Errorf(engine.ErrNotLeader, "no broker leads the partition").At(tp.Topic, int(tp.Partition))
				if p.Err != nil {
					err.Err = p.Err
				}
				h.Partitions = append(h.Partitions, engine.PartitionHealth{TopicPartition: tp, Err: err})
			}
		}
		return nil
	})
	if err != nil {
		h.Notes = []string{err.Error()}
	}
	h.OK = err == nil && len(h.Partitions) == 0
	return h
}

// Stats implements engine.Engine. Records and bytes are those of this engine; topics, partitions and groups are the
// cluster's, or zero when it does not answer. The rest is not for a client of the cluster to see.
func (e *cluster) Stats() engine.Stats {
	s := engine.Stats{
		RecordsIn: e.counters.recordsIn.Load(), BytesIn: e.counters.bytesIn.Load(),
		RecordsOut: e.counters.recordsOut.Load(), BytesOut: e.counters.bytesOut.Load(),
	}
	_ = e.call(context.Background(), func(ctx context.Context) error {
		details, err := e.topics.details(ctx)
		if err != nil {
			return err
		}
		s.Topics = len(details)
		for _, d := range details {
			s.Partitions += len(d.Partitions)
		}
		groups, err := e.adm.ListGroups(ctx)
		s.Groups = len(groups)
		return err
	})
	return s
}
