package local_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// eventually waits for what another goroutine does, without a clock.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 10_000_000 {
		if done() {
			return
		}
		runtime.Gosched()
	}
	t.Fatal("it never happens: " + what)
}

// TestCompaction: a topic with keys sheds what was superseded, in the background.
func TestCompaction(t *testing.T) {
	m := clock.NewManual(epoch)
	e := open(t, local.Options{FS: vfs.NewVolatile(), Clock: m})
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{CleanupPolicy: engine.CleanupCompact, SegmentBytes: 1 << 10}))
	p := producer(t, e, engine.AcksAll)
	for i := range 200 {
		r := rec(fmt.Sprint(i))
		r.Key = fmt.Append(nil, "key", i%5)
		send(t, p, "t", r)
	}
	before := e.Stats()
	m.WaitForTimers(1)
	m.Advance(10 * time.Second)
	eventually(t, "a compaction", func() bool { return e.Stats().Compactions == 1 })
	require.Less(t, e.Stats().BytesOnDisk, before.BytesOnDisk/2)
	got := drain(t, reader(t, e, "t"))[tp("t", 0)]
	require.Less(t, len(got), 100)
	require.Equal(t, []string{"195", "196", "197", "198", "199"}, got[len(got)-5:])
	e.Maintain(t.Context())
	require.EqualValues(t, 1, e.Stats().Compactions, "nothing is due")
}

// TestFlushIntervals: what AcksLeader wrote becomes durable in time, by the topic's interval or the engine's.
func TestFlushIntervals(t *testing.T) {
	for name, c := range map[string]struct {
		engine time.Duration
		topic  int64
		want   time.Duration // 0 is never
	}{
		"none":              {0, -1, 0},
		"engine":            {time.Second, -1, time.Second},
		"topic":             {0, 200, 200 * time.Millisecond},
		"topic over engine": {time.Minute, 300, 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			m := clock.NewManual(epoch)
			e := open(t, local.Options{FS: vfs.NewVolatile(), Clock: m, FlushInterval: c.engine})
			m.WaitForTimers(1)
			require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{}))
			require.NoError(t, e.AlterTopic(t.Context(), "t", engine.TopicConfig{FlushMs: c.topic}))
			send(t, producer(t, e, engine.AcksLeader), "t", rec("v"))
			durable := func() bool { return must(e.DescribeTopic(t.Context(), "t")).Partitions[0].DurableEnd == 1 }
			require.False(t, durable())
			if c.want == 0 {
				m.WaitForTimers(1)
				m.Advance(time.Minute)
				require.False(t, durable())
				return
			}
			eventually(t, "the background takes up the interval", func() bool {
				m.WaitForTimers(1)
				m.Advance(c.want)
				return durable()
			})
			require.LessOrEqual(t, m.Now().Sub(epoch), time.Hour)
		})
	}
}

// TestQuota: what was there when the engine was opened counts, and room that is made is used at once.
func TestQuota(t *testing.T) {
	mem := vfs.NewMem()
	o := options(mem)
	o.Quota = 20_000
	fill := func(e *local.Engine, topic string) (n int) {
		p := must(e.OpenProducer(t.Context(), engine.ProducerConfig{AutoCreateTopics: true}))
		for {
			_, err := p.Produce(t.Context(), topic, []engine.Record{rec(strings.Repeat("x", 900))})
			if err != nil {
				require.Equal(t, engine.ErrQuotaExceeded, code(t, err))
				return n
			}
			require.Less(t, n, 100)
			n++
		}
	}
	e := must(local.Open(o))
	require.Greater(t, fill(e, "t"), 15)
	require.NoError(t, e.Close())
	e = open(t, o)
	require.Zero(t, fill(e, "u"))
	require.NotEmpty(t, drain(t, reader(t, e, "t")), "reads go on")
	require.NoError(t, e.DeleteTopic(t.Context(), "t"))
	require.Greater(t, fill(e, "u"), 15)
}
