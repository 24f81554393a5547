package kafka

import (
	"context"
	"time"
)

// Worker processes the messages of a topic as a member of a group until it is told to stop: a queue worker.
type Worker struct {
	client       *Client
	topic, group string
	handler      func(context.Context, *Message) error
	opts         []ConsumerOption
}

// NewWorker makes a worker. Handlers are called one at a time, or as WithWorkers says, with the guarantees of
// [Consumer.Parallel]; one that fails is tried 3 times, or as WithDeadLetter or WithAttempts say.
func NewWorker(c *Client, topic, group string, handler func(context.Context, *Message) error, opts ...ConsumerOption) *Worker {
	defaults := []ConsumerOption{WithAttempts(3), WithDrain(30 * time.Second)}
	return &Worker{client: c, topic: topic, group: group, handler: handler, opts: append(defaults, opts...)}
}

// WithWorkers sets how many messages a [Worker] processes at the same time, those of one key excepted; default 1.
func WithWorkers(n int) ParallelOption {
	return parallelOption(func(c *parallelConfig) { c.workers = n })
}

// Run processes messages until ctx ends, which is no error. It then takes no further message, gives handlers that run the
// time of WithDrain, commits and leaves the group. Run may be called again, and concurrently for several members.
func (w *Worker) Run(ctx context.Context) error {
	k := w.client.Consumer(w.topic, w.group, w.opts...)
	err := k.Parallel(ctx, k.reader.config.parallel.workers, w.handler)
	if closed := k.Close(); err == nil {
		err = closed
	}
	return err
}
