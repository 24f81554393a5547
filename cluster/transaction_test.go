package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// A transaction that is open for too long is aborted by the cluster, and says so rather than that it was fenced.
func TestTransactionTimesOut(t *testing.T) {
	o := openTopic(t, 1)
	p := o.producer(engine.ProducerConfig{TransactionalID: o.topic, TransactionTimeout: time.Second})
	require.NoError(t, p.Begin(t.Context()))
	_, err := p.Produce(t.Context(), o.topic, records(0, "late"))
	require.NoError(t, err)
	require.NoError(t, p.Flush(t.Context()))
	for { // until the cluster has aborted it
		info, err := o.DescribeTopic(t.Context(), o.topic)
		require.NoError(t, err)
		if info.Partitions[0].LastStable == info.Partitions[0].End {
			break
		}
	}
	require.ErrorIs(t, p.End(t.Context(), true), engine.ErrTimeout)
	require.Empty(t, o.read(engine.ConsumerConfig{}))
}

// A record that is refused fails the commit: nothing of the transaction is seen, and the next one is as if nothing had been.
func TestTransactionWithARefusedRecord(t *testing.T) {
	o := openTopicFake(t, 1)
	p := o.producer(engine.ProducerConfig{TransactionalID: o.topic})
	o.cluster.ControlKey(kmsg.Produce.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r := req.(*kmsg.ProduceRequest)
		answer := r.ResponseKind().(*kmsg.ProduceResponse)
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = r.Topics[0].Topic, r.Topics[0].TopicID
		partition := kmsg.NewProduceResponseTopicPartition()
		partition.ErrorCode = kerr.InvalidRecord.Code
		topic.Partitions = append(topic.Partitions, partition)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
	require.NoError(t, p.Begin(t.Context()))
	_, err := p.Produce(t.Context(), o.topic, records(0, "refused"))
	require.NoError(t, err, "it is not waited for")
	require.ErrorIs(t, p.Flush(t.Context()), kerr.InvalidRecord)
	_, err = p.Produce(t.Context(), o.topic, records(0, "after"))
	require.ErrorIs(t, err, kerr.InvalidRecord, "it can only be aborted")
	require.ErrorIs(t, p.SendOffsets(t.Context(), o.group, nil, nil), kerr.InvalidRecord)
	require.ErrorIs(t, p.End(t.Context(), true), kerr.InvalidRecord)

	require.NoError(t, p.Begin(t.Context()))
	_, err = p.Produce(t.Context(), o.topic, records(0, "next"))
	require.NoError(t, err)
	require.NoError(t, p.End(t.Context(), true))
	require.Equal(t, []string{"next"}, o.read(engine.ConsumerConfig{}))
}

// Verbs out of order.
func TestTransactionVerbs(t *testing.T) {
	o := openTopic(t, 1)
	p := o.producer(engine.ProducerConfig{TransactionalID: o.topic})
	_, err := p.Produce(t.Context(), o.topic, records(0, "a"))
	require.ErrorIs(t, err, engine.ErrInvalidArgument, "none is open")
	require.ErrorIs(t, p.End(t.Context(), true), engine.ErrInvalidArgument)
	require.ErrorIs(t, p.SendOffsets(t.Context(), o.group, nil, nil), engine.ErrInvalidArgument)
	require.NoError(t, p.Begin(t.Context()))
	require.ErrorIs(t, p.Begin(t.Context()), engine.ErrInvalidArgument)
	require.NoError(t, p.End(t.Context(), true), "with nothing in it")
	require.NoError(t, p.Begin(t.Context()))
	_, err = p.Produce(t.Context(), o.topic, records(0, "open"))
	require.NoError(t, err)
	require.NoError(t, p.Close(), "which aborts")
	require.ErrorIs(t, p.Begin(t.Context()), engine.ErrClosed)
	require.Empty(t, o.read(engine.ConsumerConfig{}))

	plain := o.producer(engine.ProducerConfig{}) // begins transactions, too, and sends outside of them
	for _, commit := range []bool{true, false} {
		require.NoError(t, plain.Begin(t.Context()))
		_, err = plain.Produce(t.Context(), o.topic, records(0, map[bool]string{true: "in", false: "aborted"}[commit]))
		require.NoError(t, err)
		require.NoError(t, plain.End(t.Context(), commit))
		_, err = plain.Produce(t.Context(), o.topic, records(0, "out"))
		require.NoError(t, err)
	}
	require.Equal(t, []string{"in", "out", "out"}, o.read(engine.ConsumerConfig{}))
}

// Transactions with nothing but offsets in them, one after the other, and others between them.
func TestTransactionsOfOffsets(t *testing.T) {
	o := openTopic(t, 1)
	o.send(0, "a", "b", "c", "d", "e")
	p := o.producer(engine.ProducerConfig{TransactionalID: o.topic})
	want := int64(-1)
	for i, commit := range []bool{true, false, true, true, false, true} {
		require.NoError(t, p.Begin(t.Context()))
		require.NoError(t, p.SendOffsets(t.Context(), o.group, map[engine.TopicPartition]int64{o.tp(0): int64(i)}, nil))
		if i%2 == 1 {
			_, err := p.Produce(t.Context(), o.topic, records(0, "with it"))
			require.NoError(t, err)
		}
		require.NoError(t, p.End(t.Context(), commit))
		if commit {
			want = int64(i)
		}
		g, err := o.DescribeGroup(t.Context(), o.group)
		require.NoError(t, err)
		require.EqualValues(t, want, g.Offsets[0].Committed)
	}
}
