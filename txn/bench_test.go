package txn

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
)

// sink is a partition that keeps nothing and whose records are durable at once.
type sink struct {
	id   PartitionID
	next atomic.Int64
}

func (p *sink) ID() PartitionID { return p.id }

func (p *sink) Append(b record.Batch, _ int64) (log.Appended, error) {
	n := int64(b.LastOffsetDelta()) + 1
	next := p.next.Add(n)
	return log.Appended{First: next - n, Next: next}, nil
}

func (p *sink) Sync(int64) error { return nil }
func (p *sink) End() int64       { return p.next.Load() }
func (p *sink) Durable() int64   { return p.next.Load() }
func (p *sink) Deleted() bool    { return false }

// BenchmarkCommit is what the coordinator itself costs: a transaction that sends a record of 100 bytes to each of some
// partitions, which cost nothing themselves.
func BenchmarkCommit(b *testing.B) {
	for _, partitions := range []int{1, 2, 10} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) {
			c := newCoordinator(newStore())
			defer c.Close()
			p, err := c.Open("", 0)
			require.NoError(b, err)
			defer p.Close()
			sinks := make([]*sink, partitions)
			for i := range sinks {
				sinks[i] = &sink{id: PartitionID{Number: int32(i)}}
			}
			r := engine.Record{Value: make([]byte, 100)}
			b.ReportAllocs()
			for b.Loop() {
				x, err := p.Begin()
				if err != nil {
					b.Fatal(err)
				}
				for _, to := range sinks {
					if err := x.Add(to, Batching{}, &r); err != nil {
						b.Fatal(err)
					}
				}
				if err := x.Commit(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
