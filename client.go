package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	_ "github.com/dot-do/kafka-embedded/internal/local" // file: and mem:
)

// Client opens producers and consumers on one engine. All methods may be called concurrently.
type Client struct {
	config Config
	engine engine.Engine

	mu         sync.Mutex
	open       map[interface{ close() error }]struct{} // producers and consumers
	producers  map[engine.ProducerConfig]engine.Producer
	publishers map[string]*Producer
	closed     bool

	transactors transactors
}

// Health says whether all is well: which partitions are damaged or refuse records, and what recovery did.
type Health = engine.Health

// Stats are figures since the engine was opened.
type Stats = engine.Stats

// NewClient opens the engine that the URL chooses; see [Config]. A directory that another process has open is
// [ErrLocked].
func NewClient(ctx context.Context, opts ...Option) (*Client, error) {
	var c Config
	for _, o := range opts {
		o(&c)
	}
	c = c.withDefaults()
	e, err := engine.Open(ctx, engine.Options{
		URL: c.URL, APIKey: c.APIKey, Timeout: c.Timeout, Logger: c.Logger, Clock: c.Clock,
		DefaultPartitions: c.DefaultPartitions, Codec: c.Codec.Name(), Quota: c.Quota, FlushInterval: c.FlushInterval,
	})
	if err != nil {
		return nil, err
	}
	return newClient(c, e), nil
}

func newClient(c Config, e engine.Engine) *Client {
	return &Client{
		config: c, engine: e, open: map[interface{ close() error }]struct{}{},
		producers: map[engine.ProducerConfig]engine.Producer{}, publishers: map[string]*Producer{},
	}
}

// Close closes all producers and consumers, waits for what is under way, makes everything durable and releases the
// engine. It is idempotent.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	open := c.open
	c.open = nil
	c.mu.Unlock()
	var errs []error
	for o := range open {
		errs = append(errs, o.close())
	}
	for _, p := range c.producers {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, c.engine.Close())...)
}

// Health says whether all is well.
func (c *Client) Health() Health { return c.engine.Health() }

// Stats are figures since the engine was opened.
func (c *Client) Stats() Stats { return c.engine.Stats() }

// Engine is what stores the client's records, for programs that work below values and codecs, as packages mirror and
// forward do. It is the client's own: it must not be closed, and ends with the client.
func (c *Client) Engine() engine.Engine { return c.engine }

// keep makes Close close o. It fails when the client is closed.
func (c *Client) keep(o interface{ close() error }) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClientClosed()
	}
	c.open[o] = struct{}{}
	return nil
}

func (c *Client) forget(o interface{ close() error }) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, o)
}

func errClientClosed() error { return engine.Errorf(ErrClosed, "the client is closed; open a new one") }
