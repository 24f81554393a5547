package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestBatchSizeInBytes(t *testing.T) {
	for size, want := range map[int]int{0: 1, 100_000: 1, 1_000: 13, 1: 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, WithDir(dir), WithCodec(Raw))
			var ms []Message
			for range 100 {
				ms = append(ms, Message{Value: make([]byte, 100)})
			}
			require.NoError(t, c.Producer("t", WithBatchSize(size)).SendBatch(t.Context(), ms))
			require.Len(t, batches(t, dir, "t-0"), want)
		})
	}
}

func TestCompression(t *testing.T) {
	for _, topic := range []Compression{CompressionNone, CompressionLZ4} {
		for _, producer := range []Compression{-1, CompressionNone, CompressionGzip, CompressionSnappy, CompressionLZ4, CompressionZstd} {
			t.Run(fmt.Sprintf("%s, %d", topic, producer), func(t *testing.T) {
				dir := t.TempDir()
				c := open(t, WithDir(dir))
				require.NoError(t, c.Admin().CreateTopic(t.Context(), "t", TopicConfig{Compression: topic}))
				want, opts := topic, []ProducerOption(nil)
				if producer >= 0 {
					want, opts = producer, append(opts, WithCompression(producer))
				}
				value := strings.Repeat("again and ", 100)
				require.NoError(t, c.Producer("t", opts...).Send(t.Context(), Message{Value: value}))
				require.Equal(t, want, batches(t, dir, "t-0")[0].Compression())
				require.Equal(t, map[int][]string{0: {value}}, values(t, c, "t"))
			})
		}
	}
}

// The vectors are those of Apache Kafka's UtilsTest; a key's partition is that of Kafka's clients.
func TestKeysPickThePartitionOfKafka(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(7))
	p := c.Producer("t", WithAcks(AcksLeader))
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		mds, err := p.Produce(t.Context(), Message{Key: key, Value: "v"})
		require.NoError(t, err)
		require.EqualValues(t, (hash&0x7fffffff)%7, mds[0].Partition, key)
	}
}

func TestWithoutKeys(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(3))
	seen := map[int]int{}
	for range 6 {
		p := c.Producer("t", WithAcks(AcksLeader)) // a new one each time: what they share goes around all the same
		mds, err := p.Produce(t.Context(), Message{Value: "a"}, Message{Value: "b"}, Message{Value: "c"})
		require.NoError(t, err)
		for i, md := range mds {
			require.Equal(t, mds[0].Partition, md.Partition, "a batch sticks to a partition")
			require.Equal(t, mds[0].Offset+int64(i), md.Offset)
		}
		seen[mds[0].Partition]++
	}
	require.Equal(t, map[int]int{0: 2, 1: 2, 2: 2}, seen)
}

func TestWhatAMessageSays(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(2))
	p := c.Producer("t")
	at := time.UnixMilli(1_234_567)
	md, err := p.SendTo(t.Context(), 1, Message{
		Topic: "t", Partition: 99, Offset: 99, Value: "v", Timestamp: at, Headers: map[string]string{"b": "2", "a": "1", "": "", "c": ""},
	})
	require.NoError(t, err)
	require.Equal(t, RecordMetadata{Topic: "t", Partition: 1, Timestamp: at, Durability: DurabilityFsync}, md)
	for m := range c.Consumer("t", "", WithUntilEnd()).Messages(t.Context()) {
		require.Equal(t, at, m.Timestamp)
		require.Equal(t, map[string]string{"b": "2", "a": "1", "": "", "c": ""}, m.Headers)
		require.Equal(t, []Header{{Key: "", Value: []byte{}}, {Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")},
			{Key: "c", Value: []byte{}}}, m.RawHeaders(), "in the order of their keys")
	}
	for name, err := range map[string]error{
		"another topic": p.Send(t.Context(), Message{Topic: "other", Value: "v"}),
		"before 1970":   p.Send(t.Context(), Message{Value: "v", Timestamp: time.UnixMilli(-5)}),
	} {
		require.ErrorIs(t, err, ErrInvalidArgument, name)
	}
	for _, partition := range []int{-1, 2, 1 << 30} {
		_, err := p.SendTo(t.Context(), partition, Message{Value: "v"})
		require.ErrorIs(t, err, ErrPartitionNotFound)
	}
	err = p.SendBatch(t.Context(), []Message{{Value: "v"}, {Value: make(chan int)}})
	require.ErrorIs(t, err, ErrSerialization)
	require.ErrorContains(t, err, "message 1")
	require.ErrorIs(t, p.Send(t.Context(), Message{Value: make([]byte, 1<<20)}), ErrMessageTooLarge)
	require.NoError(t, p.SendBatch(t.Context(), nil))
	mds, err := p.Produce(t.Context())
	require.NoError(t, err)
	require.Empty(t, mds)
	require.Equal(t, map[int][]string{1: {"v"}}, values(t, c, "t"), "nothing else was written")
}

