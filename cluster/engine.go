package cluster

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

// defaultTimeout bounds calls when nothing is said.
const defaultTimeout = 30 * time.Second

// cluster keeps records on a Kafka cluster. Each producer and each consumer has connections of its own.
type cluster struct {
	opts       engine.Options
	connection []kgo.Opt
	admin      *kgo.Client // what every verb but producing and consuming uses
	adm        *kadm.Client
	topics     topics
	counters   counters

	closing context.Context // ends when Close begins
	end     context.CancelFunc
	calls   sync.WaitGroup
	finish  sync.Once
	result  error // of Close

	mu     sync.Mutex
	closed bool
	open   map[closer]struct{} // producers and consumers
}

// closer is a producer or a consumer, as the engine sees it.
type closer interface {
	shut(ctx context.Context) error
}

// counters are what [engine.Stats] tells of this engine.
type counters struct{ recordsIn, bytesIn, recordsOut, bytesOut atomic.Int64 }

// OnProduceBatchWritten implements kgo.HookProduceBatchWritten.
func (c *counters) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.ProduceBatchMetrics) {
	c.bytesIn.Add(int64(m.CompressedBytes))
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead.
func (c *counters) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	c.bytesOut.Add(int64(m.CompressedBytes))
}

func newEngine(a *address, o engine.Options) (*cluster, error) {
	if o.Quota > 0 {
		return nil, errUnsupported("a bound on the bytes of all logs (WithQuota)")
	}
	if o.FlushInterval > 0 {
		return nil, errUnsupported("a background fsync (WithFlushInterval)")
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	e := &cluster{opts: o, open: map[closer]struct{}{}}
	e.closing, e.end = context.WithCancel(context.Background())
	connection, err := a.connection(o, e.closing)
	if err != nil {
		return nil, err
	}
	e.connection = append(connection, kgo.WithHooks(&e.counters))
	if e.admin, err = e.dial(kgo.MaxVersions(adminVersions())); err != nil {
		return nil, err
	}
	e.adm = kadm.NewClient(e.admin)
	e.adm.SetTimeoutMillis(milliseconds(o.Timeout))
	e.topics.engine = e
	return e, nil
}

// milliseconds is a timeout as requests carry it.
func milliseconds(d time.Duration) int32 { return int32(min(d.Milliseconds(), math.MaxInt32)) }

// dial makes a client of the cluster, with options beside the common ones. It does not connect yet.
func (e *cluster) dial(more ...kgo.Opt) (*kgo.Client, error) {
	cl, err := kgo.NewClient(e.with(more)...)
	if err != nil {
		return nil, errSetting(err)
	}
	return cl, nil
}

// with is the common options and more.
func (e *cluster) with(more []kgo.Opt) []kgo.Opt {
	return append(e.connection[:len(e.connection):len(e.connection)], more...)
}

func errSetting(err error) error {
	return engine.Errorf(engine.ErrInvalidArgument, "a setting does not do on a cluster: %w", err)
}

// call runs a verb, which ends with the caller's context, the engine's timeout, or Close.
func (e *cluster) call(ctx context.Context, verb func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return ctxError(err)
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.calls.Done()
	bounded, cancel := e.bound(ctx)
	defer cancel()
	return e.outcome(ctx, verb(bounded))
}

// enter begins a call; calls.Done ends it.
func (e *cluster) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed()
	}
	e.calls.Add(1)
	return nil
}

// bound is ctx with the end of the engine's timeout, and of the engine.
func (e *cluster) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	stop := context.AfterFunc(e.closing, cancel)
	return ctx, func() { stop(); cancel() }
}

// outcome is what a call with the caller's context ctx returns: an end of that context, or of the engine, explains all.
func (e *cluster) outcome(ctx context.Context, err error) error {
	var known *engine.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return ctxError(ctx.Err())
	case e.closing.Err() != nil:
		return errClosed()
	}
	return explain(err)
}

// keep makes Close shut o.
func (e *cluster) keep(o closer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed()
	}
	e.open[o] = struct{}{}
	return nil
}

func (e *cluster) forget(o closer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, o)
}

// Close shuts consumers and producers, which waits for records that are on their way, and ends other calls. It is
// idempotent.
func (e *cluster) Close() error {
	e.finish.Do(func() { e.result = e.close() })
	return e.result
}

func (e *cluster) close() error {
	e.mu.Lock()
	e.closed = true
	open := e.open
	e.open = map[closer]struct{}{}
	e.mu.Unlock()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for o := range open {
		wg.Go(func() {
			err := o.shut(context.Background())
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	e.end()
	e.calls.Wait()
	e.admin.Close()
	return errors.Join(errs...)
}
