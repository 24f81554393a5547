package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// defaultBatchBytes bounds the records of one batch.
const defaultBatchBytes = 1 << 20

// producer sends records. It gathers nothing: what a call brings is sent at once.
type producer struct {
	e      *cluster
	config engine.ProducerConfig
	closed atomic.Bool
	sticky atomic.Uint32 // partition of the next batch without keys
	plain  *kgo.Client   // for what is not part of a transaction; nil for a transactional producer
	used   usage         // of plain

	mu sync.Mutex
	tx *transactor // made when it is first needed
}

// OpenProducer opens a producer. A transactional one takes over from an earlier holder of its name at once.
func (e *cluster) OpenProducer(ctx context.Context, c engine.ProducerConfig) (opened engine.Producer, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		if err := checkProducer(c); err != nil {
			return err
		}
		p := &producer{e: e, config: c}
		if c.TransactionalID == "" {
			if p.plain, err = e.dial(p.options()...); err != nil {
				return err
			}
		} else if _, err = p.transactor(ctx); err != nil {
			return err
		}
		if err := e.keep(p); err != nil {
			return errors.Join(err, p.shut(ctx))
		}
		opened = p
		return nil
	})
	return opened, err
}

func checkProducer(c engine.ProducerConfig) error {
	switch {
	case c.ID != "":
		return errUnsupported("numbering the records of a producer (WithIdempotence, SendFrom, Progress)")
	case c.Acks < engine.AcksAll || c.Acks > engine.AcksNone:
		return engine.Errorf(engine.ErrInvalidArgument, "acks %d: there are all, leader and none", c.Acks)
	case c.CompressionSet && (c.Compression < record.None || c.Compression > record.Zstd):
		return engine.Errorf(engine.ErrInvalidArgument, "compression %d: there are none, gzip, snappy, lz4 and zstd", c.Compression)
	case c.TransactionalID != "":
		return engine.ValidateName("transactional id", c.TransactionalID)
	}
	return nil
}

// compressions are Kafka's codecs in the order of ours.
var compressions = [...]kgo.CompressionCodec{
	record.None: kgo.NoCompression(), record.Gzip: kgo.GzipCompression(), record.Snappy: kgo.SnappyCompression(),
	record.LZ4: kgo.Lz4Compression(), record.Zstd: kgo.ZstdCompression(),
}

// options are those of the producer's clients. Without a codec of its own it sends what the brokers then compress as the
// topic says. With AcksNone nobody waits for the leader's answer but Flush, which could not tell otherwise.
func (p *producer) options() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(compressions[p.config.Compression]),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return int32(max(p.batchBytes(topic), 512)) }),
		kgo.BrokerMaxWriteBytes(1 << 30),
	}
	if p.config.Acks == engine.AcksAll {
		return append(opts, kgo.RequiredAcks(kgo.AllISRAcks()))
	}
	return append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
}

// batchBytes bounds the batches for a topic.
func (p *producer) batchBytes(topic string) int {
	limit := defaultBatchBytes
	if p.config.BatchBytes > 0 {
		limit = p.config.BatchBytes
	}
	return min(limit, p.e.topics.largest(topic))
}

// Produce implements engine.Producer. A call that ends before the brokers have answered leaves it open whether its
// records are written.
func (p *producer) Produce(ctx context.Context, topic string, rs []engine.Record) (d engine.Durability, err error) {
	for i := range rs {
		rs[i].Offset = -1
	}
	err = p.e.call(ctx, func(ctx context.Context) error {
		if p.closed.Load() {
			return errProducerClosed()
		}
		s, err := p.place(ctx, topic, rs)
		if err != nil {
			return err
		}
		if tx := p.current(); tx != nil {
			return tx.add(ctx, s, p.encode(s, rs))
		}
		if p.plain == nil {
			return errNoTransaction()
		}
		d = engine.DurabilityOS
		err = p.deliver(ctx, s, rs)
		if now, anew := p.madeAnew(ctx, s, err); anew {
			err = p.deliver(ctx, now, rs)
		}
		return err
	})
	return d, atTopic(err, topic)
}