func TestRawValuesAreSentAsTheyAre(t *testing.T) {
	c := open(t, WithInMemory(), WithCodec(Raw))
	p := c.Producer("t")
	for _, v := range []any{[]byte("bytes"), "text", []byte{}, []byte(nil), "", nil} {
		require.NoError(t, p.Send(t.Context(), Message{Value: v}))
	}
	var got []any
	for m := range c.Consumer("t", "", WithUntilEnd()).Messages(t.Context()) {
		got = append(got, m.Value)
	}
	require.Equal(t, []any{[]byte("bytes"), []byte("text"), []byte{}, []byte{}, []byte{}, nil}, got)
}

func TestTopicMadeAnewWithAnotherCodec(t *testing.T) {
	c := open(t, WithInMemory())
	p, a := c.Producer("t"), c.AsyncProducer("t")
	send := func() {
		require.NoError(t, p.Send(t.Context(), Message{Value: "v"}))
		_, err := a.Send(t.Context(), Message{Value: "v"}).Wait(t.Context())
		require.NoError(t, err)
	}
	send()
	remake := func() {
		require.NoError(t, c.Admin().DeleteTopic(t.Context(), "t"))
		require.NoError(t, c.Admin().CreateTopic(t.Context(), "t", TopicConfig{Codec: "json"}))
	}
	remake()
	_, err := a.Send(t.Context(), Message{Value: "v"}).Wait(t.Context())
	require.ErrorIs(t, err, ErrSerialization, "it is encoded already")
	send()
	for m := range c.Consumer("t", "", WithUntilEnd()).Messages(t.Context()) {
		require.Equal(t, `"v"`, string(m.Bytes()))
	}
	require.ErrorIs(t, a.Flush(t.Context()), ErrSerialization)

	require.NoError(t, c.Admin().DeleteTopic(t.Context(), "t"))
	require.NoError(t, p.Send(t.Context(), Message{Value: "v"}), "it is made by use, with the client's codec")
	require.Equal(t, map[int][]string{0: {"v"}}, values(t, c, "t"))
}

func TestTopicsThatMayNotBeMade(t *testing.T) {
	c := open(t, WithInMemory(), WithAutoCreateTopics(false))
	p := c.Producer("t")
	require.ErrorIs(t, p.Send(t.Context(), Message{Value: "v"}), ErrTopicNotFound)
	require.NoError(t, c.Admin().CreateTopic(t.Context(), "t", TopicConfig{}))
	require.NoError(t, p.Send(t.Context(), Message{Value: "v"}))
	require.NoError(t, c.Admin().DeleteTopic(t.Context(), "t"))
	require.ErrorIs(t, p.Send(t.Context(), Message{Value: "v"}), ErrTopicNotFound)
}

func TestSendsAfterClose(t *testing.T) {
	for name, acks := range map[string]Acks{"AcksAll": AcksAll, "AcksLeader": AcksLeader, "AcksNone": AcksNone} {
		t.Run(name, func(t *testing.T) {
			c, err := NewClient(t.Context(), WithInMemory())
			require.NoError(t, err)
			unused := c.Producer("t", WithAcks(acks))
			require.NoError(t, unused.Close())
			require.ErrorIs(t, unused.Send(t.Context(), Message{Value: "v"}), ErrClosed)

			p, other := c.Producer("t", WithAcks(acks)), c.Producer("t", WithAcks(acks))
			require.NoError(t, p.Send(t.Context(), Message{Value: "v"}))
			require.NoError(t, p.Close())
			require.NoError(t, p.Close())
			require.ErrorIs(t, p.Send(t.Context(), Message{Value: "v"}), ErrClosed)
			require.NoError(t, other.Send(t.Context(), Message{Value: "v"}), "another one goes on")
			require.NoError(t, other.Flush(t.Context()))
			require.Len(t, values(t, c, "t")[0], 2)

			require.NoError(t, c.Close())
			require.ErrorIs(t, other.Send(t.Context(), Message{Value: "v"}), ErrClosed)
			require.ErrorIs(t, c.Producer("t", WithAcks(acks)).Send(t.Context(), Message{Value: "v"}), ErrClosed)
			require.NoError(t, other.Close())
		})
	}
}

