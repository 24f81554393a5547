package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// world is a scenario under way, and what it knows: what was tried, and what was acknowledged.
type world struct {
	e     *local.Engine
	ctx   context.Context
	fault func(error) // gets every error; nil when there must be none

	mu     sync.Mutex
	topics map[string]*topicState
	serial int
}

// topicState is a topic of which there may have been earlier ones of the same name.
type topicState struct {
	made, deleting, deleted bool // acknowledged; begun; acknowledged
	partitions              int  // acknowledged
	retentionMs             int64
	alters                  []int64 // what was tried
	logs                    map[int32]*logState
	before                  map[string]bool // values of earlier topics of the same name
}

// logState is what was tried on a partition. Values are appended in the order of sent.
type logState struct {
	sent     []string
	written  int   // how many of them survive a kill
	durable  int   // a power loss
	start    int64 // acknowledged
	starting int64 // begun
	commits  map[string]int64
}

func newWorld(ctx context.Context) *world { return &world{ctx: ctx, topics: map[string]*topicState{}} }

// snapshot is what is known now; later changes do not show in it.
func (w *world) snapshot() map[string]*topicState {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]*topicState{}
	for name, t := range w.topics {
		c := *t
		c.logs = map[int32]*logState{}
		for n, l := range t.logs {
			lc := *l
			lc.commits = map[string]int64{}
			for g, o := range l.commits {
				lc.commits[g] = o
			}
			c.logs[n] = &lc
		}
		all[name] = &c
	}
	return all
}

// failed reports an error to whoever expects errors. It reports whether there was one.
func (w *world) failed(err error) bool {
	if err == nil {
		return false
	}
	if w.fault == nil {
		panic(err)
	}
	w.fault(err)
	return true
}

func (w *world) note(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) create(name string, c engine.TopicConfig) {
	t := &topicState{logs: map[int32]*logState{}, before: map[string]bool{}, retentionMs: -1}
	w.note(func() {
		if old := w.topics[name]; old != nil {
			if !old.deleted {
				t = old // tried before
			}
			for _, l := range old.logs {
				for _, v := range l.sent {
					t.before[v] = true
				}
			}
		}
		w.topics[name] = t
	})
	if w.failed(w.e.CreateTopic(w.ctx, name, c)) {
		return
	}
	w.note(func() { t.made, t.partitions = true, c.Partitions })
}

func (w *world) log(name string, n int32) *logState {
	t := w.topics[name]
	if t.logs[n] == nil {
		t.logs[n] = &logState{commits: map[string]int64{}}
	}
	return t.logs[n]
}

// produce sends records to one partition, so that it is known what is there.
func (w *world) produce(acks engine.Acks, name string, n int32, count, size int) {
	p, err := w.e.OpenProducer(w.ctx, engine.ProducerConfig{Acks: acks})
	if w.failed(err) {
		return
	}
	rs := make([]engine.Record, count)
	var l *logState
	w.note(func() {
		l = w.log(name, n)
		for i := range rs {
			w.serial++
			value := fmt.Sprintf("%s-%d/%d/", name, n, w.serial)
			rs[i] = recTo(n, value+strings.Repeat("x", max(size-len(value), 0)))
			l.sent = append(l.sent, string(rs[i].Value))
		}
	})
	_, err = p.Produce(w.ctx, name, rs)
	if w.failed(err) {
		w.note(func() { l.settle(rs) })
		return
	}
	w.note(func() {
		l.written = len(l.sent)
		if acks == engine.AcksAll {
			l.durable = len(l.sent)
		}
	})
}

// settle takes out what was surely not appended, since later records take its place.
func (l *logState) settle(rs []engine.Record) {
	kept := l.sent[:len(l.sent)-len(rs)]
	for i := range rs {
		if rs[i].Offset >= 0 {
			kept = append(kept, string(rs[i].Value))
		}
	}
	l.sent = kept
}

