package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func transactional(t testing.TB, e engine.Engine, id string) engine.Producer {
	t.Helper()
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{TransactionalID: id, AutoCreateTopics: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func committedValues(t testing.TB, e engine.Engine, topic string) (got []string) {
	t.Helper()
	all := drain(t, reader(t, e, topic))
	for _, values := range all {
		got = append(got, values...)
	}
	slices.Sort(got)
	return got
}

func begin(t testing.TB, p engine.Producer) {
	t.Helper()
	require.NoError(t, p.Begin(t.Context()))
}

func end(t testing.TB, p engine.Producer, commit bool) {
	t.Helper()
	require.NoError(t, p.End(t.Context(), commit))
}

func TestASecondHolderFences(t *testing.T) {
	e := memory(t)
	first := transactional(t, e, "id")
	begin(t, first)
	send(t, first, "t", rec("first"))
	second := transactional(t, e, "id")
	_, err := first.Produce(t.Context(), "t", []engine.Record{rec("late")})
	require.ErrorIs(t, err, engine.ErrFenced)
	require.ErrorIs(t, first.End(t.Context(), true), engine.ErrFenced)
	require.ErrorIs(t, first.Begin(t.Context()), engine.ErrFenced)
	begin(t, second)
	send(t, second, "t", rec("second"))
	end(t, second, true)
	require.Equal(t, []string{"second"}, committedValues(t, e, "t"))
	require.NoError(t, first.Close(), "which does not free the name of the second")
	third := transactional(t, e, "id")
	require.ErrorIs(t, second.Begin(t.Context()), engine.ErrFenced)
	require.NoError(t, third.Close())
	require.ErrorIs(t, third.Begin(t.Context()), engine.ErrClosed)
}

func TestATransactionTimesOut(t *testing.T) {
	o := options(vfs.NewVolatile())
	e := open(t, o)
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{TransactionTimeout: time.Second, AutoCreateTopics: true})
	require.NoError(t, err)
	begin(t, p)
	send(t, p, "t", rec("x"), rec("y"))
	o.Clock.(*clock.Manual).Advance(999 * time.Millisecond)
	send(t, p, "t", rec("z"))
	o.Clock.(*clock.Manual).Advance(time.Millisecond)
	_, err = p.Produce(t.Context(), "t", []engine.Record{rec("late")})
	require.ErrorIs(t, err, engine.ErrTimeout)
	require.ErrorIs(t, p.End(t.Context(), true), engine.ErrTimeout)
	require.Empty(t, committedValues(t, e, "t"))
	begin(t, p)
	send(t, p, "t", rec("next"))
	end(t, p, true)
	require.Equal(t, []string{"next"}, committedValues(t, e, "t"))
	require.NoError(t, p.Close())
}

func TestMisuseOfATransaction(t *testing.T) {
	e := memory(t)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{MaxMessageBytes: 10}))
	p := transactional(t, e, "id")
	_, err := p.Produce(t.Context(), "t", []engine.Record{rec("x")})
	require.ErrorIs(t, err, engine.ErrInvalidArgument, "outside of a transaction")
	require.ErrorIs(t, p.End(t.Context(), true), engine.ErrInvalidArgument)
	begin(t, p)
	require.ErrorIs(t, p.Begin(t.Context()), engine.ErrInvalidArgument)
	require.ErrorIs(t, p.SendOffsets(t.Context(), "g", map[engine.TopicPartition]int64{tp("no", 0): 1}, nil), engine.ErrTopicNotFound)
	require.ErrorIs(t, p.SendOffsets(t.Context(), "g", map[engine.TopicPartition]int64{tp("t", 0): 1}, nil), engine.ErrOffsetOutOfRange)
	require.ErrorIs(t, p.SendOffsets(t.Context(), "", map[engine.TopicPartition]int64{tp("t", 0): 0}, nil), engine.ErrInvalidArgument)
	_, err = p.Produce(t.Context(), "t", []engine.Record{rec("larger than the topic allows")})
	require.ErrorIs(t, err, engine.ErrMessageTooLarge)
	send(t, p, "t", rec("x"))
	end(t, p, true)
	require.Equal(t, []string{"x"}, committedValues(t, e, "t"), "an error about one record spoils nothing")
	_, err = e.OpenProducer(t.Context(), engine.ProducerConfig{TransactionalID: "no/slash"})
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
	_, err = e.OpenProducer(t.Context(), engine.ProducerConfig{TransactionalID: "x", TransactionTimeout: -1})
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
}

