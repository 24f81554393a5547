package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// opened is an engine on a cluster, which has a topic.
type opened struct {
	*testing.T
	engine.Engine
	url          string
	cluster      *kfake.Cluster // nil for a real one
	topic, group string
}

// openTopic opens an engine and makes a topic, whose name like the group's nobody has used before.
func openTopic(t *testing.T, partitions int) *opened {
	t.Helper()
	if url := os.Getenv("TEST_KAFKA_URL"); url != "" {
		return openTopicOn(t, url, nil, partitions)
	}
	return openTopicFake(t, partitions)
}

// openTopicFake is openTopic on a cluster that the test controls.
func openTopicFake(t *testing.T, partitions int) *opened {
	t.Helper()
	c, url := fakeCluster(t)
	return openTopicOn(t, url, c, partitions)
}

func openTopicOn(t *testing.T, url string, c *kfake.Cluster, partitions int) *opened {
	t.Helper()
	name := names()
	o := &opened{t, openEngine(t, url), url, c, name("orders"), name("billing")}
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	require.NoError(t, o.CreateTopic(t.Context(), o.topic, engine.TopicConfig{Partitions: partitions}))
	return o
}

func (o *opened) tp(partition int32) engine.TopicPartition {
	return engine.TopicPartition{Topic: o.topic, Partition: partition}
}

func (o *opened) producer(c engine.ProducerConfig) engine.Producer {
	o.Helper()
	p, err := o.OpenProducer(o.Context(), c)
	require.NoError(o, err)
	o.Cleanup(func() { require.NoError(o, p.Close()) })
	return p
}

func (o *opened) send(partition int32, values ...string) {
	o.Helper()
	p, err := o.OpenProducer(o.Context(), engine.ProducerConfig{})
	require.NoError(o, err)
	_, err = p.Produce(o.Context(), o.topic, records(partition, values...))
	require.NoError(o, errors.Join(err, p.Close()))
}

func records(partition int32, values ...string) []engine.Record {
	rs := make([]engine.Record, len(values))
	for i, v := range values {
		rs[i] = engine.Record{Value: []byte(v), Partition: partition, Timestamp: engine.NoTimestamp}
	}
	return rs
}

// read reads what is in the topic now.
func (o *opened) read(c engine.ConsumerConfig) (values []string) {
	o.Helper()
	c.Topics, c.UntilEnd = []string{o.topic}, true
	k, err := o.OpenConsumer(o.Context(), c)
	require.NoError(o, err)
	for {
		fetches, err := k.Poll(o.Context(), 100)
		if err != nil {
			require.EqualError(o, err, "EOF")
			require.NoError(o, k.Close(o.Context()))
			return values
		}
		for _, f := range fetches {
			for _, r := range f.Records {
				values = append(values, string(r.Value))
			}
		}
	}
}

// delay makes the brokers keep requests of a kind until the returned function is called.
func (o *opened) delay(key kmsg.Key) (release func()) {
	released := make(chan struct{})
	o.cluster.ControlKey(key.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		o.cluster.KeepControl()
		o.cluster.SleepControl(func() { <-released })
		return nil, nil, false
	})
	return func() { close(released) }
}

// An end of the context while records are on their way leaves open what becomes of them, and says so.
func TestProduceWithoutAnswer(t *testing.T) {
	o := openTopicFake(t, 1)
	p := o.producer(engine.ProducerConfig{})
	release := o.delay(kmsg.Produce)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	rs := records(0, "a", "b")
	_, err := p.Produce(ctx, o.topic, rs)
	require.ErrorIs(t, err, engine.ErrTimeout)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "not known")
	require.False(t, engine.IsRetriable(err), "they may be written")
	require.EqualValues(t, -1, rs[0].Offset)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Produce(canceled, o.topic, rs)
	require.ErrorIs(t, err, context.Canceled)
}

