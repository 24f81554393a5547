package stream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

const benchRecords = 20_000

// benchEngine is an engine with a topic of numbers with 1000 keys, one each millisecond.
func benchEngine(b *testing.B) engine.Engine {
	e := openEngine(b, vfs.NewVolatile())
	b.Cleanup(func() { require.NoError(b, e.Close()) })
	require.NoError(b, e.CreateTopic(b.Context(), "in", engine.TopicConfig{}))
	p, err := e.OpenProducer(b.Context(), engine.ProducerConfig{})
	require.NoError(b, err)
	rs := make([]engine.Record, benchRecords)
	for i := range rs {
		rs[i] = engine.Record{Key: fmt.Appendf(nil, "k%d", i%1000), Value: fmt.Append(nil, i), Timestamp: int64(i)}
	}
	_, err = p.Produce(b.Context(), "in", rs)
	require.NoError(b, err)
	require.NoError(b, p.Close())
	return e
}

// number decodes without a codec, so that the codec's cost is not measured.
func number(r *record.Record) (n int64) {
	for _, c := range r.Value {
		n = n*10 + int64(c-'0')
	}
	return n
}

type pair struct {
	key string
	n   int64
}

func benchStream(e engine.Engine, id string) *stream.Stream[pair] {
	src := streamtest.NewSource[pair](envOf(e), "in")
	src.Decode = func(_ stream.Codec, _ engine.TopicPartition, r *record.Record) (pair, error) {
		return pair{string(r.Key), number(r)}, nil
	}
	return stream.New(src, stream.WithUntilEnd(), stream.WithApplicationID(id))
}

// loop is what one writes by hand: poll, do something, commit offsets at the end.
func loop(b *testing.B, e engine.Engine, group string, each func(r *record.Record), done func(p engine.Producer)) {
	c, err := e.OpenConsumer(b.Context(), engine.ConsumerConfig{Topics: []string{"in"}, UntilEnd: true})
	require.NoError(b, err)
	p, err := e.OpenProducer(b.Context(), engine.ProducerConfig{TransactionalID: group, AutoCreateTopics: true})
	require.NoError(b, err)
	require.NoError(b, p.Begin(b.Context()))
	offsets := map[engine.TopicPartition]int64{}
	for {
		fetches, err := c.Poll(b.Context(), 500)
		if err != nil {
			break
		}
		for _, f := range fetches {
			for i := range f.Records {
				each(&f.Records[i])
			}
			offsets[f.TopicPartition] = f.Next
		}
	}
	done(p)
	require.NoError(b, p.SendOffsets(b.Context(), group, offsets, nil))
	require.NoError(b, p.End(b.Context(), true))
	require.NoError(b, p.Close())
	require.NoError(b, c.Close(context.Background()))
}

// perRecord runs fn again and again and reports the time of one record.
func perRecord(b *testing.B, fn func(i int)) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		fn(i)
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}

func BenchmarkFilterMapTo(b *testing.B) {
	b.Run("stream", func(b *testing.B) {
		e := benchEngine(b)
		perRecord(b, func(i int) {
			s := benchStream(e, fmt.Sprint("app", i)).Filter(func(p pair) bool { return p.n%2 == 0 })
			require.NoError(b, stream.Map(s, func(p pair) int64 { return p.n + 1 }).To(b.Context(), "out"))
		})
	})
	b.Run("loop", func(b *testing.B) {
		e := benchEngine(b)
		perRecord(b, func(i int) {
			var out []engine.Record
			loop(b, e, fmt.Sprint("app", i), func(r *record.Record) {
				if n := number(r); n%2 == 0 {
					value, _ := streamtest.JSON.Append(nil, n+1)
					out = append(out, engine.Record{Key: r.Key, Value: value, Timestamp: r.Timestamp, Partition: engine.AnyPartition})
				}
			}, func(p engine.Producer) {
				_, err := p.Produce(b.Context(), "out", out)
				require.NoError(b, err)
			})
		})
	})
}

