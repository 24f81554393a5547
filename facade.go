package kafka

import (
	"context"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// The default client, for programs that need only one.
var (
	defaultMu     sync.Mutex
	defaultClient *Client
)

// SetDefault makes c the default client, which the functions of the package use, and returns the one before, or nil. It
// closes neither. SetDefault(nil) lets the next use open one from the environment.
func SetDefault(c *Client) *Client {
	defaultMu.Lock()
	defer defaultMu.Unlock()
	before := defaultClient
	defaultClient = c
	return before
}

// Default is the default client. Unless SetDefault has set one, the first call opens it as NewClient without options
// does, as the environment says; the program closes it at its end with Default().Close(). If it cannot be opened the
// client that is returned fails every call with the error, and the next call of Default tries again.
func Default() *Client {
	defaultMu.Lock()
	defer defaultMu.Unlock()
	if defaultClient != nil {
		return defaultClient
	}
	c, err := NewClient(context.Background())
	if err != nil {
		return newClient(Config{}.withDefaults(), engine.Failed(err))
	}
	defaultClient = c
	return c
}

// NewProducer is [Client.Producer] of the default client.
func NewProducer(topic string, opts ...ProducerOption) *Producer {
	return Default().Producer(topic, opts...)
}

// NewAsyncProducer is [Client.AsyncProducer] of the default client.
func NewAsyncProducer(topic string, opts ...ProducerOption) *AsyncProducer {
	return Default().AsyncProducer(topic, opts...)
}

// NewConsumer is [Client.Consumer] of the default client.
func NewConsumer(topic, group string, opts ...ConsumerOption) *Consumer {
	return Default().Consumer(topic, group, opts...)
}

// NewAdmin is [Client.Admin] of the default client.
func NewAdmin() *Admin { return Default().Admin() }

// Publish is [Client.Publish] of the default client.
func Publish(ctx context.Context, ev Event) error { return Default().Publish(ctx, ev) }