func TestConcurrentSends(t *testing.T) {
	for name, acks := range map[string]Acks{"AcksAll": AcksAll, "AcksLeader": AcksLeader, "AcksNone": AcksNone} {
		t.Run(name, func(t *testing.T) {
			c := open(t, WithInMemory(), WithDefaultPartitions(3))
			p := c.Producer("t", WithAcks(acks))
			const senders, each = 64, 20
			var done sync.WaitGroup
			errs := make([]error, senders)
			for i := range senders {
				done.Go(func() {
					for j := range each {
						key := fmt.Sprint(i)
						errs[i] = errors.Join(errs[i], p.Send(t.Context(), Message{Key: key, Value: fmt.Sprintf("%s:%03d", key, j)}))
					}
				})
			}
			done.Wait()
			require.NoError(t, errors.Join(errs...))
			require.NoError(t, p.Flush(t.Context()))
			last, n := map[string]string{}, 0
			for _, vs := range values(t, c, "t") {
				for _, v := range vs {
					sender, _, _ := strings.Cut(v, ":")
					require.Less(t, last[sender], v, "in the order of its sender")
					last[sender] = v
					n++
				}
			}
			require.Equal(t, senders*each, n)
		})
	}
}

func TestRetries(t *testing.T) {
	later := engine.Errorf(ErrDiskFull, "for a while")
	never := engine.Errorf(ErrReadOnly, "for ever")
	for _, test := range []struct {
		name    string
		opts    []Option
		popts   []ProducerOption
		fail    []error // of the attempts, before the first that works
		backoff []time.Duration
		err     error
	}{
		{name: "the client's default", fail: []error{later, later, later}, backoff: []time.Duration{100, 200, 400}},
		{name: "one too many", fail: []error{later, later, later, later}, backoff: []time.Duration{100, 200, 400}, err: ErrDiskFull},
		{name: "the client's", opts: []Option{WithRetries(1)}, fail: []error{later, later}, backoff: []time.Duration{100}, err: ErrDiskFull},
		{name: "none", opts: []Option{WithRetries(0)}, fail: []error{later}, err: ErrDiskFull},
		{name: "the producer's", popts: []ProducerOption{WithProducerRetries(2), WithRetryBackoff(7 * time.Millisecond)},
			fail: []error{later, later}, backoff: []time.Duration{7, 14}},
		{name: "not retriable", fail: []error{later, never}, backoff: []time.Duration{100}, err: ErrReadOnly},
	} {
		t.Run(test.name, func(t *testing.T) {
			tm := newTimers()
			c := open(t, append(test.opts, WithInMemory(), WithClock(tm))...)
			attempts := 0
			script(c, func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error) {
				if attempts++; attempts <= len(test.fail) {
					return 0, test.fail[attempts-1]
				}
				return do(rs)
			})
			outcome := make(chan error, 1)
			go func() { outcome <- c.Producer("t", test.popts...).Send(t.Context(), Message{Value: "v"}) }()
			for _, ms := range test.backoff {
				tm.await(ms * time.Millisecond)
				tm.Advance(ms * time.Millisecond)
			}
			require.ErrorIs(t, <-outcome, test.err)
			require.Equal(t, len(test.backoff)+1, attempts)
		})
	}
}

func TestRetryOfTheRest(t *testing.T) {
	tm := newTimers()
	c := open(t, WithInMemory(), WithDefaultPartitions(2), WithClock(tm))
	attempt := 0
	script(c, func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error) {
		if attempt++; attempt > 1 {
			return do(rs)
		}
		_, err := do(rs[:3]) // of the others nothing is written
		require.NoError(t, err)
		return 0, engine.Errorf(ErrDiskFull, "for a while")
	})
	p := c.Producer("t")
	var mds []RecordMetadata
	outcome := make(chan error, 1)
	go func() {
		var ms []Message
		for i := range 6 {
			ms = append(ms, Message{Key: "k", Value: fmt.Sprint(i)})
		}
		var err error
		mds, err = p.Produce(t.Context(), ms...)
		outcome <- err
	}()
	tm.await(100 * time.Millisecond)
	tm.Advance(100 * time.Millisecond)
	require.NoError(t, <-outcome)
	for i, md := range mds {
		require.EqualValues(t, i, md.Offset)
	}
	for _, vs := range values(t, c, "t") {
		require.Equal(t, []string{"0", "1", "2", "3", "4", "5"}, vs)
	}
}