// madeAnew reports whether records could not be sent because their topic was made anew, and its shape now: nothing of them
// is written then.
func (p *producer) madeAnew(ctx context.Context, s shape, err error) (now shape, anew bool) {
	if !errors.Is(explain(err), engine.ErrTopicNotFound) {
		return s, false
	}
	p.e.topics.forget(s.name)
	now, err = p.e.topics.shape(ctx, s.name, true)
	return now, err == nil && now.identity != s.identity && now.partitions >= s.partitions
}

// deliver sends records and waits for what becomes of them.
func (p *producer) deliver(ctx context.Context, s shape, rs []engine.Record) error {
	if len(rs) == 0 {
		return nil
	}
	if err := p.used.catchUp(ctx, p.plain, s); err != nil {
		return err
	}
	sent := p.encode(s, rs)
	b := &bundle{sent: sent, errs: make([]error, len(sent)), known: make([]bool, len(sent)), done: make(chan struct{})}
	b.left = len(sent)
	for i := range sent {
		p.plain.Produce(ctx, &sent[i], func(_ *kgo.Record, err error) { b.resolve(i, err) })
	}
	select {
	case <-b.done:
	case <-ctx.Done():
	}
	written, err := b.collect(ctx, rs)
	p.e.counters.recordsIn.Add(written)
	return err
}

// bundle is the records of one call on their way.
type bundle struct {
	mu    sync.Mutex
	sent  []kgo.Record
	errs  []error
	known []bool // what became of each
	left  int
	done  chan struct{} // closed when all are known
}

func (b *bundle) resolve(i int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errs[i], b.known[i] = err, true
	if b.left--; b.left == 0 {
		close(b.done)
	}
}

// collect tells what is known: it fills in the offsets of records that are written, and returns how many those are and the
// first error. When there are others of which nothing is known that goes first, since they must not be sent again blindly.
func (b *bundle) collect(ctx context.Context, rs []engine.Record) (written int64, first error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.sent {
		switch {
		case b.known[i] && b.errs[i] == nil:
			rs[i].Offset = b.sent[i].Offset
			written++
		case first == nil:
			first = b.errs[i]
		}
	}
	if b.left > 0 {
		return written, errUnknown(ctx.Err())
	}
	return written, first
}

// errUnknown says that records were on their way when a context ended.
func errUnknown(cause error) error {
	if errors.Is(cause, context.Canceled) {
		return fmt.Errorf("whether the records are written is not known: %w", cause)
	}
	e := engine.Errorf(engine.ErrTimeout, "the brokers have not answered; whether the records are written is not known: %w", cause)
	e.Retriable = false
	return e
}

// Flush implements engine.Producer. Outside of a transaction there is nothing to wait for: what a call brings is
// acknowledged when it returns.
func (p *producer) Flush(ctx context.Context) error {
	return p.e.call(ctx, func(ctx context.Context) error {
		if tx := p.current(); tx != nil {
			return tx.flush(ctx)
		}
		return nil
	})
}

// Progress implements engine.Producer.
func (p *producer) Progress(context.Context, string) (map[int32]int64, error) {
	return nil, errUnsupported("the progress of a producer")
}

// Close implements engine.Producer: it waits for records on their way, and aborts the transaction that is open.
func (p *producer) Close() error {
	p.e.forget(p)
	return p.shut(context.Background())
}

func (p *producer) shut(ctx context.Context) error {
	if p.closed.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.e.opts.Timeout)
	defer cancel()
	var err error
	if p.plain != nil {
		err = p.plain.Flush(ctx)
		p.plain.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tx != nil {
		p.tx.close(ctx)
	}
	return explain(err)
}

func errProducerClosed() error {
	return engine.Errorf(engine.ErrClosed, "the producer is closed; open a new one")
}