func TestACancelledContextAborts(t *testing.T) {
	e := memory(t)
	p := transactional(t, e, "id")
	begin(t, p)
	send(t, p, "t", rec("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.End(ctx, true), context.Canceled)
	require.Empty(t, committedValues(t, e, "t"))
}

// TestAnEmptyTransactionWritesNothing to any file.
func TestAnEmptyTransactionWritesNothing(t *testing.T) {
	mem := vfs.NewMem()
	f := vfs.Faulty(mem, nil)
	e := open(t, options(f))
	p := transactional(t, e, "id")
	before := f.Ops()
	for _, commit := range []bool{true, false} {
		begin(t, p)
		end(t, p, commit)
	}
	require.Equal(t, before, f.Ops())
}

// TestProducerIDsAreUsedAgain: as many as there are transactions at once, also after a restart.
func TestProducerIDsAreUsedAgain(t *testing.T) {
	mem := vfs.NewMem()
	ids := map[string]bool{}
	for life := range 3 {
		e := open(t, options(mem))
		p, q := transactional(t, e, ""), transactional(t, e, "")
		_ = q
		for i := range 20 {
			begin(t, p)
			send(t, p, "t", rec(strconv.Itoa(i)))
			end(t, p, i%3 > 0)
		}
		require.NoError(t, e.Close())
		require.NotEmpty(t, committedValuesOf(t, mem, "t", ids), life)
	}
	require.Len(t, ids, 1)
}

// committedValuesOf reads a closed directory, and notes the producer ids of its batches.
func committedValuesOf(t testing.TB, f vfs.FS, topic string, ids map[string]bool) []string {
	b, err := vfs.ReadFile(f, "topics/"+topic+"-0/00000000000000000000.log", 1<<20)
	require.NoError(t, err)
	for len(b) > 0 {
		size := 12 + int(b[8])<<24 + int(b[9])<<16 + int(b[10])<<8 + int(b[11])
		ids[fmt.Sprintf("%x", b[43:51])] = true
		b = b[size:]
	}
	e, err := local.Open(options(f))
	require.NoError(t, err)
	defer e.Close()
	return committedValues(t, e, topic)
}

// TestTransactionsAtOnce: each has its own producer id, and what one aborts does not touch the others.
func TestTransactionsAtOnce(t *testing.T) {
	e := memory(t)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2}))
	var ps []engine.Producer
	var want []string
	for range 10 {
		ps = append(ps, producer(t, e, engine.AcksAll))
	}
	for round := range 20 {
		for i, p := range ps {
			begin(t, p)
			v := fmt.Sprintf("%d-%d", round, i)
			send(t, p, "t", recTo(0, v), recTo(1, v))
			if i%3 > 0 {
				want = append(want, v, v)
			}
		}
		for i, p := range ps {
			end(t, p, i%3 > 0)
		}
	}
	slices.Sort(want)
	require.Equal(t, want, committedValues(t, e, "t"))
}

// TestALargeTransaction does not gather in memory, and spans segments.
func TestALargeTransaction(t *testing.T) {
	e := memory(t)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 4, SegmentBytes: 64 << 10}))
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{BatchBytes: 4 << 10})
	require.NoError(t, err)
	for _, commit := range []bool{false, true} {
		begin(t, p)
		for i := range 20_000 {
			send(t, p, "t", recTo(int32(i%4), strconv.Itoa(i)))
		}
		info, err := e.DescribeTopic(t.Context(), "t")
		require.NoError(t, err)
		require.Greater(t, info.Partitions[0].End, int64(4000), "most is written already")
		end(t, p, commit)
	}
	require.Len(t, committedValues(t, e, "t"), 20_000)
}

