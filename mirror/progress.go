package mirror

import (
	"context"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// Progress is how far a run has come.
type Progress struct {
	Records int64 // carried by this run
	Bytes   int64 // of their keys, values and headers
	Offsets int64 // that this run has gone through; with gaps, so at least Records
	Total   int64 // of offsets that there were to go through when it began, or last looked
}

// Summary is what a run has done.
type Summary struct {
	Topics, Partitions int
	Records            int64 // carried by this run
	Bytes              int64 // of their keys, values and headers
	Skipped            int64 // offsets that the source deleted before they were carried, ever
	Groups             int   // whose offsets stand in the target
	// GroupsInUse are groups that have members in the target: their offsets there are left alone.
	GroupsInUse []string
	ExactlyOnce bool // the target has transactions; otherwise records can have come twice after a crash
	Elapsed     time.Duration
}

// begin notes where the partitions stand.
func (m *mirror) begin(ctx context.Context) error {
	if m.began == nil {
		m.began = map[engine.TopicPartition]int64{}
	}
	m.summary.Topics, m.summary.Partitions = len(m.topics), len(m.carrier.Positions())
	m.summary.ExactlyOnce = m.carrier.ExactlyOnce()
	for tp, p := range m.carrier.Positions() {
		if _, known := m.began[tp]; !known {
			m.began[tp] = p.Next
		}
	}
	return m.look(ctx)
}

// look finds how much there is to carry.
func (m *mirror) look(ctx context.Context) error {
	m.progress.Total = 0
	for _, name := range m.topics {
		info, err := m.from.DescribeTopic(ctx, name)
		if err != nil {
			return err
		}
		for _, part := range info.Partitions {
			if at, known := m.began[engine.TopicPartition{Topic: name, Partition: part.Partition}]; known {
				m.progress.Total += max(part.LastStable-at, 0)
			}
		}
	}
	m.report()
	return nil
}

// report tells how far the run has come.
func (m *mirror) report() {
	m.progress.Records, m.progress.Bytes, m.progress.Offsets, m.summary.Skipped = m.summary.Records, m.summary.Bytes, 0, 0
	for tp, p := range m.carrier.Positions() {
		m.progress.Offsets += p.Next - m.began[tp]
		m.summary.Skipped += p.Skipped
	}
	m.progress.Total = max(m.progress.Total, m.progress.Offsets)
	m.onProgress(m.progress)
}
