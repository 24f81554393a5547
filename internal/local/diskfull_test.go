package local_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// full is an engine with topics keep and more that fills whatever it is on.
type full struct {
	t    require.TestingT
	ctx  context.Context
	e    engine.Engine
	p    engine.Producer
	sent map[string]int
}

func newFull(t require.TestingT, ctx context.Context, e engine.Engine, segmentBytes int64) *full {
	f := &full{t: t, ctx: ctx, e: e, sent: map[string]int{}}
	for _, name := range []string{"keep", "more"} {
		require.NoError(t, e.CreateTopic(ctx, name, engine.TopicConfig{SegmentBytes: segmentBytes}))
	}
	var err error
	f.p, err = e.OpenProducer(ctx, engine.ProducerConfig{})
	require.NoError(t, err)
	require.NoError(t, f.send("keep", 100))
	return f
}

// send sends one record, whose value says which one it is.
func (f *full) send(topic string, size int) error {
	value := fmt.Sprintf("%d/", f.sent[topic])
	rs := []engine.Record{rec(value + strings.Repeat("x", max(size-len(value), 0)))}
	_, err := f.p.Produce(f.ctx, topic, rs)
	if err == nil {
		f.sent[topic]++
	}
	return err
}

// fill sends until there is no room.
func (f *full) fill(topic string, size int) {
	for {
		err := f.send(topic, size)
		if err == nil {
			continue
		}
		require.ErrorIs(f.t, err, engine.ErrDiskFull)
		require.ErrorIs(f.t, err, syscall.ENOSPC)
		require.True(f.t, engine.IsRetriable(err))
		return
	}
}

// read checks that what was sent, and nothing else, is there.
func (f *full) read() {
	for topic, n := range f.sent {
		k, err := f.e.OpenConsumer(f.ctx, engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true})
		require.NoError(f.t, err)
		info, err := f.e.DescribeTopic(f.ctx, topic)
		require.NoError(f.t, err)
		next := int(info.Partitions[0].Start)
		for {
			fetches, err := k.Poll(f.ctx, 1000)
			if err != nil {
				require.Equal(f.t, "EOF", err.Error())
				break
			}
			for _, r := range fetches[0].Records {
				require.True(f.t, strings.HasPrefix(string(r.Value), fmt.Sprintf("%d/", next)))
				next++
			}
		}
		require.Equal(f.t, n, next, "%s: a send that failed is not there, all others are", topic)
		require.NoError(f.t, k.Close(f.ctx))
	}
}

// deleteTopic removes the second topic.
func (f *full) deleteTopic() {
	require.NoError(f.t, f.e.DeleteTopic(f.ctx, "more"))
	delete(f.sent, "more")
}

// deleteRecords removes most of the second topic.
func (f *full) deleteRecords() {
	require.NoError(f.t, f.e.DeleteRecords(f.ctx, tp("more", 0), int64(f.sent["more"])*3/4))
}

// TestDiskFull: sends fail and are not there, everything else goes on, and sends resume once there is room.
func TestDiskFull(t *testing.T) {
	const size = 1 << 20
	for _, n := range []int{90, 9000} {
		for name, room := range map[string]func(*full, *vfs.Mem){
			"delete a topic":   func(f *full, _ *vfs.Mem) { f.deleteTopic() },
			"delete records":   func(f *full, _ *vfs.Mem) { f.deleteRecords() },
			"retention":        func(f *full, _ *vfs.Mem) { retain(f) },
			"a larger disk":    func(_ *full, m *vfs.Mem) { m.SetCapacity(2 * size) },
			"somebody deletes": func(_ *full, m *vfs.Mem) { m.SetCapacity(m.Used() + 256<<10) },
		} {
			t.Run(fmt.Sprintf("%d bytes/%s", n, name), func(t *testing.T) {
				mem := vfs.NewMem()
				mem.SetCapacity(size)
				o := local.Options{FS: mem, Clock: clock.NewManual(epoch), Reserve: 64 << 10}
				e := open(t, o)
				f := newFull(t, t.Context(), e, 16<<10)
				f.fill("more", n)
				f.read()
				f.commit(0)
				f.fill("more", n)
				f.fill("keep", n)
				f.commit(200) // sends do not take the room that commits and deletions have been given
				f.read()
				room(f, mem)
				require.NoError(t, f.send("keep", 9000), "sends resume")
				if f.sent["more"] > 0 {
					require.NoError(t, f.send("more", 9000))
				}
				f.read()
				require.True(t, e.Health().OK)
				require.NoError(t, e.Close())

				mem.SetCapacity(0)
				o.FS = mem
				f.e = open(t, o)
				f.read()
			})
		}
	}
}

func retain(f *full) {
	require.NoError(f.t, f.e.AlterTopic(f.ctx, "more", engine.TopicConfig{RetentionBytes: 100 << 10}))
	f.e.(*local.Engine).Maintain(f.ctx)
}

// commit commits on a full disk, so often that there is no room left in the blocks of the journal.
func (f *full) commit(from int) {
	for i := range 200 {
		k, err := f.e.OpenConsumer(f.ctx, engine.ConsumerConfig{Topics: []string{"keep"}, Group: fmt.Sprint("group", from+i)})
		require.NoError(f.t, err)
		_, err = k.Poll(f.ctx, 1)
		require.NoError(f.t, err)
		require.NoError(f.t, k.Commit(f.ctx, map[engine.TopicPartition]int64{tp("keep", 0): 1}))
		require.NoError(f.t, k.Close(f.ctx))
	}
}

// TestRetentionOfAFullDisk: a disk takes many times what it holds. Nobody but the sends themselves asks for retention.
func TestRetentionOfAFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	mem.SetCapacity(1 << 20)
	forever(t, func() vfs.FS { return mem }, 10<<20)
}

// forever appends so many bytes to a topic that keeps 256 KiB.
func forever(t *testing.T, disk func() vfs.FS, total int) {
	o := local.Options{FS: disk(), Clock: clock.NewManual(epoch), Reserve: 64 << 10, Unattended: true}
	e := open(t, o)
	f := newFull(t, t.Context(), e, 32<<10)
	require.NoError(t, e.AlterTopic(t.Context(), "more", engine.TopicConfig{RetentionBytes: 256 << 10}))
	full := 0
	for sent, i := 0, 0; sent < total; i++ {
		size := 100 + i*7919%9000
		for try := 0; ; try++ {
			err := f.send("more", size)
			if err == nil {
				break
			}
			require.ErrorIs(t, err, engine.ErrDiskFull)
			require.Less(t, try, 3, "retention makes room")
			full++
		}
		sent += size
		if i%500 == 0 {
			f.read()
		}
	}
	require.Greater(t, full, 3, "the disk was full again and again")
	require.True(t, e.Health().OK)
	require.NoError(t, e.Close())
	o.FS = disk()
	f.e = open(t, o)
	f.read()
	require.Positive(t, must(f.e.DescribeTopic(t.Context(), "more")).Partitions[0].Start)
	require.NoError(t, f.e.Close())
}

// TestDiskTooSmall: there is not even room for a new directory's files, and then there is.
func TestDiskTooSmall(t *testing.T) {
	mem := vfs.NewMem()
	for capacity := int64(4096); ; capacity += 4096 {
		mem.SetCapacity(capacity)
		e, err := local.Open(local.Options{FS: mem, Reserve: 64 << 10})
		if err == nil {
			require.NoError(t, e.Close())
			return
		}
		require.ErrorIs(t, err, engine.ErrDiskFull)
		require.False(t, errors.Is(err, engine.ErrCorrupt))
		require.Less(t, capacity, int64(1<<20))
	}
}
