// Package mock is a kafka client for tests: the embedded engine itself, on files in memory, with a clock that the test
// moves and faults that the test asks for. Values go through the codec and records through the log, as in production,
// so what a test sees is what a program gets.
//
// A client has no goroutine and no descriptor of its own, so it need not be closed: it is garbage when the test drops it.
// What the test itself leaves open, an async producer for instance, is the test's to close.
package mock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Client is a [kafka.Client] and what tests need besides. Pass its Client to functions that take one. All methods may be
// called concurrently.
type Client struct {
	*kafka.Client
	clock  *Clock
	direct *kafka.Client // on the same engine, past the faults
	faults *faults
}

// Clock is a clock that stands still until a test moves it.
type Clock = clock.Manual

// serial makes the URLs of clients differ.
var serial atomic.Int64

// NewClient returns a client without topics, whose clock shows the present. Topics are made by use, unless an option says
// otherwise; options that choose a place, a clock or a flush interval have no effect. A send that failed is not tried
// again, so that the test sees what it asked for with [Client.FailNext]; with [kafka.WithRetries] or
// [kafka.WithProducerRetries] it is. It panics when options are wrong.
//
// Whatever waits for time to pass waits for the test to move the clock: a linger, the backoff before a retry, a batch that
// is not full, a session's end. Retention and compaction do their work within [Clock.Advance], every ten seconds.
func NewClient(opts ...kafka.Option) *Client {
	c := &Client{clock: clock.NewManual(clock.Real.Now().Truncate(time.Millisecond)), faults: new(faults)}
	url := scheme + ":" + strconv.FormatInt(serial.Add(1), 10)
	pending.Store(url, &world{faults: c.faults})
	defer pending.Delete(url)
	opts = append([]kafka.Option{kafka.WithRetries(0)}, opts...)
	opts = append(opts, kafka.WithURL(url), kafka.WithClock(c.clock), kafka.WithFlushInterval(0))
	for _, client := range []**kafka.Client{&c.Client, &c.direct} {
		var err error
		if *client, err = kafka.NewClient(context.Background(), opts...); err != nil {
			panic(fmt.Sprintf("mock: opening a client: %v", err))
		}
	}
	return c
}

// Clock is the client's time. Advance fires what becomes due meanwhile and returns when it is done.
func (c *Client) Clock() *Clock { return c.clock }

// Seed writes messages to a topic, past all faults. What it does not take is a mistake in the test: it panics.
func (c *Client) Seed(topic string, messages []kafka.Message) {
	p := c.direct.Producer(topic)
	defer p.Close()
	if err := p.SendBatch(context.Background(), messages); err != nil {
		panic(fmt.Sprintf("mock: seeding topic %s: %v", topic, err))
	}
}

// GetMessages returns what is in a topic now, decoded, by partition and offset, past all faults; nothing of a topic that
// does not exist. Transactions that did not commit are left out. It panics when a message cannot be read.
func (c *Client) GetMessages(topic string) []kafka.Message {
	ctx := context.Background()
	info, err := c.direct.Admin().DescribeTopic(ctx, topic)
	if errors.Is(err, kafka.ErrTopicNotFound) {
		return nil
	}
	var messages []kafka.Message
	if err == nil {
		messages, err = c.read(ctx, info)
	}
	if err != nil {
		panic(fmt.Sprintf("mock: reading topic %s: %v", topic, err))
	}
	return messages
}

func (c *Client) read(ctx context.Context, info kafka.TopicInfo) (all []kafka.Message, err error) {
	byPartition := make([][]kafka.Message, len(info.Details))
	k := c.direct.Consumer(info.Name, "", kafka.WithUntilEnd())
	for m := range k.Messages(ctx) {
		if m.Partition < len(byPartition) { // others were added since
			byPartition[m.Partition] = append(byPartition[m.Partition], *m)
		}
	}
	for _, messages := range byPartition {
		all = append(all, messages...)
	}
	return all, errors.Join(k.Err(), k.Close())
}

// FailNext makes the next call of a verb fail with err, before it does anything. Calls add up: the next call takes the
// oldest fault. A [kafka.Code] becomes a [kafka.Error] with that code, as the client's own errors are. It panics when
// there is no such verb, or err is nil.
//
// A producer that is new looks its topic up first, as does a consumer; that is [DescribeTopic].
func (c *Client) FailNext(verb Verb, err error) { c.faults.add(verb, err) }

// Close closes the client. It is idempotent, and not needed.
func (c *Client) Close() error { return errors.Join(c.Client.Close(), c.direct.Close()) }
