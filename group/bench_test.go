package group

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

func BenchmarkPoll(b *testing.B) {
	h := newHarness(map[string]int{"t": 16})
	h.Coordinator = New(Config{Clock: clock.Real, Topics: h.topics, Store: h.store})
	defer h.Close()
	m := h.join(b, request(CooperativeSticky, "t"))
	b.ReportAllocs()
	for b.Loop() {
		m.Poll()
	}
}

// nothing is a Store that costs nothing.
type nothing struct{}

func (nothing) Commit(string, offsets) error { return nil }
func (nothing) Reset(string, offsets) error  { return nil }
func (nothing) Delete(string) error          { return nil }

func BenchmarkCommit(b *testing.B) {
	h := newHarness(map[string]int{"t": 16})
	h.Coordinator = New(Config{Clock: clock.Real, Topics: h.topics, Store: nothing{}})
	defer h.Close()
	m := h.join(b, request(CooperativeSticky, "t"))
	m.Poll()
	next := offsets{tp("t", 3): 0}
	b.ReportAllocs()
	for b.Loop() {
		next[tp("t", 3)]++
		if err := m.Commit(context.Background(), next); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRebalance lets one member join and leave a group of 100 that reads 1000 partitions, and everybody react.
func BenchmarkRebalance(b *testing.B) {
	for _, assignor := range []string{Range, RoundRobin, Sticky, CooperativeSticky} {
		for _, topics := range [][]string{{"t"}, {"t", "u"}} {
			b.Run(fmt.Sprintf("%s/subscriptions=%d", assignor, len(topics)), func(b *testing.B) {
				h := newHarness(map[string]int{"t": 500, "u": 500})
				defer h.Close()
				var members []*Member
				for i := range 100 {
					subscription := []string{"t", "u"}
					if i%2 == 0 {
						subscription = topics
					}
					members = append(members, h.join(b, request(assignor, subscription...)))
				}
				react := func() {
					for range 2 {
						for _, m := range members {
							release(m)
						}
					}
				}
				react()
				b.ReportAllocs()
				for b.Loop() {
					m := h.join(b, request(assignor, "t", "u"))
					react()
					_ = m.Leave()
					react()
				}
			})
		}
	}
}

// BenchmarkIdleConsumer reports what one of 1000 consumers of a group occupies.
func BenchmarkIdleConsumer(b *testing.B) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for b.Loop() {
		h := newHarness(map[string]int{"t": 1000})
		before := heap()
		members := make([]*Member, 1000)
		for i := range members {
			members[i] = h.join(b, request(CooperativeSticky, "t"))
		}
		for _, m := range members {
			require.Len(b, m.Poll().Partitions, 1)
		}
		b.ReportMetric((heap()-before)/1000, "B/consumer")
		runtime.KeepAlive(members)
		h.Close()
	}
}
