package kafka

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// ParallelOption changes how [Consumer.Parallel] works. Given to a consumer it is the default of its Parallel calls.
type ParallelOption interface {
	ConsumerOption
	applyParallel(*parallelConfig)
}

type parallelConfig struct {
	workers     int // of a Worker
	maxInFlight int
	drain       time.Duration
	retry       retryConfig
}

type parallelOption func(*parallelConfig)

func (o parallelOption) applyParallel(c *parallelConfig) { o(c) }
func (o parallelOption) applyConsumer(c *consumerConfig) { o(&c.parallel) }

// WithMaxInFlight bounds the messages that are with the workers, or done but behind one that is not, so that they cannot be
// committed yet; default 1,000.
func WithMaxInFlight(n int) ParallelOption {
	return parallelOption(func(c *parallelConfig) { c.maxInFlight = n })
}

// WithDrain lets the contexts of handlers that run go on for up to d after that of the call has ended. The default is 0,
// their contexts end with it, and 30 s for a [Worker].
func WithDrain(d time.Duration) ParallelOption {
	return parallelOption(func(c *parallelConfig) { c.drain = d })
}

// Parallel calls fn for messages on several goroutines, until ctx ends, which is no error, WithUntilEnd is satisfied, the
// consumer is closed, or something fails.
//
// Messages of one key are processed one after the other, in their order; those without a key by whichever worker is
// free. What is committed is, per partition, the longest run of processed messages without a gap: after a crash none is
// lost, and some come again. Before partitions are given up to another member, what is being processed is waited for and
// committed. The message's own Commit should be left alone, for it commits all before it too.
//
// An error of fn is tried again as WithAttempts and WithBackoff say, then goes to the dead letters when there are any, and
// otherwise ends the call, which returns it. An error after ctx has ended counts as not processed. At the end handlers
// that run are waited for; messages that were not processed come again with the next loop. A panic of fn comes out of
// Parallel, after all that. Fn must not call Close.
func (c *Consumer) Parallel(ctx context.Context, workers int, fn func(context.Context, *Message) error, opts ...ParallelOption) error {
	config := c.reader.config.parallel
	for _, o := range opts {
		o.applyParallel(&config)
	}
	if workers < 1 || config.maxInFlight < 1 {
		return engine.Errorf(ErrInvalidArgument, "Parallel needs a worker and WithMaxInFlight of at least 1")
	}
	p := newParallel(ctx, c, workers, config, fn)
	err := p.run(ctx, c)
	if p.panicked != nil {
		panic(p.panicked)
	}
	c.reader.setErr(err)
	return err
}

// parallel is one call of Parallel: a dispatcher, which is the loop; workers; and a committer.
type parallel struct {
	reader *reader
	config parallelConfig
	fn     func(context.Context, *Message) error

	loop     context.Context // of the dispatcher
	stop     context.CancelFunc
	handlers context.Context
	cancel   context.CancelFunc

	seed      maphash.Seed
	queues    []chan *task // one per worker, for messages with a key
	shared    chan *task   // for those without
	workers   sync.WaitGroup
	committer sync.WaitGroup
	flights   flights

	mu       sync.Mutex
	failed   error
	panicked any
}

func newParallel(ctx context.Context, c *Consumer, workers int, config parallelConfig, fn func(context.Context, *Message) error) *parallel {
	p := &parallel{
		reader: c.reader, config: config, fn: fn, seed: maphash.MakeSeed(), queues: make([]chan *task, workers), shared: make(chan *task),
	}
	p.loop, p.stop = context.WithCancel(ctx)
	p.handlers, p.cancel = p.handlerContext(ctx)
	for i := range p.queues {
		p.queues[i] = make(chan *task, 16)
	}
	p.flights.init(c.reader, config.maxInFlight)
	return p
}

// handlerContext goes on for a while after ctx, when that is wanted.
func (p *parallel) handlerContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.config.drain <= 0 {
		return context.WithCancel(ctx)
	}
	handlers, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := p.reader.client.config.Clock.AfterFunc(p.config.drain, cancel)
		context.AfterFunc(handlers, func() { timer.Stop() })
	})
	return handlers, func() { stop(); cancel() }
}

// run is the loop, which dispatches.
func (p *parallel) run(ctx context.Context, c *Consumer) error {
	defer p.cancel()
	defer p.stop()
	var last error
	l := &loop{manual: true, skipped: p.flights.skip, start: p.start, finish: func() { last = p.finish(context.WithoutCancel(ctx)) }}
	err := c.each(p.loop, l, p.dispatch)
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.failed, err, last)
}

func (p *parallel) start() {
	for _, queue := range p.queues {
		p.workers.Go(func() { p.work(queue) })
	}
	p.committer.Go(func() {
		for range p.flights.wake {
			if err := p.flights.commit(context.Background()); err != nil {
				p.fail(err)
			}
		}
	})
	p.reader.setReleaser(&p.flights)
}

// finish waits for the handlers that run, commits, and gives back what was not processed.
func (p *parallel) finish(ctx context.Context) error {
	for _, queue := range p.queues {
		close(queue)
	}
	close(p.shared)
	p.workers.Wait()
	close(p.flights.wake)
	p.committer.Wait()
	err := p.flights.commit(ctx)
	p.reader.setReleaser(nil)
	for _, m := range p.flights.unprocessed() {
		err = errors.Join(err, p.reader.giveBack(ctx, m))
	}
	return err
}

// dispatch hands a message to a worker. It reports false when the loop must end.
func (p *parallel) dispatch(m *Message) bool {
	t := p.flights.add(p.loop, m)
	if t == nil {
		return p.loop.Err() == nil
	}
	queue := p.shared
	if len(m.record.Key) > 0 {
		// Not by murmur2: that has picked the partition, whose keys would then share few workers.
		queue = p.queues[maphash.Bytes(p.seed, m.record.Key)%uint64(len(p.queues))]
	}
	select {
	case queue <- t:
		return true
	case <-p.loop.Done():
		p.flights.settle(t, false)
		return false
	}
}

// work is one worker.
func (p *parallel) work(own <-chan *task) {
	shared := p.shared
	var t *task
	defer func() { // only a handler that ends its goroutine comes here before the queues are empty
		if t != nil {
			p.flights.settle(t, false)
			p.fail(errHandlerExit)
		}
		p.refuse(own)
	}()
	for {
		var open bool
		select {
		case t, open = <-own:
			if !open {
				own = nil
			}
		case t, open = <-shared:
			if !open {
				shared = nil
			}
		}
		if own == nil && shared == nil {
			return
		}
		if open {
			p.flights.settle(t, p.process(t))
			t = nil
		}
	}
}

var errHandlerExit = errors.New("kafka: a handler has ended its goroutine")

// refuse empties a queue without processing.
func (p *parallel) refuse(own <-chan *task) {
	if own == nil {
		return
	}
	for t := range own {
		p.flights.settle(t, false)
	}
}

// process calls the handler, unless the end is near. It reports whether the message is done with.
func (p *parallel) process(t *task) (done bool) {
	if p.handlers.Err() != nil || !p.flights.begin(t, p.loop.Err() != nil) {
		return false
	}
	defer func() {
		if v := recover(); v != nil {
			p.mu.Lock()
			if p.panicked == nil {
				p.panicked = v
			}
			p.mu.Unlock()
			p.stop()
		}
	}()
	err := p.reader.handle(p.handlers, t.message, &p.config.retry, p.fn)
	if err != nil && p.handlers.Err() == nil {
		p.fail(err)
	}
	return err == nil
}

// fail ends the call with an error.
func (p *parallel) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
	p.stop()
}
