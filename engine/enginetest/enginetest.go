// Package enginetest checks that an engine keeps the contract of package engine: what a client may rely on whichever
// engine is behind it. Every engine's tests call [Run].
//
// It knows nothing of how an engine works, and does not assume that it has it to itself: names of topics and groups are
// new for each test, so that a cluster can be used again.
package enginetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// Features are what engines may differ in.
type Features struct {
	// Durability is what a send with AcksAll reaches.
	Durability engine.Durability
	// Transactions says that they work. Otherwise their verbs must match errors.ErrUnsupported.
	Transactions bool
	// Numbering says that the records of a producer with an ID are numbered. Otherwise such a producer, and its progress,
	// must match errors.ErrUnsupported.
	Numbering bool
	// OneCase says that of topics whose names differ only by case there may be one. Otherwise there may be all.
	OneCase bool
}

// Patience bounds what a test waits for; brief is how long it looks for what must not come; heartbeat is how often members
// ask their group what is new, where they have to.
const (
	patience  = 30 * time.Second
	brief     = 10 * time.Millisecond
	heartbeat = 100 * time.Millisecond
)

// Run tests the engines that open returns, one for each test; a test closes its own.
func Run(t *testing.T, open func(t *testing.T) engine.Engine, f Features) {
	for _, subject := range []struct {
		name  string
		tests []test
	}{
		{"Produce", produceTests}, {"Consume", consumeTests}, {"Position", positionTests}, {"Groups", groupTests}, {"Members", memberTests},
		{"Topics", topicTests}, {"Offsets", offsetTests}, {"Errors", errorTests}, {"Transactions", transactionTests},
	} {
		t.Run(subject.name, func(t *testing.T) {
			for _, test := range subject.tests {
				t.Run(test.name, func(t *testing.T) {
					w := newWorld(t, open(t), f)
					test.fn(w)
				})
			}
		})
	}
}

// test is one test of an engine.
type test struct {
	name string
	fn   func(*world)
}

// world is what a test works with: an engine, a topic's and a group's name that nobody has used before, and the test.
type world struct {
	*testing.T
	engine.Engine
	features     Features
	topic, group string
	ctx          context.Context
	opened       []engine.Consumer
}

func newWorld(t *testing.T, e engine.Engine, f Features) *world {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	w := &world{T: t, Engine: e, features: f, ctx: ctx}
	w.topic, w.group = w.name("topic"), w.name("group")
	t.Cleanup(func() {
		cancel()
		require.NoError(t, e.Close())
	})
	return w
}

// name makes a name that is new.
func (w *world) name(kind string) string { return kind + "-" + strings.ToLower(rand.Text()[:13]) }

// tp is a partition of the test's topic.
func (w *world) tp(partition int32) engine.TopicPartition {
	return engine.TopicPartition{Topic: w.topic, Partition: partition}
}

// create makes the test's topic.
func (w *world) create(partitions int) {
	w.Helper()
	require.NoError(w, w.CreateTopic(w.ctx, w.topic, engine.TopicConfig{Partitions: partitions}))
	w.Cleanup(func() {
		err := w.DeleteTopic(context.WithoutCancel(w.ctx), w.topic)
		if !errors.Is(err, engine.ErrTopicNotFound) && !errors.Is(err, engine.ErrClosed) {
			require.NoError(w, err)
		}
	})
}

// producer opens a producer that the test need not close.
func (w *world) producer(c engine.ProducerConfig) engine.Producer {
	w.Helper()
	p, err := w.OpenProducer(w.ctx, c)
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, p.Close()) })
	return p
}

// consumer opens a consumer of the test's topic that the test need not close.
func (w *world) consumer(c engine.ConsumerConfig) engine.Consumer {
	w.Helper()
	if c.Topics == nil {
		c.Topics = []string{w.topic}
	}
	c.HeartbeatInterval = heartbeat
	k, err := w.OpenConsumer(w.ctx, c)
	require.NoError(w, err)
	w.opened = append(w.opened, k)
	w.Cleanup(func() { require.NoError(w, k.Close(context.WithoutCancel(w.ctx))) })
	return k
}

// rec is a record to any partition, with the time of its append.
func rec(key, value string) engine.Record {
	r := engine.Record{Value: []byte(value), Partition: engine.AnyPartition, Timestamp: engine.NoTimestamp}
	if key != "" {
		r.Key = []byte(key)
	}
	return r
}

// send appends values to a partition of the test's topic, all in one call.
func (w *world) send(partition int32, values ...string) {
	w.Helper()
	p, err := w.OpenProducer(w.ctx, engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(w, err)
	rs := make([]engine.Record, len(values))
	for i, v := range values {
		rs[i] = rec("", v)
		rs[i].Partition = partition
	}
	_, err = p.Produce(w.ctx, w.topic, rs)
	require.NoError(w, errors.Join(err, p.Close()))
}

// numbers are the values from, from+1, ... up to and without to.
func numbers(from, to int) (values []string) {
	for i := from; i < to; i++ {
		values = append(values, fmt.Sprint(i))
	}
	return values
}

// got is a record that was read, and where.
type got struct {
	engine.TopicPartition
	record.Record
}

func (g got) value() string { return string(g.Value) }

// poll polls until there are n records, and checks that positions follow them.
func (w *world) poll(k engine.Consumer, n int) (all []got) {
	w.Helper()
	for len(all) < n {
		fetches, err := k.Poll(w.ctx, n-len(all))
		require.NoError(w, err)
		all = append(all, w.unpack(fetches, n-len(all))...)
	}
	return all
}

// pollToEnd polls until io.EOF.
func (w *world) pollToEnd(k engine.Consumer) (all []got) {
	w.Helper()
	for {
		fetches, err := k.Poll(w.ctx, 100)
		if err == io.EOF {
			require.Empty(w, fetches)
			return all
		}
		require.NoError(w, err)
		all = append(all, w.unpack(fetches, 100)...)
	}
}

func (w *world) unpack(fetches []engine.Fetch, limit int) (all []got) {
	w.Helper()
	for _, f := range fetches {
		require.NotEmpty(w, f.Records)
		next := f.Records[0].Offset
		for _, r := range f.Records {
			require.GreaterOrEqual(w, r.Offset, next, "offsets rise")
			next = r.Offset + 1
			all = append(all, got{f.TopicPartition, r})
		}
		require.GreaterOrEqual(w, f.Next, next)
		require.GreaterOrEqual(w, f.End, next)
	}
	require.LessOrEqual(w, len(all), limit, "no more than asked for")
	return all
}

// values are those of all records, in the order read.
func values(all []got) (vs []string) {
	for _, g := range all {
		vs = append(vs, g.value())
	}
	return vs
}

// readAll reads what is in the test's topic now.
func (w *world) readAll(c engine.ConsumerConfig) []got {
	w.Helper()
	c.UntilEnd = true
	return w.pollToEnd(w.consumer(c))
}