func (w *world) commit(group, name string, n int32, offset int64) {
	k, err := w.e.OpenConsumer(w.ctx, engine.ConsumerConfig{Topics: []string{name}, Group: group, UntilEnd: true})
	if w.failed(err) {
		return
	}
	defer func() { w.failed(k.Close(w.ctx)) }()
	offset = min(offset, int64(len(w.log(name, n).sent))) // sends may have failed
	if _, err := k.Poll(w.ctx, 1); err != io.EOF && w.failed(err) {
		return
	}
	if w.failed(k.Commit(w.ctx, map[engine.TopicPartition]int64{tp(name, n): offset})) {
		return
	}
	w.note(func() { w.log(name, n).commits[group] = offset })
}

func (w *world) remove(name string) {
	t := w.topics[name]
	w.note(func() { t.deleting = true })
	if w.failed(w.e.DeleteTopic(w.ctx, name)) {
		return
	}
	w.note(func() { t.deleted = true })
}

func (w *world) grow(name string, total int) {
	if w.failed(w.e.CreatePartitions(w.ctx, name, total)) {
		return
	}
	w.note(func() { w.topics[name].partitions = total })
}

func (w *world) alter(name string, retentionMs int64) {
	w.note(func() { w.topics[name].alters = append(w.topics[name].alters, retentionMs) })
	if w.failed(w.e.AlterTopic(w.ctx, name, engine.TopicConfig{RetentionMs: retentionMs})) {
		return
	}
	w.note(func() { w.topics[name].retentionMs, w.topics[name].alters = retentionMs, nil })
}

func (w *world) deleteRecords(name string, n int32, before int64) {
	l := w.log(name, n)
	w.note(func() { l.starting = before })
	if w.failed(w.e.DeleteRecords(w.ctx, tp(name, n), before)) {
		return
	}
	w.note(func() { l.start, l.durable = before, max(l.durable, int(before)) })
}

// life is the scenario that most tests go through.
func (w *world) life(f vfs.FS) {
	e, err := local.Open(local.Options{FS: f, Clock: clock.NewManual(epoch), Reserve: 16 << 10})
	if w.failed(err) {
		return
	}
	w.e = e
	defer func() { w.failed(e.Close()) }()
	w.create("a", engine.TopicConfig{Partitions: 2, SegmentBytes: 1 << 10})
	w.create("b", engine.TopicConfig{Partitions: 1})
	if w.topics["a"].made {
		for range 3 {
			w.produce(engine.AcksAll, "a", 0, 2, 300)
			w.produce(engine.AcksLeader, "a", 1, 1, 700)
		}
		w.commit("g", "a", 0, 2)
		w.alter("a", 1_000_000)
		w.produce(engine.AcksLeader, "a", 0, 3, 10)
		w.commit("g", "a", 0, 7)
		w.deleteRecords("a", 0, min(3, int64(len(w.log("a", 0).sent))))
	}
	if w.topics["b"].made {
		w.produce(engine.AcksAll, "b", 0, 3, 100)
		w.commit("g", "b", 0, 3)
		w.remove("b")
	}
	if w.topics["a"].made {
		w.grow("a", 3)
	}
	if w.topics["a"].partitions == 3 {
		w.produce(engine.AcksAll, "a", 2, 1, 100)
	}
	if w.topics["b"].deleted {
		w.create("b", engine.TopicConfig{Partitions: 1})
		if w.topics["b"].made {
			w.produce(engine.AcksLeader, "b", 0, 1, 100)
		}
	}
}

// survival is what must be found after a crash.
type survival int

const (
	afterKill survival = iota
	afterPowerLoss
)

