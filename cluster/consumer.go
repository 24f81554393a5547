package cluster

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
)

// defaultMaxPollInterval is after what time without a poll a member is taken for stuck; defaultFetchWait is how long a
// broker waits for the bytes that a fetch asks for.
const (
	defaultMaxPollInterval = 5 * time.Minute
	defaultFetchWait       = 500 * time.Millisecond
)

// consumer reads partitions for one member of a group, or by itself. The client of the cluster fetches ahead, and is a
// member of the group, on goroutines of its own. These are the rules between them and the consumer:
//
//  1. What the consumer reads, and from where, is in places, which change under mu.
//  2. Whoever changes a place, or makes the client read elsewhere, holds fetching, so that no Poll has records in its
//     hands that were fetched before. A Poll that waits for records while holding it makes way; see interrupt.
//  3. The client tells before it gives partitions up, and waits: the callback is run by the Poll, or by Close.
type consumer struct {
	e      *cluster
	config engine.ConsumerConfig

	poll       sync.Mutex // held by the one Poll at a time, and by Close
	fetching   sync.Mutex
	background sync.WaitGroup
	finish     sync.Once
	result     error // of Close

	mu      sync.Mutex
	cl      *kgo.Client // of the member, or of the standalone reader; nil before the first Poll
	member  *member     // nil without a group, and while it is not in it
	places  map[engine.TopicPartition]*place
	paused  map[engine.TopicPartition]bool
	stop    context.CancelFunc // ends the wait of the Poll
	waiting int                // others that want fetching
	due     []handover         // what the Poll has to tell
	idle    clock.Timer        // takes the member out of its group when nobody polls
	ended   bool               // the last Poll returned io.EOF
	heard   time.Time          // when there were records last, or it was looked whether there are
	failure error              // for the next Poll
	fenced  error              // why it may not join its group again
	closed  bool

	looking *look     // of a standalone reader
	looked  time.Time // when it last looked for partitions; of a member, when it last joined anew

	gone    map[string]bool // topics of a member that were deleted
	missing map[string]bool // topics that are gone, which was told; of the one look at a time
}

// place is where a partition is read.
type place struct {
	topic     [16]byte // id; zero for a member of a group
	position  int64    // next to hand out
	until     int64    // nothing is handed out from here on, with UntilEnd
	end       int64    // of the partition, as of the last fetch; -1 before that
	committed int64    // of the group; -1 when there is none
	held      []record.Record
	full      bool // up to until: it is paused
}

// Poll implements engine.Consumer.
func (c *consumer) Poll(ctx context.Context, maxRecords int) ([]engine.Fetch, error) {
	if maxRecords <= 0 {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "a poll for %d records", maxRecords)
	}
	if err := ctx.Err(); err != nil {
		return nil, ctxError(err)
	}
	c.poll.Lock()
	defer c.poll.Unlock()
	c.awake(true)
	defer c.awake(false)
	for {
		if err := c.prepare(ctx); err != nil {
			return nil, err
		}
		if over, err := c.over(ctx); over || err != nil {
			if over {
				err = io.EOF
			}
			return nil, err
		}
		fetches, err := c.take(ctx, maxRecords)
		if len(fetches) > 0 {
			c.fail(err)
			return fetches, nil
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, ctxError(err)
		}
	}
}

// prepare does what is due before records can be taken.
func (c *consumer) prepare(ctx context.Context) error {
	c.mu.Lock()
	closed, failure, fenced := c.closed, c.failure, c.fenced
	c.failure = nil
	c.mu.Unlock()
	switch {
	case closed:
		return errConsumerClosed()
	case failure != nil:
		return failure
	case fenced != nil:
		return fenced
	}
	var err error
	if c.config.Group == "" {
		err = c.look(ctx)
	} else {
		c.rejoin(ctx)
		err = c.join()
	}
	if err != nil {
		return err
	}
	c.serve(ctx)
	if err := c.renew(ctx); err != nil {
		return err
	}
	return c.passGaps(ctx)
}

// fail keeps an error for the next Poll.
func (c *consumer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

// Close leaves the group, after what was processed could be committed, and ends a Poll that is under way. It is
// idempotent: every call returns what the first one did.
func (c *consumer) Close(ctx context.Context) error {
	c.e.forget(c)
	return c.shut(ctx)
}

func (c *consumer) shut(ctx context.Context) error {
	c.finish.Do(func() { c.leave(ctx) })
	return c.result
}

func (c *consumer) leave(ctx context.Context) {
	c.mu.Lock()
	c.closed = true
	m, tps := c.member, c.assigned()
	c.halt()
	c.mu.Unlock()
	if m != nil && len(tps) > 0 && c.config.OnRevoked != nil {
		c.config.OnRevoked(ctx, tps)
	}
	c.poll.Lock()
	defer c.poll.Unlock()
	c.mu.Lock()
	cl := c.cl
	c.cl, c.member, c.places = nil, nil, nil
	if c.idle != nil {
		c.idle.Stop()
	}
	c.mu.Unlock()
	if m != nil {
		m.close(ctx)
	} else if cl != nil {
		cl.Close()
	}
	c.background.Wait()
}

// assigned are the partitions that are read, sorted. The caller holds mu.
func (c *consumer) assigned() []engine.TopicPartition {
	tps := make([]engine.TopicPartition, 0, len(c.places))
	for tp := range c.places {
		tps = append(tps, tp)
	}
	slices.SortFunc(tps, comparePartitions)
	return tps
}

func errConsumerClosed() error {
	return engine.Errorf(engine.ErrClosed, "the consumer is closed; open a new one")
}
