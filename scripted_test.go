package kafka

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
)

// scripted is an engine whose Produce a test takes part in.
type scripted struct {
	engine.Engine
	produce func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error)
}

func (s *scripted) OpenProducer(ctx context.Context, c engine.ProducerConfig) (engine.Producer, error) {
	p, err := s.Engine.OpenProducer(ctx, c)
	return scriptedProducer{p, s}, err
}

type scriptedProducer struct {
	engine.Producer
	script *scripted
}

func (p scriptedProducer) Produce(ctx context.Context, topic string, rs []engine.Record) (Durability, error) {
	do := func(rs []engine.Record) (Durability, error) { return p.Producer.Produce(ctx, topic, rs) }
	for i := range rs {
		rs[i].Offset = -1
	}
	return p.script.produce(rs, do)
}

// script lets a test take part in what a client's producers do from now on.
func script(c *Client, produce func([]engine.Record, func([]engine.Record) (Durability, error)) (Durability, error)) {
	c.engine = &scripted{c.engine, produce}
}

// timers is a manual clock that tells which timers are set.
type timers struct {
	*clock.Manual
	set chan time.Duration
}

func newTimers() *timers {
	return &timers{clock.NewManual(time.UnixMilli(1_000_000)), make(chan time.Duration, 1000)}
}

func (c *timers) NewTimer(d time.Duration) clock.Timer {
	t := c.Manual.NewTimer(d)
	c.set <- d
	return t
}

// await waits until a timer of d is set.
func (c *timers) await(d time.Duration) {
	for <-c.set != d {
	}
}

// batches are those in a partition's files.
func batches(t testing.TB, dir, partition string) (all []record.Batch) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "topics", partition, "*.log"))
	require.NoError(t, err)
	slices.Sort(files)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for len(b) > 0 {
			batch, err := record.Parse(b)
			if err != nil {
				require.ErrorIs(t, err, record.ErrEnd)
				break
			}
			require.NoError(t, batch.Verify())
			all, b = append(all, batch), b[len(batch):]
		}
	}
	return all
}

// values are the string values of a topic, by partition and offset.
func values(t testing.TB, c *Client, topic string) map[int][]string {
	t.Helper()
	got := map[int][]string{}
	k := c.Consumer(topic, "", WithUntilEnd())
	for m := range k.Messages(t.Context()) {
		got[m.Partition] = append(got[m.Partition], m.Value.(string))
	}
	require.NoError(t, k.Err())
	require.NoError(t, k.Close())
	return got
}