// check opens what a crash left and compares it with what was known before. It leaves it closed.
func check(t require.TestingT, f vfs.FS, known map[string]*topicState, s survival, place string) {
	e, err := local.Open(local.Options{FS: f, Clock: clock.NewManual(epoch)})
	require.NoError(t, err, place)
	h := e.Health()
	require.True(t, h.OK, "%s: %+v", place, h)
	for _, note := range h.Notes {
		require.NotContains(t, note, "belongs to no topic", place)
	}
	found, err := e.ListTopics(context.Background())
	require.NoError(t, err, place)
	infos := map[string]engine.TopicInfo{}
	dirs := map[string]bool{}
	for _, info := range found {
		infos[info.Name] = info
		for _, p := range info.Partitions {
			dirs[fmt.Sprintf("%s-%d", info.Name, p.Partition)] = true
		}
	}
	for name, was := range known {
		info, there := infos[name]
		require.False(t, was.made && !was.deleting && !there, "%s: topic %s is lost", place, name)
		require.False(t, was.deleted && there, "%s: topic %s is back", place, name)
		if there && was.made {
			checkTopic(t, e, info, was, s, place)
		}
	}
	entries, err := f.ReadDir("topics")
	require.NoError(t, err, place)
	for _, entry := range entries {
		require.True(t, dirs[entry.Name()], "%s: %s belongs to no topic", place, entry.Name())
	}
	entries, err = f.ReadDir("trash")
	require.NoError(t, err, place)
	require.Empty(t, entries, place)
	checkUsable(t, e, place)
	require.NoError(t, e.Close(), place)
}

func checkTopic(t require.TestingT, e *local.Engine, info engine.TopicInfo, was *topicState, s survival, place string) {
	require.GreaterOrEqual(t, len(info.Partitions), was.partitions, place)
	require.Contains(t, append(was.alters, was.retentionMs), info.Config.RetentionMs, place)
	group, err := e.DescribeGroup(context.Background(), "g")
	if !errors.Is(err, engine.ErrGroupNotFound) {
		require.NoError(t, err, place)
	}
	for _, p := range info.Partitions {
		l := was.logs[p.Partition]
		if l == nil {
			l = &logState{}
		}
		where := fmt.Sprintf("%s: %s", place, path.Join(info.Name, fmt.Sprint(p.Partition)))
		checkLog(t, e, tp(info.Name, p.Partition), p, l, was.before, s, where)
		committed := int64(-1)
		for _, o := range group.Offsets {
			if o.TopicPartition == tp(info.Name, p.Partition) {
				committed = o.Committed
			}
		}
		require.LessOrEqual(t, committed, p.End, where)
		if s == afterKill && l.commits["g"] > 0 && !was.deleting {
			require.GreaterOrEqual(t, committed, l.commits["g"], where)
		}
	}
}

func checkLog(t require.TestingT, e *local.Engine, tp engine.TopicPartition, p engine.PartitionInfo, l *logState,
	before map[string]bool, s survival, place string) {
	require.Contains(t, []int64{l.start, l.starting}, p.Start, place)
	k, err := e.OpenConsumer(context.Background(), engine.ConsumerConfig{Topics: []string{tp.Topic}, UntilEnd: true})
	require.NoError(t, err, place)
	next := p.Start
	for {
		fetches, err := k.Poll(context.Background(), 7)
		if err == io.EOF {
			break
		}
		require.NoError(t, err, place)
		for _, f := range fetches {
			if f.TopicPartition != tp {
				continue
			}
			for _, r := range f.Records {
				require.Equal(t, next, r.Offset, place)
				require.False(t, before[string(r.Value)], "%s: a record of a deleted topic is back", place)
				if int(next) < len(l.sent) { // else it was sent after the snapshot
					require.Equal(t, l.sent[next], string(r.Value), place)
				}
				next++
			}
		}
	}
	require.NoError(t, k.Close(context.Background()), place)
	require.Equal(t, p.End, next, place)
	must := l.written
	if s == afterPowerLoss {
		must = l.durable
	}
	require.GreaterOrEqual(t, next, int64(must), "%s: acknowledged records are lost", place)
}

// checkUsable makes, uses and deletes a topic.
func checkUsable(t require.TestingT, e *local.Engine, place string) {
	ctx := context.Background()
	require.NoError(t, e.CreateTopic(ctx, "later", engine.TopicConfig{}), place)
	p, err := e.OpenProducer(ctx, engine.ProducerConfig{})
	require.NoError(t, err, place)
	for _, info := range must(e.ListTopics(ctx)) {
		for n := range info.Partitions {
			_, err = p.Produce(ctx, info.Name, []engine.Record{recTo(int32(n), "new")})
			require.NoError(t, err, place)
		}
	}
	require.NoError(t, e.DeleteTopic(ctx, "later"), place)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
