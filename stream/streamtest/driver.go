// Package streamtest drives a topology by hand: no engine, no goroutine, and a clock that stands still until it is moved.
// So a test sees exactly what each record and each step of time brings about.
package streamtest

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/stream"
)

// JSON is a codec for tests: encoding/json.
var JSON stream.Codec = jsonCodec{}

type jsonCodec struct{}

// Append implements [stream.Codec].
func (jsonCodec) Append(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(dst, b...), err
}

// Unmarshal implements [stream.Codec].
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// NewEnv is an environment without an engine, for topologies that a [Driver] runs. Its clock shows the epoch.
func NewEnv() stream.Env {
	return stream.Env{
		Clock: clock.NewManual(time.UnixMilli(0)), Logger: slog.New(slog.DiscardHandler), StateCodec: JSON,
		TopicCodec: func(context.Context, string) (stream.Codec, error) { return JSON, nil },
	}
}

// NewSource is a source whose elements are the records' values, in JSON; a tombstone has the zero value.
func NewSource[T any](env stream.Env, topic string) stream.Source[T] {
	return stream.Source[T]{Env: env, Topic: topic,
		Decode: func(c stream.Codec, _ engine.TopicPartition, r *record.Record) (v T, err error) {
			if r.Value != nil {
				err = c.Unmarshal(r.Value, &v)
			}
			return v, err
		}}
}

// Record is what a topology wrote.
type Record struct {
	Topic, Key string
	Value      []byte // nil is a tombstone
	Time       time.Time
}

// Driver runs a topology. It is for one goroutine.
type Driver struct {
	t       testing.TB
	env     *stream.Env
	task    *stream.Task
	offsets map[engine.TopicPartition]int64
	codecs  map[string]stream.Codec
	output  map[string][]Record
}

// NewDriver wires a topology up; a mistake in it fails the test.
func NewDriver(t testing.TB, top *stream.Topology) *Driver {
	t.Helper()
	task, err := stream.NewTask(context.Background(), top)
	if err != nil {
		t.Fatal(err)
	}
	return &Driver{
		t: t, env: top.Env(), task: task, offsets: map[engine.TopicPartition]int64{},
		codecs: map[string]stream.Codec{}, output: map[string][]Record{},
	}
}

// Pipe runs a record of partition 0 of a topic through the topology. A nil value is a tombstone.
func (d *Driver) Pipe(topic, key string, value any, at time.Time) {
	d.t.Helper()
	d.PipeTo(topic, 0, key, value, at)
}

// PipeTo is Pipe with a partition. Partitions hold stream time back from their first record on.
func (d *Driver) PipeTo(topic string, partition int32, key string, value any, at time.Time) {
	d.t.Helper()
	tp := engine.TopicPartition{Topic: topic, Partition: partition}
	var k, v []byte
	if key != "" {
		k = []byte(key)
	}
	if value != nil {
		v = d.encode(topic, value)
	}
	r := record.NewRecord(d.offsets[tp], at.UnixMilli(), k, v, nil)
	d.offsets[tp]++
	d.check(d.task.Process(tp, &r))
}

func (d *Driver) encode(topic string, value any) []byte {
	d.t.Helper()
	c := d.codecs[topic]
	if c == nil {
		var err error
		if c, err = d.env.TopicCodec(context.Background(), topic); err != nil {
			d.t.Fatal(err)
		}
		d.codecs[topic] = c
	}
	v, err := c.Append(nil, value)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

// check fails the test after an error, and takes over what was written.
func (d *Driver) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	_ = d.task.Outputs(func(topic string, rs []engine.Record) error {
		for _, r := range rs {
			d.output[topic] = append(d.output[topic], Record{
				Topic: topic, Key: string(r.Key), Value: append([]byte(nil), r.Value...), Time: time.UnixMilli(r.Timestamp).UTC(),
			})
		}
		return nil
	})
}

// AdvanceTime moves stream time on without a record.
func (d *Driver) AdvanceTime(to time.Time) {
	d.t.Helper()
	d.check(d.task.AdvanceTo(to.UnixMilli()))
}

// AdvanceWallClock moves the clock, as idle partitions see it. The environment's clock must be a manual one.
func (d *Driver) AdvanceWallClock(by time.Duration) {
	d.t.Helper()
	c, ok := d.env.Clock.(*clock.Manual)
	if !ok {
		d.t.Fatalf("the clock of the topology is a %T: it cannot be moved", d.env.Clock)
	}
	c.Advance(by)
	d.check(d.task.Tick())
}

// Finish closes everything that is open, as at the end of [stream.WithUntilEnd].
func (d *Driver) Finish() {
	d.t.Helper()
	d.check(d.task.Finish())
}

// Output is what was written to a topic since the last call.
func (d *Driver) Output(topic string) []Record {
	rs := d.output[topic]
	delete(d.output, topic)
	return rs
}

// LateRecords counts the records that came for closed windows only.
func (d *Driver) LateRecords() int64 { return d.task.LateRecords() }