func TestTopicsChangeUnderATransaction(t *testing.T) {
	e := memory(t)
	p := transactional(t, e, "id")
	for _, name := range []string{"kept", "gone"} {
		require.NoError(t, e.CreateTopic(t.Context(), name, engine.TopicConfig{}))
	}
	t.Run("a deleted topic aborts", func(t *testing.T) {
		begin(t, p)
		send(t, p, "kept", rec("x"))
		send(t, p, "gone", rec("x"))
		require.NoError(t, e.DeleteTopic(t.Context(), "gone"))
		require.ErrorIs(t, p.End(t.Context(), true), engine.ErrTopicNotFound)
		require.Empty(t, committedValues(t, e, "kept"))
	})
	t.Run("new partitions take part", func(t *testing.T) {
		begin(t, p)
		send(t, p, "kept", recTo(0, "a"))
		require.NoError(t, e.CreatePartitions(t.Context(), "kept", 3))
		send(t, p, "kept", recTo(2, "b"))
		end(t, p, true)
		require.Equal(t, []string{"a", "b"}, committedValues(t, e, "kept"))
	})
	t.Run("records of an open one are not deleted", func(t *testing.T) {
		send(t, producer(t, e, engine.AcksAll), "kept", recTo(0, "plain"))
		begin(t, p)
		send(t, p, "kept", recTo(0, "open"))
		require.NoError(t, flush(t, p))
		info, err := e.DescribeTopic(t.Context(), "kept")
		require.NoError(t, err)
		stable := info.Partitions[0].LastStable
		require.Less(t, stable, info.Partitions[0].End)
		require.ErrorIs(t, e.DeleteRecords(t.Context(), tp("kept", 0), info.Partitions[0].End), engine.ErrOffsetOutOfRange)
		require.NoError(t, e.DeleteRecords(t.Context(), tp("kept", 0), stable))
		end(t, p, true)
		require.Equal(t, []string{"b", "open"}, committedValues(t, e, "kept"))
	})
}

// flush makes what a transaction holds visible to readers of everything.
func flush(t testing.TB, p engine.Producer) error { return p.Flush(t.Context()) }

// TestReadersOfCommittedRecordsWait for what is open, and readers of everything do not.
func TestReadersOfCommittedRecordsWait(t *testing.T) {
	e := memory(t)
	p := transactional(t, e, "id")
	begin(t, p)
	send(t, p, "t", rec("open"))
	require.NoError(t, flush(t, p))
	send(t, producer(t, e, engine.AcksAll), "t", rec("plain"))
	require.Empty(t, committedValues(t, e, "t"))
	all := consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, UntilEnd: true, Isolation: engine.ReadUncommitted})
	require.Equal(t, []string{"open", "plain"}, drain(t, all)[tp("t", 0)])
	end(t, p, false)
	require.Equal(t, []string{"plain"}, committedValues(t, e, "t"))
}

// TestClosingAborts: the producer, or the engine.
func TestClosingAborts(t *testing.T) {
	mem := vfs.NewMem()
	e := open(t, options(mem))
	p := transactional(t, e, "")
	begin(t, p)
	send(t, p, "t", rec("closed producer"))
	require.NoError(t, p.Close())
	require.Error(t, p.End(t.Context(), true))
	require.Empty(t, committedValues(t, e, "t"))
	p = transactional(t, e, "")
	begin(t, p)
	send(t, p, "t", rec("closed engine"))
	require.NoError(t, flush(t, p))
	require.NoError(t, e.Close())
	require.ErrorIs(t, p.End(t.Context(), true), engine.ErrClosed)
	e = open(t, options(mem))
	require.Empty(t, committedValues(t, e, "t"))
	require.Empty(t, e.Health().Notes)
}

// TestADiskFullAtTheCommit aborts, and transactions go on once there is room.
func TestADiskFullAtTheCommit(t *testing.T) {
	full := false
	f := vfs.Faulty(vfs.NewMem(), func(op vfs.Op) error {
		if full && (op.Kind == vfs.OpWrite || op.Kind == vfs.OpTruncate) {
			return syscall.ENOSPC
		}
		return nil
	})
	e := open(t, options(f))
	p := transactional(t, e, "id")
	begin(t, p)
	send(t, p, "t", rec("before"))
	end(t, p, true)
	begin(t, p)
	send(t, p, "t", rec("full"))
	require.NoError(t, flush(t, p))
	full = true
	err := p.End(t.Context(), true)
	require.ErrorIs(t, err, engine.ErrDiskFull)
	require.True(t, engine.IsRetriable(err))
	full = false
	e.Maintain(t.Context()) // writes the marker
	begin(t, p)
	send(t, p, "t", rec("after"))
	end(t, p, true)
	require.Equal(t, []string{"after", "before"}, committedValues(t, e, "t"))
}

