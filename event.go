package kafka

import "context"

// Event is something that happened, which knows where it belongs. It may also have these methods:
//
//	Key() string   // its key; otherwise it has none
//	Payload() any  // what is sent as the value; otherwise it is the event itself
type Event interface {
	Topic() string
}

// Publish sends an event to its topic, and returns when it is as durable as AcksAll makes it.
func (c *Client) Publish(ctx context.Context, ev Event) error {
	m := Message{Value: ev}
	if e, ok := ev.(interface{ Key() string }); ok {
		m.Key = e.Key()
	}
	if e, ok := ev.(interface{ Payload() any }); ok {
		m.Value = e.Payload()
	}
	return c.publisher(ev.Topic()).Send(ctx, m)
}

// mostPublishers bounds the producers that Publish keeps, should topics come without end.
const mostPublishers = 1000

// publisher is the producer of Publish for a topic.
func (c *Client) publisher(topic string) *Producer {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.publishers[topic]
	if p == nil {
		p = c.Producer(topic)
		if len(c.publishers) >= mostPublishers {
			clear(c.publishers)
		}
		c.publishers[topic] = p
	}
	return p
}
