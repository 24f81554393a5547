package local

import (
	"context"
	"errors"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
)

// Health implements engine.Engine.
func (e *Engine) Health() engine.Health {
	h := engine.Health{OK: true}
	if err := e.enter(context.Background()); err != nil {
		h.OK = false
		h.Notes = []string{err.Error()}
		return h
	}
	defer e.leave()
	h.Notes = slices.Clone(e.notes)
	for _, t := range e.list() {
		for _, p := range t.list() {
			if p.log != nil {
				h.Notes = append(h.Notes, p.log.Notes()...)
			}
			if ph, bad := p.health(); bad {
				h.OK = false
				h.Partitions = append(h.Partitions, ph)
			}
		}
	}
	return h
}

func (p *partition) health() (engine.PartitionHealth, bool) {
	h := engine.PartitionHealth{TopicPartition: engine.TopicPartition{Topic: p.topic.name, Partition: p.number}}
	if p.err != nil {
		h.ReadOnly, h.Err = true, p.err
		return h, true
	}
	h.ReadOnly, h.Err, h.Damage = p.log.ReadOnly(), p.log.Failed(), p.log.Damage()
	return h, h.ReadOnly || h.Err != nil || len(h.Damage) > 0
}

// Stats implements engine.Engine.
func (e *Engine) Stats() engine.Stats {
	s := engine.Stats{
		RecordsIn: e.recordsIn.Load(), BytesIn: e.bytesIn.Load(), RecordsOut: e.recordsOut.Load(),
		BytesOut: e.bytesOut.Load(), Fsyncs: e.fsyncs.Load(), OpenFiles: e.pool.Open(), Compactions: e.compactions.Load(),
	}
	if e.enter(context.Background()) != nil {
		return s
	}
	defer e.leave()
	for _, t := range e.list() {
		s.Topics++
		for _, p := range t.list() {
			s.Partitions++
			if p.log != nil {
				n, _ := p.log.Bytes()
				s.BytesOnDisk += n
			}
		}
	}
	s.Groups, s.Members = e.groups.Count()
	return s
}

// makeRoom lets retention have its chance when there was no room on the disk, so that the next try may find some.
func (c *core) makeRoom(err error) {
	if err == nil || !errors.Is(err, engine.ErrDiskFull) || !c.making.TryLock() {
		return
	}
	defer c.making.Unlock()
	c.retain()
}

// checkQuota refuses more records when the directory has its fill, after retention had its chance.
func (e *Engine) checkQuota() error {
	if e.opts.Quota <= 0 || e.bytes.Load() < e.opts.Quota {
		return nil
	}
	e.retain()
	if used := e.bytes.Load(); used >= e.opts.Quota {
		return engine.Errorf(engine.ErrQuotaExceeded,
			"%d bytes of %d are used; delete records or topics, set a retention, or raise the quota", used, e.opts.Quota)
	}
	return nil
}
