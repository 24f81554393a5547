package kafka

import (
	"context"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// What happens to consumers, as a history records it.
const (
	sawFetch      = iota // a poll returned records of a partition, from offset on
	sawBegin             // a member begins to process the record at offset
	sawFinish            // it has processed it
	sawCommitting        // it is about to commit offset, the next one
	sawCommit            // the commit succeeded that the event at ref began
	sawRevoked           // it has given the partition up in good order
	sawLost              // it has learnt that the partition was taken away
	sawGone              // it is dead: it polls no more, or was closed behind its loop's back
)

// event is one thing that happened, to one partition of one member but for sawGone.
type event struct {
	kind      uint8
	partition int16
	member    int32
	ref       int32 // of the event that this one completes
	offset    int64
}

// history is what happened to the members of one group on one topic, in order. It also knows which records were
// processed at least once.
type history struct {
	mu       sync.Mutex
	progress *sync.Cond // of done
	events   []event
	members  int32
	seen     [][]bool // by partition and offset
	done     int      // records that were processed at least once
	stuck    bool     // nothing goes on any more
}

func newHistory(partitions int) *history {
	h := &history{seen: make([][]bool, partitions)}
	h.progress = sync.NewCond(&h.mu)
	return h
}

// add records an event and returns its index.
func (h *history) add(kind uint8, member int32, partition int32, offset int64, ref int32) int32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event{kind, int16(partition), member, ref, offset})
	if kind == sawFinish {
		seen := &h.seen[partition]
		for int64(len(*seen)) <= offset {
			*seen = append(*seen, false)
		}
		if !(*seen)[offset] {
			(*seen)[offset] = true
			h.done++
			h.progress.Broadcast()
		}
	}
	return int32(len(h.events) - 1)
}

// await waits until n records were processed, or giveUp said that they never will be.
func (h *history) await(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.done < n && !h.stuck {
		h.progress.Wait()
	}
}

// giveUp ends all waiting when no more than n records were processed.
func (h *history) giveUp(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stuck = h.done <= n
	h.progress.Broadcast()
}

// processed is how many records were processed at least once.
func (h *history) processed() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done
}

// recorder is an engine whose consumers write a history. The next consumer that is opened is the member of that number.
type recorder struct {
	engine.Engine
	history *history
	member  int32
}

func (r *recorder) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (engine.Consumer, error) {
	if c.Group == "" {
		return r.Engine.OpenConsumer(ctx, c)
	}
	m := &recorded{history: r.history, member: r.member}
	onRevoked, onLost := c.OnRevoked, c.OnLost
	c.OnRevoked = func(ctx context.Context, tps []engine.TopicPartition) {
		onRevoked(ctx, tps)
		kind := uint8(sawRevoked)
		if m.kicked(tps[0]) {
			kind = sawLost
		}
		m.end(kind, tps)
	}
	c.OnLost = func(tps []engine.TopicPartition) {
		onLost(tps)
		m.end(sawLost, tps)
	}
	var err error
	m.Consumer, err = r.Engine.OpenConsumer(ctx, c)
	return m, err
}

// recorded is a consumer that writes a history.
type recorded struct {
	engine.Consumer
	history *history
	member  int32
}

// kicked reports whether the group has removed the member, who is told so only by a poll, or by a commit: one that changes
// nothing.
func (m *recorded) kicked(tp engine.TopicPartition) bool {
	ctx := context.Background()
	offset, err := m.Consumer.Committed(ctx, tp)
	if err == nil {
		err = m.Consumer.Commit(ctx, map[engine.TopicPartition]int64{tp: max(offset, 0)})
	}
	return err != nil
}

func (m *recorded) end(kind uint8, tps []engine.TopicPartition) {
	for _, tp := range tps {
		m.history.add(kind, m.member, tp.Partition, 0, 0)
	}
}

func (m *recorded) Poll(ctx context.Context, maxRecords int) ([]engine.Fetch, error) {
	fetches, err := m.Consumer.Poll(ctx, maxRecords)
	for _, f := range fetches {
		if len(f.Records) > 0 {
			m.history.add(sawFetch, m.member, f.Partition, f.Records[0].Offset, 0)
		}
	}
	return fetches, err
}

func (m *recorded) Commit(ctx context.Context, offsets map[engine.TopicPartition]int64) error {
	began := map[engine.TopicPartition]int32{}
	for tp, next := range offsets {
		began[tp] = m.history.add(sawCommitting, m.member, tp.Partition, next, 0)
	}
	err := m.Consumer.Commit(ctx, offsets)
	if err == nil {
		for tp, next := range offsets {
			m.history.add(sawCommit, m.member, tp.Partition, next, began[tp])
		}
	}
	return err
}
