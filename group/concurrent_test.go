package group

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// claims checks that nobody reads a partition that another still reads.
type claims struct {
	mu    sync.Mutex
	owner map[engine.TopicPartition]string
}

func (c *claims) take(t *testing.T, id string, tps []engine.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		if other := c.owner[tp]; other != "" && other != id {
			t.Errorf("%v is read by %s and given to %s", tp, other, id)
		}
		c.owner[tp] = id
	}
}

func (c *claims) drop(tps []engine.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range tps {
		delete(c.owner, tp)
	}
}

// live is a consumer's life: it reads for some polls, commits, gives up what it is asked for, and leaves.
func live(t *testing.T, h *harness, c *claims, r JoinRequest, rnd *rand.Rand) {
	m, err := h.Join(t.Context(), r)
	if !assert.NoError(t, err) {
		return
	}
	var a Assignment
	for range 3 + rnd.IntN(10) {
		a = m.Poll()
		c.take(t, m.ID(), a.Partitions)
		for _, tp := range a.Partitions {
			err := m.Commit(t.Context(), offsets{tp: rnd.Int64N(1000)})
			assert.NoError(t, err, "what was not given up can be committed")
		}
		m.Heartbeat()
		if len(a.Revoked) > 0 {
			c.drop(a.Revoked)
			m.Ack(a.Generation)
		}
		runtime.Gosched()
	}
	c.drop(a.Partitions)
	assert.NoError(t, m.Leave())
}

func TestConcurrentLives(t *testing.T) {
	for _, assignor := range []string{Range, Sticky, CooperativeSticky} {
		t.Run(assignor, func(t *testing.T) {
			h := start(t, map[string]int{"t": 16, "u": 8})
			c := &claims{owner: map[engine.TopicPartition]string{}}
			var wg sync.WaitGroup
			for i := range 32 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(uint64(i), 1))
					for range 6 {
						live(t, h, c, request(assignor, [][]string{{"t"}, {"t", "u"}}[i%2]...), rnd)
					}
				})
			}
			done := make(chan struct{})
			var admin sync.WaitGroup
			admin.Go(func() {
				for n := 17; ; n++ {
					select {
					case <-done:
						return
					default:
					}
					h.topics.set("t", min(n, 32))
					h.TopicsChanged()
					h.clock.Advance(time.Microsecond)
					_, _ = h.Describe("g")
					h.List()
					assert.Error(t, h.SetOffsets("h", offsets{tp("x", 0): 1}))
					runtime.Gosched()
				}
			})
			wg.Wait()
			close(done)
			admin.Wait()
			_, members := h.Count()
			require.Zero(t, members)
		})
	}
}

// Timeouts, takeovers and closing race with everything else; the race detector and the leak check judge.
func TestConcurrentTimeouts(t *testing.T) {
	h := start(t, map[string]int{"t": 8})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			r := request([]string{CooperativeSticky, Range}[i/16%2], "t")
			r.Group = []string{"g", "h"}[i/16%2]
			if i%4 == 0 {
				r.InstanceID = "shared"
			}
			for range 20 {
				m, err := h.Join(t.Context(), r)
				if err != nil {
					assert.ErrorIs(t, err, engine.ErrClosed)
					return
				}
				for a := m.Poll(); !a.Lost; a = m.Poll() {
					for _, tp := range a.Partitions {
						_ = m.Commit(t.Context(), offsets{tp: int64(i)})
					}
					m.Ack(a.Generation)
					h.clock.Advance(time.Second)
				}
			}
		})
	}
	wg.Go(func() {
		for range 200 {
			_ = h.Delete("g")
			_ = h.SetOffsets("h", offsets{tp("t", 0): 1})
			h.DeleteTopic("none")
			runtime.Gosched()
		}
		h.Close()
	})
	wg.Wait()
}

type operation struct {
	commit    bool
	partition int32
	offset    int64
}

// registers models each partition's committed offset as a register that keeps the highest value.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[int32][]porcupine.Operation{}
		for _, op := range history {
			p := op.Input.(operation).partition
			by[p] = append(by[p], op)
		}
		var out [][]porcupine.Operation
		for _, ops := range by {
			out = append(out, ops)
		}
		return out
	},
	Init: func() any { return int64(-1) },
	Step: func(state, input, output any) (bool, any) {
		have, in := state.(int64), input.(operation)
		if !in.commit {
			return output.(int64) == have, have
		}
		if failed := output.(int64) < 0; failed {
			return true, have
		}
		return true, max(have, in.offset)
	},
}

// flaky fails some calls.
type flaky struct {
	memory
	n atomic.Int64
}

func (s *flaky) Commit(group string, o offsets) error {
	if s.n.Add(1)%5 == 0 {
		return engine.ErrIO
	}
	return s.memory.Commit(group, o)
}

func TestCommitsAreLinearizable(t *testing.T) {
	for seed := range uint64(20) {
		h := newHarness(map[string]int{"t": 3})
		h.Coordinator = New(Config{Clock: h.clock, Topics: h.topics, Store: &flaky{}})
		m := h.join(t, request(Range, "t"))
		m.Poll()
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			history []porcupine.Operation
			tick    atomic.Int64
		)
		for client := range 16 {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, uint64(client)))
				for range 12 {
					in := operation{commit: client%2 == 0, partition: rnd.Int32N(3), offset: rnd.Int64N(50)}
					op := porcupine.Operation{ClientId: client, Input: in, Call: tick.Add(1)}
					if !in.commit {
						op.Output = committed(h, tp("t", in.partition))
					} else if m.Commit(t.Context(), offsets{tp("t", in.partition): in.offset}) != nil {
						op.Output = int64(-1)
					} else {
						op.Output = int64(0)
					}
					op.Return = tick.Add(1)
					mu.Lock()
					history = append(history, op)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		h.Close()
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(registers, history, 10*time.Second), "seed %d", seed)
	}
}