// TestAnUnknownOutcome: the journal's fsync fails. Nobody may begin at the group's offset until the directory is opened
// again, which decides.
func TestAnUnknownOutcome(t *testing.T) {
	broken := false
	mem := vfs.NewMem()
	f := vfs.Faulty(mem, func(op vfs.Op) error {
		if broken && len(op.Name) > 7 && op.Name[:7] == "journal" {
			return errors.New("broken")
		}
		return nil
	})
	e, err := local.Open(options(f))
	require.NoError(t, err)
	defer func() { require.Error(t, e.Close(), "the journal is broken") }()
	in := producer(t, e, engine.AcksAll)
	send(t, in, "in", rec("1"), rec("2"))
	p := transactional(t, e, "id")
	begin(t, p)
	send(t, p, "t", rec("x"))
	require.NoError(t, p.SendOffsets(t.Context(), "g", map[engine.TopicPartition]int64{tp("in", 0): 1}, nil))
	broken = true
	err = p.End(t.Context(), true)
	require.ErrorContains(t, err, "unknown")
	require.Empty(t, committedValues(t, e, "t"))
	k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"in"}, Group: "g"})
	_, err = k.Poll(t.Context(), 1)
	require.ErrorContains(t, err, "not known whether a transaction has committed")
	again := open(t, options(mem.KillClone()))
	found := committedValues(t, again, "t")
	offset, err := consumer(t, again, engine.ConsumerConfig{Topics: []string{"in"}, Group: "g"}).Committed(t.Context(), tp("in", 0))
	require.NoError(t, err)
	require.Equal(t, len(found) == 1, offset == 1, "%v at %d", found, offset)
}

// TestOffsetsOfAMember: they are committed with the records, only as long as the consumer has the partition.
func TestOffsetsOfAMember(t *testing.T) {
	e := memory(t)
	send(t, producer(t, e, engine.AcksAll), "in", rec("1"), rec("2"))
	config := engine.ConsumerConfig{Topics: []string{"in"}, Group: "g"}
	k := consumer(t, e, config)
	p := transactional(t, e, "id")
	require.Equal(t, []string{"1"}, values(t, k, 1))
	next := map[engine.TopicPartition]int64{tp("in", 0): 1}
	begin(t, p)
	require.ErrorIs(t, p.SendOffsets(t.Context(), "other", next, k), engine.ErrInvalidArgument)
	require.NoError(t, p.SendOffsets(t.Context(), "g", next, k))
	offset, err := k.Committed(t.Context(), tp("in", 0))
	require.NoError(t, err)
	require.Equal(t, int64(-1), offset, "not before the commit")
	end(t, p, true)
	offset, err = k.Committed(t.Context(), tp("in", 0))
	require.NoError(t, err)
	require.Equal(t, int64(1), offset)

	begin(t, p)
	send(t, p, "out", rec("of a zombie"))
	next[tp("in", 0)] = 2
	require.NoError(t, p.SendOffsets(t.Context(), "g", next, k))
	require.NoError(t, k.Close(t.Context()))
	require.ErrorIs(t, p.End(t.Context(), true), engine.ErrFenced)
	require.Empty(t, committedValues(t, e, "out"))
	require.Equal(t, []string{"2"}, values(t, consumer(t, e, config), 1), "it comes again")
}

// TestCommittedRecordsAfterAnAbortAtAChunksStart: the filter had not seen the marker, and hid what came after it.
func TestCommittedRecordsAfterAnAbortAtAChunksStart(t *testing.T) {
	e := memory(t)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{SegmentBytes: 1 << 10}))
	p := transactional(t, e, "id")
	want := 0
	for i := range 60 {
		begin(t, p)
		send(t, p, "t", recTo(0, fmt.Sprint(i, string(make([]byte, 60+7*(i%9))))))
		end(t, p, i%2 == 0)
		want += (i + 1) % 2
	}
	require.Len(t, committedValues(t, e, "t"), want)
}

// TestADamagedPartitionDoesNotBlockOthers: a transaction that a crash left open in a partition that takes no marker now.
func TestADamagedPartitionDoesNotBlockOthers(t *testing.T) {
	mem := vfs.NewMem()
	e := open(t, options(mem))
	p := transactional(t, e, "id")
	begin(t, p)
	send(t, p, "bad", rec("x"), rec("y"))
	send(t, p, "good", rec("x"))
	require.NoError(t, flush(t, p))
	send(t, producer(t, e, engine.AcksAll), "bad", rec("durable"))
	left := mem.KillClone()
	file, err := left.OpenFile("topics/bad-0/00000000000000000000.log", os.O_RDWR)
	require.NoError(t, err)
	require.NoError(t, file.Truncate(100), "which cuts off what was durable")
	require.NoError(t, file.Close())
	e = open(t, options(left))
	require.False(t, e.Health().OK)
	require.Contains(t, fmt.Sprint(e.Health().Notes), "could not be ended")
	require.Empty(t, committedValues(t, e, "good"))
	p = transactional(t, e, "id")
	begin(t, p)
	send(t, p, "good", rec("z"))
	end(t, p, true)
	require.Equal(t, []string{"z"}, committedValues(t, e, "good"))
}
