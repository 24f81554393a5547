package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// model drives a world at random. After each step the log must be what the oracle says.
type model struct {
	*world
	mem   *vfs.Mem
	open  map[int64]bool // producers with an open transaction
	times []timed
	n     int
}

// timed is the time of the records of a batch.
type timed struct{ first, next, ms int64 }

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{mem: vfs.NewMem(), open: map[int64]bool{}}
		m.world = newWorld(m.mem)
		m.o.Config.SegmentAge = 5 * time.Second
		require.NoError(t, m.create())
		t.Repeat(map[string]func(*rapid.T){
			"append": m.appendSome, "transaction": m.transact, "read": m.read, "seek": m.seek, "sync": m.syncStep,
			"delete": m.deleteStep, "retain": m.retain, "close": m.closeStep, "kill": m.kill, "power loss": m.powerLoss,
			"time passes": func(t *rapid.T) {
				m.clock.Advance(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
			},
			"": m.invariant,
		})
		require.NoError(t, m.close())
		require.Zero(t, m.o.Pool.Open())
	})
}

func (m *model) values(t *rapid.T) []string {
	values := make([]string, rapid.IntRange(1, 5).Draw(t, "records"))
	size := rapid.IntRange(0, 900).Draw(t, "bytes")
	for i := range values {
		m.n++
		values[i] = fmt.Sprint(m.n, strings.Repeat("v", size))
	}
	return values
}

func (m *model) do(t *rapid.T, k kind, producer int64, values ...string) {
	first := m.acked
	require.NoError(t, m.append(k, producer, values...))
	if k == plain || k == transactional {
		m.times = append(m.times, timed{first, m.acked, m.clock.Now().UnixMilli()})
	}
}

func (m *model) appendSome(t *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(t, "batches") {
		m.do(t, plain, rapid.SampledFrom([]int64{-1, 7}).Draw(t, "producer"), m.values(t)...)
	}
}

func (m *model) transact(t *rapid.T) {
	id := rapid.Int64Range(1, 3).Draw(t, "producer")
	if m.open[id] && rapid.Bool().Draw(t, "end") {
		m.do(t, rapid.SampledFrom([]kind{commit, abort}).Draw(t, "marker"), id)
		m.open[id] = false
		return
	}
	m.do(t, transactional, id, m.values(t)...)
	m.open[id] = true
}

func (m *model) read(t *rapid.T) {
	from := rapid.Int64Range(0, m.acked+1).Draw(t, "from")
	data, next, err := m.l.Read(from, m.l.End(), rapid.IntRange(0, 5000).Draw(t, "bytes"))
	if from < m.l.Start() || from > m.acked {
		require.ErrorIs(t, err, engine.ErrOffsetOutOfRange)
		return
	}
	require.NoError(t, err)
	var want []string
	for _, e := range m.batches {
		for i, v := range e.values {
			if o := e.first + int64(i); o >= from && e.first < next {
				want = append(want, fmt.Sprint(o, "!", v))
			}
		}
	}
	require.Equal(t, want, recordsOf(t, data, from))
	require.True(t, next > from || from == m.acked)
}

func (m *model) seek(t *rapid.T) {
	now := m.clock.Now().UnixMilli()
	ms := rapid.Int64Range(now-20_000, now+1).Draw(t, "since")
	want := m.acked
	for _, x := range slices.Backward(m.times) {
		if x.next > m.l.Start() && x.ms >= ms {
			want = max(x.first, m.l.Start())
		}
	}
	got, err := m.l.OffsetAt(ms)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func (m *model) syncStep(t *rapid.T) {
	require.NoError(t, m.sync())
	require.Equal(t, m.acked, m.l.Durable())
}

func (m *model) deleteStep(t *rapid.T) {
	before := rapid.Int64Range(m.l.Start(), m.l.LastStable()).Draw(t, "before")
	require.NoError(t, m.deleteRecords(before))
	require.Equal(t, before, m.l.Start())
	m.synced = max(m.synced, m.l.Durable())
}

func (m *model) retain(t *rapid.T) {
	c := m.o.Config
	c.Retention = time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second
	c.RetentionBytes = int64(rapid.SampledFrom([]int{0, 3000, 10000}).Draw(t, "bytes"))
	m.l.SetConfig(c)
	before := m.l.Start()
	require.NoError(t, m.l.Maintain())
	m.start, m.starting = m.l.Start(), m.l.Start()
	m.synced = max(m.synced, m.l.Durable())
	require.LessOrEqual(t, m.start, m.l.LastStable())
	for _, x := range m.times {
		if x.first >= before && x.next <= m.start && c.RetentionBytes == 0 {
			require.NotZero(t, c.Retention)
			require.LessOrEqual(t, x.ms+c.Retention.Milliseconds(), m.clock.Now().UnixMilli(), "nothing goes before its time")
		}
	}
}

func (m *model) closeStep(t *rapid.T) {
	require.NoError(t, m.close())
	require.NoError(t, m.world.open())
	require.Empty(t, m.l.Notes())
}

func (m *model) kill(t *rapid.T) {
	m.restart(t, m.mem.KillClone(), m.acked)
	require.Equal(t, m.acked, m.l.End())
}

func (m *model) powerLoss(t *rapid.T) {
	m.restart(t, m.mem.CrashClone(rapid.Uint64().Draw(t, "seed")), m.synced)
}

// restart opens what is left, and makes the oracle forget what is not.
func (m *model) restart(t *rapid.T, fs *vfs.Mem, least int64) {
	m.mem, m.o.FS = fs, fs
	require.NoError(t, m.world.open())
	m.verify(t, m.l, least)
	end := m.l.End()
	m.batches = slices.DeleteFunc(m.batches, func(e entry) bool { return e.next > end })
	m.times = slices.DeleteFunc(m.times, func(x timed) bool { return x.next > end })
	m.acked, m.start, m.starting = end, m.l.Start(), m.l.Start()
	m.synced = min(m.synced, end)
	m.sequences, m.open = map[int64]int32{}, map[int64]bool{}
	for _, e := range m.batches {
		switch e.kind {
		case transactional:
			m.open[e.producer] = true
		case commit, abort:
			m.open[e.producer] = false
		}
		m.sequences[e.producer] += int32(len(e.values))
	}
}

func (m *model) invariant(t *rapid.T) {
	m.verify(t, m.l, m.acked)
	require.LessOrEqual(t, m.l.Durable(), m.l.End())
}
