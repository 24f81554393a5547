package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

var produceTests = []test{
	{"offsets count from 0 in each partition", func(w *world) {
		w.create(2)
		p := w.producer(engine.ProducerConfig{})
		for i := range int64(3) {
			rs := []engine.Record{rec("", "a"), rec("", "b"), rec("", "c")}
			rs[1].Partition, rs[0].Partition, rs[2].Partition = 1, 0, 0
			d, err := p.Produce(w.ctx, w.topic, rs)
			require.NoError(w, err)
			require.Equal(w, w.features.Durability, d)
			require.Equal(w, []int64{2 * i, i, 2*i + 1}, []int64{rs[0].Offset, rs[1].Offset, rs[2].Offset})
		}
		require.Equal(w, []string{"a", "c", "a", "c", "a", "c"}, values(w.onlyPartition(0)))
		require.Equal(w, []string{"b", "b", "b"}, values(w.onlyPartition(1)))
	}},
	{"keys go where Kafka's murmur2 says", func(w *world) {
		w.create(7)
		p := w.producer(engine.ProducerConfig{})
		var rs []engine.Record
		for i := range 50 {
			rs = append(rs, rec(fmt.Sprint("key-", i), "v"))
		}
		_, err := p.Produce(w.ctx, w.topic, rs)
		require.NoError(w, err)
		for _, r := range rs {
			require.Equal(w, engine.PartitionForKey(r.Key, 7), r.Partition)
		}
	}},
	{"records without a key are spread over batches", func(w *world) {
		w.create(3)
		p := w.producer(engine.ProducerConfig{})
		used := map[int32]bool{}
		for range 60 {
			rs := []engine.Record{rec("", "a"), rec("", "b")}
			_, err := p.Produce(w.ctx, w.topic, rs)
			require.NoError(w, err)
			used[rs[0].Partition] = true
		}
		require.Len(w, used, 3)
	}},
	{"everything of a record comes back", func(w *world) {
		w.create(1)
		at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
		sent := []engine.Record{
			{Key: []byte("k"), Value: []byte{0, 1, 0xff}, Timestamp: at.UnixMilli(), Headers: []record.Header{
				{Key: "h", Value: []byte("1")}, {Key: "h", Value: []byte("2")}, {Key: "null"}, {Key: "", Value: []byte{}},
			}},
			{Key: []byte{}, Value: []byte{}, Timestamp: 0},
			{Key: nil, Value: nil, Timestamp: at.Add(-time.Hour).UnixMilli()},
			{Key: []byte("big"), Value: bytes.Repeat([]byte("x"), 300_000), Timestamp: at.UnixMilli()},
		}
		_, err := w.producer(engine.ProducerConfig{}).Produce(w.ctx, w.topic, sent)
		require.NoError(w, err)
		read := w.readAll(engine.ConsumerConfig{})
		require.Len(w, read, len(sent))
		for i, r := range read {
			require.Equal(w, sent[i].Key, r.Key)
			require.Equal(w, sent[i].Value, r.Value)
			require.Equal(w, sent[i].Timestamp, r.Timestamp)
			require.EqualValues(w, i, r.Offset)
			require.Equal(w, sent[i].Headers, r.AppendHeaders(nil))
		}
	}},
	{"a record without a time gets that of its append", func(w *world) {
		w.create(1)
		rs := []engine.Record{rec("", "a")}
		_, err := w.producer(engine.ProducerConfig{}).Produce(w.ctx, w.topic, rs)
		require.NoError(w, err)
		require.Positive(w, rs[0].Timestamp)
		require.Equal(w, rs[0].Timestamp, w.readAll(engine.ConsumerConfig{})[0].Timestamp)
	}},
	{"the caller's memory is not kept", func(w *world) {
		w.create(1)
		rs := []engine.Record{rec("key", "value")}
		_, err := w.producer(engine.ProducerConfig{}).Produce(w.ctx, w.topic, rs)
		require.NoError(w, err)
		clear(rs[0].Key)
		clear(rs[0].Value)
		r := w.readAll(engine.ConsumerConfig{})[0]
		require.Equal(w, "key value", string(r.Key)+" "+r.value())
	}},
	{"every codec, also of the topic", func(w *world) {
		w.create(1)
		var want []string
		send := func(c engine.ProducerConfig) {
			var rs []engine.Record
			for i := range 100 {
				want = append(want, fmt.Sprintf("a value that repeats itself %d", i%3))
				rs = append(rs, rec("", want[len(want)-1]))
			}
			_, err := w.producer(c).Produce(w.ctx, w.topic, rs)
			require.NoError(w, err)
		}
		for c := record.None; c <= record.Zstd; c++ {
			send(engine.ProducerConfig{Compression: c, CompressionSet: true})
			require.NoError(w, w.AlterTopic(w.ctx, w.topic, engine.TopicConfig{Compression: c}))
			send(engine.ProducerConfig{})
		}
		require.Equal(w, want, values(w.readAll(engine.ConsumerConfig{})))
	}},
	{"more than a batch holds", func(w *world) {
		w.create(1)
		rs := make([]engine.Record, 1000)
		for i := range rs {
			rs[i] = rec("", fmt.Sprintf("%0100d", i))
		}
		_, err := w.producer(engine.ProducerConfig{BatchBytes: 1000}).Produce(w.ctx, w.topic, rs)
		require.NoError(w, err)
		for i, r := range w.readAll(engine.ConsumerConfig{}) {
			require.EqualValues(w, i, rs[i].Offset)
			require.Equal(w, rs[i].Value, r.Value)
		}
	}},
	{"every level of acks", func(w *world) {
		w.create(1)
		for _, acks := range []engine.Acks{engine.AcksAll, engine.AcksLeader, engine.AcksNone} {
			p := w.producer(engine.ProducerConfig{Acks: acks})
			rs := []engine.Record{rec("", fmt.Sprint(acks))}
			d, err := p.Produce(w.ctx, w.topic, rs)
			require.NoError(w, err)
			if acks != engine.AcksAll {
				require.LessOrEqual(w, d, w.features.Durability)
			}
			require.NoError(w, p.Flush(w.ctx))
		}
		require.Equal(w, []string{"0", "1", "2"}, values(w.readAll(engine.ConsumerConfig{})))
	}},
	{"many at the same time", func(w *world) {
		w.create(3)
		const senders, each = 8, 50
		p := w.producer(engine.ProducerConfig{Acks: engine.AcksLeader})
		var wg sync.WaitGroup
		errs := make([]error, senders)
		for s := range senders {
			wg.Go(func() {
				for i := range each {
					_, err := p.Produce(w.ctx, w.topic, []engine.Record{rec(fmt.Sprint("sender-", s), fmt.Sprint(i))})
					errs[s] = errors.Join(errs[s], err)
				}
			})
		}
		wg.Wait()
		require.NoError(w, errors.Join(errs...))
		next := map[string]int{}
		for _, r := range w.readAll(engine.ConsumerConfig{}) {
			require.Equal(w, fmt.Sprint(next[string(r.Key)]), r.value(), "a key's records stay in order")
			next[string(r.Key)]++
		}
		require.Len(w, next, senders)
		for _, n := range next {
			require.Equal(w, each, n)
		}
	}},
	{"nothing is written when something is refused", func(w *world) {
		w.create(2)
		require.NoError(w, w.AlterTopic(w.ctx, w.topic, engine.TopicConfig{MaxMessageBytes: 1000}))
		p := w.producer(engine.ProducerConfig{})
		large := []engine.Record{rec("", "fits"), rec("", string(make([]byte, 2000)))}
		_, err := p.Produce(w.ctx, w.topic, large)
		require.ErrorIs(w, err, engine.ErrMessageTooLarge)
		wrong := []engine.Record{rec("", "fits"), rec("", "does not")}
		wrong[1].Partition = 2
		_, err = p.Produce(w.ctx, w.topic, wrong)
		require.ErrorIs(w, err, engine.ErrPartitionNotFound)
		for _, r := range append(large, wrong...) {
			require.EqualValues(w, -1, r.Offset)
		}
		require.Empty(w, w.readAll(engine.ConsumerConfig{}))
	}},
	{"a topic is made by use when that is allowed", func(w *world) {
		_, err := w.producer(engine.ProducerConfig{}).Produce(w.ctx, w.topic, []engine.Record{rec("", "a")})
		require.ErrorIs(w, err, engine.ErrTopicNotFound)
		_, err = w.producer(engine.ProducerConfig{AutoCreateTopics: true}).Produce(w.ctx, w.topic, []engine.Record{rec("", "a")})
		require.NoError(w, err)
		require.Len(w, w.readAll(engine.ConsumerConfig{}), 1)
		require.NoError(w, w.DeleteTopic(w.ctx, w.topic))
	}},
	{"a context that has ended, a producer that is closed", func(w *world) {
		w.create(1)
		p := w.producer(engine.ProducerConfig{})
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		_, err := p.Produce(ctx, w.topic, []engine.Record{rec("", "a")})
		require.ErrorIs(w, err, context.Canceled)
		require.False(w, engine.IsRetriable(err))
		require.NoError(w, p.Close())
		require.NoError(w, p.Close(), "a second time")
		_, err = p.Produce(w.ctx, w.topic, []engine.Record{rec("", "a")})
		require.ErrorIs(w, err, engine.ErrClosed)
		require.Empty(w, w.readAll(engine.ConsumerConfig{}))
	}},
	{"a name makes sends idempotent", func(w *world) {
		w.create(1)
		if !w.features.Numbering {
			_, err := w.OpenProducer(w.ctx, engine.ProducerConfig{ID: w.name("producer")})
			w.unsupported(err)
			p := w.producer(engine.ProducerConfig{})
			_, err = p.Progress(w.ctx, w.topic)
			w.unsupported(err)
			_, err = p.Produce(w.ctx, w.topic, []engine.Record{{Partition: 0, Timestamp: engine.NoTimestamp, Sequence: 1}})
			w.unsupported(err)
			require.Empty(w, w.readAll(engine.ConsumerConfig{}))
			return
		}
		p := w.producer(engine.ProducerConfig{ID: w.name("producer")})
		for i := range 3 {
			_, err := p.Produce(w.ctx, w.topic, []engine.Record{rec("", fmt.Sprint(i))})
			require.NoError(w, err)
		}
		require.Equal(w, numbers(0, 3), values(w.readAll(engine.ConsumerConfig{})))
	}},
}

// onlyPartition reads what is in one partition now.
func (w *world) onlyPartition(n int32) (some []got) {
	for _, g := range w.readAll(engine.ConsumerConfig{}) {
		if g.Partition == n {
			some = append(some, g)
		}
	}
	return some
}