func TestEndedContext(t *testing.T) {
	c := open(t, WithInMemory())
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	past, cancel := context.WithDeadline(t.Context(), time.UnixMilli(1))
	defer cancel()
	for name, send := range map[string]func(context.Context) error{
		"Send": func(ctx context.Context) error { return c.Producer("t").Send(ctx, Message{Value: "v"}) },
		"None": func(ctx context.Context) error {
			return c.Producer("t", WithAcks(AcksNone)).Send(ctx, Message{Value: "v"})
		},
		"Async": func(ctx context.Context) error { return result(c.AsyncProducer("t").Send(ctx, Message{Value: "v"})) },
	} {
		require.NoError(t, send(t.Context()), name)
		err := send(cancelled)
		require.ErrorIs(t, err, context.Canceled, name)
		require.False(t, IsRetriable(err), name)
		err = send(past)
		require.ErrorIs(t, err, ErrTimeout, name)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
	}
}

// result waits for the outcome of a delivery.
func result(d *Delivery) error {
	_, err := d.Wait(context.Background())
	return err
}

func TestAcksNoneReportsLater(t *testing.T) {
	c := open(t, WithInMemory())
	fail := engine.Errorf(ErrReadOnly, "first")
	script(c, func(rs []engine.Record, do func([]engine.Record) (Durability, error)) (Durability, error) {
		if err := fail; err != nil {
			return 0, err
		}
		return do(rs)
	})
	p := c.Producer("t", WithAcks(AcksNone))
	mds, err := p.Produce(t.Context(), Message{Value: "lost"})
	require.NoError(t, err)
	require.EqualValues(t, -1, mds[0].Offset)
	require.Equal(t, DurabilityNone, mds[0].Durability)
	require.ErrorIs(t, p.Flush(t.Context()), fail)
	require.NoError(t, p.Flush(t.Context()), "told once")
	require.NoError(t, p.Send(t.Context(), Message{Value: "lost"}))
	require.ErrorIs(t, p.Close(), fail)
	require.NoError(t, p.Close())
	require.Empty(t, values(t, c, "t"))
}

func TestTypedProducer(t *testing.T) {
	type order struct {
		ID string `json:"id"`
	}
	c := open(t, WithInMemory())
	p := NewTypedProducer[order](c, "t")
	require.NoError(t, p.Send(t.Context(), order{"1"}))
	require.NoError(t, p.SendKey(t.Context(), "k", order{"2"}))
	require.NoError(t, p.SendBatch(t.Context(), []order{{"3"}, {"4"}}))
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Send(t.Context(), order{"5"}), ErrClosed)
	var got []string
	for m := range NewTypedConsumer[order](c, "t", "", WithUntilEnd()).Messages(t.Context()) {
		got = append(got, m.Key+m.Value.ID)
	}
	require.Equal(t, []string{"1", "k2", "3", "4"}, got)
}

func TestForward(t *testing.T) {
	c := open(t, WithInMemory())
	for name, send := range map[string]func(string, Message) error{
		"Send":  func(topic string, m Message) error { return c.Producer(topic).Send(t.Context(), m) },
		"Async": func(topic string, m Message) error { return result(c.AsyncProducer(topic).Send(t.Context(), m)) },
	} {
		t.Run(name, func(t *testing.T) {
			from, to := "from-"+name, "to-"+name
			sent := Message{Key: "k", Value: "v", Headers: map[string]string{"a": "1"}, Timestamp: time.UnixMilli(77)}
			require.NoError(t, send(from, sent))
			for m := range c.Consumer(from, "", WithUntilEnd()).Messages(t.Context()) {
				require.NoError(t, send(to, m.Forward()))
			}
			n := 0
			for m := range c.Consumer(to, "", WithUntilEnd()).Messages(t.Context()) {
				require.Equal(t, []any{"k", "v", sent.Headers, sent.Timestamp}, []any{m.Key, m.Value, m.Headers, m.Timestamp})
				n++
			}
			require.Equal(t, 1, n)
		})
	}
}