func BenchmarkWindowedCount(b *testing.B) {
	b.Run("stream", func(b *testing.B) {
		e := benchEngine(b)
		perRecord(b, func(i int) {
			s := benchStream(e, fmt.Sprint("app", i)).Window(stream.TumblingWindow(5 * time.Second))
			require.NoError(b, s.GroupBy(func(p pair) string { return p.key }).Count().To(b.Context(), "out"))
		})
	})
	b.Run("loop", func(b *testing.B) { // without grace, late records, state that survives
		e := benchEngine(b)
		type window struct {
			key   string
			start int64
		}
		perRecord(b, func(i int) {
			counts := map[window]int64{}
			loop(b, e, fmt.Sprint("app", i), func(r *record.Record) {
				counts[window{string(r.Key), r.Timestamp / 5000}]++
			}, func(p engine.Producer) {
				var out []engine.Record
				for w, n := range counts {
					value, _ := streamtest.JSON.Append(nil, stream.Result[string, int64]{Key: w.key, Value: n, Start: at(w.start * 5000), End: at(w.start*5000 + 5000)})
					out = append(out, engine.Record{Key: []byte(w.key), Value: value, Partition: engine.AnyPartition})
				}
				_, err := p.Produce(b.Context(), "out", out)
				require.NoError(b, err)
			})
		})
	})
}

// BenchmarkOperators is what an element costs in the operators alone.
func BenchmarkOperators(b *testing.B) {
	src := streamtest.NewSource[pair](streamtest.NewEnv(), "in")
	src.Decode = func(_ stream.Codec, _ engine.TopicPartition, r *record.Record) (pair, error) {
		return pair{"k", r.Timestamp}, nil
	}
	s := stream.New(src)
	never := func(p pair) bool { return p.n < 0 }
	key := func(p pair) string { return p.key }
	for name, top := range map[string]*stream.Topology{
		"filter":   s.Filter(never).Sink("out"),
		"tumbling": s.Window(stream.TumblingWindow(time.Hour)).GroupBy(key).Count().Sink("out"),
		"sliding":  s.Window(stream.SlidingWindow(10 * time.Millisecond)).GroupBy(key).Count().Stream().Filter(func(stream.Result[string, int64]) bool { return false }).Sink("out"),
		"session":  s.Window(stream.SessionWindow(time.Hour)).GroupBy(key).Count().Sink("out"),
		"join":     stream.Join(s, s.Filter(never), stream.Keys(key, key), stream.JoinWindow(100*time.Millisecond)).Sink("out"),
	} {
		b.Run(name, func(b *testing.B) {
			task, err := stream.NewTask(b.Context(), top)
			require.NoError(b, err)
			tp, now := engine.TopicPartition{Topic: "in"}, int64(0)
			b.ReportAllocs()
			for b.Loop() {
				now++
				r := record.NewRecord(now, now, nil, nil, nil)
				if err := task.Process(tp, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRestore reads the state of many keys back.
func BenchmarkRestore(b *testing.B) {
	const keys = 100_000
	e := openEngine(b, vfs.NewVolatile())
	defer e.Close()
	require.NoError(b, e.CreateTopic(b.Context(), "in", engine.TopicConfig{}))
	p, err := e.OpenProducer(b.Context(), engine.ProducerConfig{})
	require.NoError(b, err)
	rs := make([]engine.Record, keys)
	for i := range rs {
		rs[i] = engine.Record{Key: fmt.Appendf(nil, "key-%d", i), Value: []byte("1"), Timestamp: int64(i)}
	}
	_, err = p.Produce(b.Context(), "in", rs)
	require.NoError(b, err)
	require.NoError(b, p.Close())
	run := func() {
		table := benchStream(e, "app").GroupBy(func(p pair) string { return p.key }).Count()
		require.NoError(b, table.Each(b.Context(), func(stream.Result[string, int64]) error { return nil }))
	}
	run()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/keys, "ns/key")
}
