package local_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// template is a small directory with something of everything, and the oracle that knows what is in it.
type template struct {
	name     string
	mem      *vfs.Mem
	names    []string // of its files
	parts    map[engine.TopicPartition]*oracle
	offsets  map[engine.TopicPartition]int64 // committed by group g
	promised map[engine.TopicPartition]int64 // of these, what power loss leaves at least
}

// oracle knows a partition.
type oracle struct {
	records   map[int64]string // everything that was ever appended
	all       []int64          // offsets that a reader of everything sees
	committed []int64          // offsets that a reader of committed records sees
	start     int64
	durable   int64 // below it nothing may vanish
	end       int64
}

// show is a record in one short line.
func show(key, value []byte, headers string) string {
	return fmt.Sprintf("%q=%q+%d#%08x %s", key, value[:min(len(value), 12)], len(value), crc32.ChecksumIEEE(value), headers)
}

func showRecord(r *record.Record) string {
	var headers strings.Builder
	for h := range r.Headers() {
		fmt.Fprintf(&headers, "%s:%s ", h.Key, h.Value)
	}
	return show(r.Key, r.Value, headers.String())
}

// newTemplate makes the directory: several sealed segments and one in use, deleted records, a compacted topic,
// compressed batches, numbered records, a committed and an aborted transaction, plain and transactional offsets. It is
// closed cleanly, or killed with records above the durable watermark.
func newTemplate(t require.TestingT, ctx context.Context, kill bool) *template {
	return newTemplateWith(t, ctx, kill, func(*builder) {})
}

// newTemplateWith makes a template that more is written to.
func newTemplateWith(t require.TestingT, ctx context.Context, kill bool, more func(*builder)) *template {
	b := builder{require: t, ctx: ctx, mem: vfs.NewMem(), parts: map[engine.TopicPartition]*oracle{}}
	var fsyncs sync.RWMutex // held while none may happen, so that what they reach does not depend on the scheduler
	e, err := local.Open(unattended(vfs.Faulty(b.mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			fsyncs.RLock()
			defer fsyncs.RUnlock()
		}
		return nil
	})))
	require.NoError(t, err)
	b.e = e
	b.fill()
	more(&b)
	w := &template{
		name: "closed", mem: b.mem, parts: b.parts,
		offsets:  map[engine.TopicPartition]int64{tp("a", 0): 9, tp("a", 1): 2, tp("t", 0): 3},
		promised: map[engine.TopicPartition]int64{tp("a", 0): 9, tp("a", 1): 2, tp("t", 0): 3},
	}
	if kill {
		w.name = "killed"
		fsyncs.Lock()
		b.tail()
		w.offsets[tp("a", 0)], w.promised[tp("a", 0)] = 11, 7 // later commits were not fsynced
		for p, o := range b.parts {
			o.durable = b.info(p).DurableEnd
		}
		w.mem = b.mem.KillClone()
		fsyncs.Unlock()
	}
	require.NoError(t, e.Close())
	w.names = files(w.mem, ".")
	w.look(t, ctx)
	return w
}

func unattended(f vfs.FS) local.Options {
	o := options(f)
	o.Unattended = true
	return o
}