// A broker's refusal has its code, its place and its cause; records of other partitions are told where they are.
func TestProduceRefused(t *testing.T) {
	o := openTopicFake(t, 2)
	p := o.producer(engine.ProducerConfig{Acks: engine.AcksLeader})
	o.cluster.ControlKey(kmsg.Produce.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		o.cluster.KeepControl()
		r := req.(*kmsg.ProduceRequest)
		if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 || r.Topics[0].Partitions[0].Partition != 1 {
			return nil, nil, false
		}
		answer := r.ResponseKind().(*kmsg.ProduceResponse)
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = r.Topics[0].Topic, r.Topics[0].TopicID
		partition := kmsg.NewProduceResponseTopicPartition()
		partition.Partition, partition.ErrorCode = 1, kerr.InvalidRecord.Code
		topic.Partitions = append(topic.Partitions, partition)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
	_, err := p.Produce(t.Context(), o.topic, records(0, "a"))
	require.NoError(t, err)
	rs := records(1, "b")
	_, err = p.Produce(t.Context(), o.topic, rs)
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
	require.ErrorIs(t, err, kerr.InvalidRecord)
	require.EqualValues(t, -1, rs[0].Offset)
}

// A producer that has used a topic goes on with partitions that are added, and with a topic that is made anew.
func TestProduceToChangedTopic(t *testing.T) {
	o := openTopic(t, 1)
	p := o.producer(engine.ProducerConfig{})
	_, err := p.Produce(t.Context(), o.topic, records(0, "a"))
	require.NoError(t, err)
	require.NoError(t, o.CreatePartitions(t.Context(), o.topic, 5))
	for partition := range int32(5) {
		_, err := p.Produce(t.Context(), o.topic, records(partition, "b"))
		require.NoError(t, err)
	}
	require.Len(t, o.read(engine.ConsumerConfig{}), 6)
	require.NoError(t, o.DeleteTopic(t.Context(), o.topic))
	_, err = p.Produce(t.Context(), o.topic, records(0, "a"))
	require.ErrorIs(t, err, engine.ErrTopicNotFound)
	require.NoError(t, o.CreateTopic(t.Context(), o.topic, engine.TopicConfig{}))
	_, err = p.Produce(t.Context(), o.topic, records(0, "c"))
	require.NoError(t, err)
	require.Equal(t, []string{"c"}, o.read(engine.ConsumerConfig{}))
}

// What exceeds the batch size or the topic's bound is refused before anything is sent; up to the bound all is taken.
func TestProduceUpToTheBound(t *testing.T) {
	o := openTopic(t, 1)
	for _, limit := range []int{1000, 5000} {
		require.NoError(t, o.AlterTopic(t.Context(), o.topic, engine.TopicConfig{MaxMessageBytes: limit}))
		p := o.producer(engine.ProducerConfig{})
		refused := 0
		for size := limit - 200; size <= limit; size++ {
			_, err := p.Produce(t.Context(), o.topic, records(0, string(make([]byte, size))))
			if err != nil {
				require.ErrorIs(t, err, engine.ErrMessageTooLarge, "%d bytes", size)
				require.ErrorContains(t, err, fmt.Sprint(limit), "found out here, not by the broker")
				refused++
			}
		}
		require.Greater(t, refused, 60)
		require.Less(t, refused, 150)
	}
	many := o.producer(engine.ProducerConfig{BatchBytes: 1000})
	_, err := many.Produce(t.Context(), o.topic, records(0, string(make([]byte, 2000))))
	require.ErrorIs(t, err, engine.ErrMessageTooLarge)
}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	p := &producer{config: engine.ProducerConfig{Codec: "json"}}
	rs := make([]engine.Record, 100)
	for i := range rs {
		rs[i] = engine.Record{
			Key: []byte("customer-0000017"), Value: make([]byte, 1000), Headers: []record.Header{{Key: "trace", Value: []byte("1")}},
		}
	}
	b.SetBytes(100 * 1000)
	for b.Loop() {
		p.encode(shape{partitions: 1}, rs)
	}
}
