package forward

import (
	"context"
	"errors"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry"
	"github.com/dot-do/kafka-embedded/record"
)

// mostTx bounds the bytes of a transaction.
const mostTx = 4 << 20

// session connects, and forwards until something fails or ctx ends.
func (f *Forwarder) session(ctx context.Context) (err error) {
	f.setState(Connecting)
	client, err := kafka.NewClient(ctx, append([]kafka.Option{kafka.WithURL(f.target)}, f.targetOptions...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	c, err := carry.Open(ctx, carry.Config{
		Source: f.local, Target: client.Engine(), Topics: f.topics, Ledger: f.ledger, Create: topicConfig,
		Resume: f.resume, Begin: f.begin(), CountDeleted: true, TxBytes: f.txBytes(), Keep: f.keep(), Clock: f.clock,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	f.resume = ""
	f.connected(c)
	for {
		if err := f.step(ctx, c); err != nil {
			return f.fenced(c, err)
		}
	}
}

// begin is where the partitions begin that the target knows nothing of.
func (f *Forwarder) begin() map[engine.TopicPartition]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	begin := map[engine.TopicPartition]int64{}
	for tp, m := range f.marks {
		begin[tp] = m.next
	}
	return begin
}

// fenced makes the next session find out who has fenced this one: another Forwarder, or a cluster after a time without
// connection.
func (f *Forwarder) fenced(c *carry.Carrier, err error) error {
	if !errors.Is(err, kafka.ErrFenced) {
		return err
	}
	f.resume = c.Claim()
	return engine.Errorf(kafka.ErrDisconnected, "the target has ended the transaction: %w", err)
}

// step forwards one transaction, if there is something to forward within a tick.
func (f *Forwarder) step(ctx context.Context, c *carry.Carrier) error {
	size, err := c.Gather(ctx, tick)
	if err != nil {
		return err
	}
	f.tend(ctx)
	if size == 0 {
		f.worked(c, carry.Sent{})
		return nil
	}
	if err := f.rest(ctx, f.bucket.take(f.clock.Now(), size)); err != nil {
		return err
	}
	sent, err := c.Send(ctx)
	if err != nil {
		return err
	}
	f.worked(c, sent)
	return nil
}

// topicConfig is the configuration of a topic that the target does not have. How long records are kept, and in which
// files, is another matter there than on the device.
func topicConfig(local engine.TopicConfig) engine.TopicConfig {
	return engine.TopicConfig{
		Codec: local.Codec, CleanupPolicy: local.CleanupPolicy, MaxMessageBytes: local.MaxMessageBytes, Compression: local.Compression,
	}
}

// txBytes keeps a transaction within a second's worth of the bandwidth.
func (f *Forwarder) txBytes() int {
	if f.rate > 0 {
		return int(min(f.rate, mostTx))
	}
	return mostTx
}

// keep says which records are young enough.
func (f *Forwarder) keep() func(*record.Record) bool {
	if f.maxAge == 0 {
		return nil
	}
	return func(r *record.Record) bool {
		return r.Timestamp < 0 || r.Timestamp >= f.clock.Now().Add(-f.maxAge).UnixMilli()
	}
}