// files lists all files below a directory.
func files(f vfs.FS, dir string) (names []string) {
	for _, entry := range must(f.ReadDir(dir)) {
		name := path.Join(dir, entry.Name())
		if entry.IsDir() {
			names = append(names, files(f, name)...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

// builder fills a template.
type builder struct {
	require require.TestingT
	ctx     context.Context
	mem     *vfs.Mem
	e       *local.Engine
	parts   map[engine.TopicPartition]*oracle
}

func (b *builder) info(p engine.TopicPartition) engine.PartitionInfo {
	info, err := b.e.DescribeTopic(b.ctx, p.Topic)
	require.NoError(b.require, err)
	return info.Partitions[p.Partition]
}

func (b *builder) producer(c engine.ProducerConfig) engine.Producer {
	p, err := b.e.OpenProducer(b.ctx, c)
	require.NoError(b.require, err)
	return p
}

// send sends one record and notes it.
func (b *builder) send(p engine.Producer, to engine.TopicPartition, key string, size int) {
	rs := []engine.Record{{
		Key: []byte(key), Partition: to.Partition, Timestamp: engine.NoTimestamp,
		Headers: []record.Header{{Key: "of", Value: []byte(to.Topic)}},
	}}
	rs[0].Value = fmt.Appendf(nil, "%s-%d %s %s", to.Topic, to.Partition, key, strings.Repeat("v", size))
	_, err := p.Produce(b.ctx, to.Topic, rs)
	require.NoError(b.require, err)
	require.NoError(b.require, p.Flush(b.ctx)) // so that records of transactions have offsets
	offset := b.info(to).End - 1
	b.parts[to].records[offset] = show(rs[0].Key, rs[0].Value, "of:"+to.Topic+" ")
}

func (b *builder) topic(name string, c engine.TopicConfig) {
	c.SegmentBytes = 1 << 10
	require.NoError(b.require, b.e.CreateTopic(b.ctx, name, c))
	for n := range int32(max(c.Partitions, 1)) {
		b.parts[tp(name, n)] = &oracle{records: map[int64]string{}}
	}
}

func (b *builder) fill() {
	b.topic("a", engine.TopicConfig{Partitions: 2})
	b.topic("t", engine.TopicConfig{Compression: record.Zstd})
	b.topic("c", engine.TopicConfig{CleanupPolicy: engine.CleanupCompact})
	plain := b.producer(engine.ProducerConfig{})
	for i := range 9 {
		b.send(plain, tp("a", 0), fmt.Sprint("key", i), 200)
	}
	numbered := b.producer(engine.ProducerConfig{ID: "import"})
	for i := range 2 {
		b.send(numbered, tp("a", 1), fmt.Sprint("key", i), 20)
	}
	for i := range 12 {
		b.send(plain, tp("c", 0), fmt.Sprint("key", i%3), 250)
	}
	b.e.Maintain(b.ctx)
	require.Positive(b.require, b.e.Stats().Compactions)
	require.NoError(b.require, b.e.DeleteRecords(b.ctx, tp("a", 0), 4))
	b.commit(map[engine.TopicPartition]int64{tp("a", 0): 7, tp("a", 1): 2})
	b.transactions()
	b.commit(map[engine.TopicPartition]int64{tp("a", 0): 9})
}

// transactions are one that is committed and one that is aborted, in turn, so that their records lie between each other.
func (b *builder) transactions() {
	good := b.producer(engine.ProducerConfig{TransactionalID: "good"})
	bad := b.producer(engine.ProducerConfig{TransactionalID: "bad"})
	require.NoError(b.require, good.Begin(b.ctx))
	require.NoError(b.require, bad.Begin(b.ctx))
	for i := range 3 {
		b.send(good, tp("t", 0), fmt.Sprint("good", i), 300)
		b.send(bad, tp("t", 0), fmt.Sprint("bad", i), 300)
	}
	require.NoError(b.require, good.SendOffsets(b.ctx, "g", map[engine.TopicPartition]int64{tp("t", 0): 3}, nil))
	require.NoError(b.require, bad.SendOffsets(b.ctx, "g", map[engine.TopicPartition]int64{tp("t", 0): 6}, nil))
	require.NoError(b.require, bad.End(b.ctx, false))
	require.NoError(b.require, good.End(b.ctx, true))
	b.send(b.producer(engine.ProducerConfig{}), tp("t", 0), "after", 10)
}

// tail appends what no fsync has reached.
func (b *builder) tail() {
	leader := b.producer(engine.ProducerConfig{Acks: engine.AcksLeader})
	for i := range 2 {
		rs := []engine.Record{{Key: fmt.Append(nil, "tail", i), Value: []byte("tail"), Timestamp: engine.NoTimestamp}}
		for p, o := range b.parts {
			rs[0].Partition = p.Partition
			_, err := leader.Produce(b.ctx, p.Topic, rs)
			require.NoError(b.require, err)
			o.records[rs[0].Offset] = show(rs[0].Key, rs[0].Value, "")
		}
	}
	b.commit(map[engine.TopicPartition]int64{tp("a", 0): 11})
}

func (b *builder) commit(offsets map[engine.TopicPartition]int64) {
	k, err := b.e.OpenConsumer(b.ctx, engine.ConsumerConfig{Topics: []string{"a"}, Group: "g"})
	require.NoError(b.require, err)
	_, err = k.Poll(b.ctx, 1)
	require.NoError(b.require, err)
	require.NoError(b.require, k.Commit(b.ctx, offsets))
	require.NoError(b.require, k.Close(b.ctx))
}

// look reads an undamaged copy, to know what a reader sees. The contents are those that were sent.
func (w *template) look(t require.TestingT, ctx context.Context) {
	e, err := local.Open(unattended(w.mem.KillClone()))
	require.NoError(t, err)
	require.True(t, e.Health().OK)
	for p, o := range w.parts {
		info := must(e.DescribeTopic(ctx, p.Topic)).Partitions[p.Partition]
		o.start, o.end = info.Start, info.End
		if w.name == "closed" {
			o.durable = o.end
		}
		for i, list := range []*[]int64{&o.committed, &o.all} {
			got := collect(t, ctx, e, p.Topic, engine.Isolation(i))[p.Partition]
			require.Empty(t, got.damage)
			*list = slices.Sorted(maps.Keys(got.records))
			for offset, r := range got.records {
				require.Equal(t, o.records[offset], r, "%v at %d", p, offset)
			}
		}
	}
	require.NoError(t, e.Close())
	t0 := w.parts[tp("t", 0)]
	require.Greater(t, len(t0.all), len(t0.committed), "there is an aborted transaction")
	require.Less(t, len(w.parts[tp("c", 0)].all), 12, "there is a compacted segment")
	require.Equal(t, int64(4), w.parts[tp("a", 0)].start)
}

// reading is what could be read of a partition.
type reading struct {
	records map[int64]string
	last    int64           // offset
	found   []engine.Damage // that the description of the partition tells of
	damage  []*engine.CorruptionError
}

// collect reads a topic to its end, on behind damage. Every error must be a place in one of its partitions.
func collect(t require.TestingT, ctx context.Context, e *local.Engine, topic string, i engine.Isolation) []reading {
	info, err := e.DescribeTopic(ctx, topic)
	require.NoError(t, err)
	got := make([]reading, len(info.Partitions))
	for n := range got {
		got[n] = reading{records: map[int64]string{}, last: -1}
	}
	k, err := e.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true, Isolation: i})
	require.NoError(t, err)
	defer func() { require.NoError(t, k.Close(ctx)) }()
	for {
		fetches, err := k.Poll(ctx, 5)
		if err == io.EOF {
			for n, p := range must(e.DescribeTopic(ctx, topic)).Partitions {
				got[n].found = p.Damage
			}
			return got
		}
		if err != nil {
			n := place(t, topic, err)
			got[n].around(t, ctx, k, topic, err, info.Partitions[n])
			continue
		}
		for _, f := range fetches {
			got[f.Partition].add(t, f.Records)
		}
	}
}

// place is the number of the partition that an error names.
func place(t require.TestingT, topic string, err error) (n int) {
	var c *engine.CorruptionError
	require.ErrorAs(t, err, &c)
	_, err = fmt.Sscanf(c.File, "topics/"+topic+"-%d", &n)
	require.NoError(t, err, "%+v", c)
	return n
}

func (r *reading) add(t require.TestingT, records []record.Record) {
	for i := range records {
		require.Greater(t, records[i].Offset, r.last, "offsets rise")
		r.last = records[i].Offset
		r.records[r.last] = showRecord(&records[i])
	}
}

// around makes a consumer go on behind damage, or leave a partition that cannot be read at all.
func (r *reading) around(t require.TestingT, ctx context.Context, k engine.Consumer, topic string, err error,
	info engine.PartitionInfo) {
	var c *engine.CorruptionError
	require.ErrorAs(t, err, &c)
	require.Less(t, len(r.damage), 50, "reading goes round in circles: %v", c)
	r.damage = append(r.damage, c)
	next := c.Next
	if next < 0 {
		next = info.End
	}
	if p := tp(topic, info.Partition); k.Seek(ctx, p, next) != nil {
		k.Pause(p)
	}
}

// covers reports whether some damage accounts for an offset.
func (r *reading) covers(offset int64) bool {
	return slices.ContainsFunc(r.found, func(d engine.Damage) bool {
		return offset >= d.First && (d.Next < 0 || offset < d.Next)
	}) || slices.ContainsFunc(r.damage, func(c *engine.CorruptionError) bool {
		return offset >= c.First && (c.Next < 0 || offset < c.Next)
	})
}

// refusal checks that an error of Open, Verify or Repair is a typed one that says where.
func refusal(t require.TestingT, err error) {
	var c *engine.CorruptionError
	var e *engine.Error
	switch {
	case errors.As(err, &c):
		require.NotEmpty(t, c.File)
		require.NotEmpty(t, c.Reason)
	case errors.As(err, &e):
		require.Contains(t, []engine.Code{engine.ErrInvalidArgument, engine.ErrIO}, e.Code, "%v", err)
	default:
		require.Failf(t, "an error without a type", "%T %v", err, err)
	}
}
