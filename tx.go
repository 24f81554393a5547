package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/codec"
	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// Tx is a transaction under way. Its methods may be called concurrently, until the function it was given to returns: after
// that they are ErrClosed. An error of Send that is about the message alone leaves the transaction as it was; after any
// other, and any of CommitOffsets, it can only be aborted, and committing fails.
type Tx struct {
	client   *Client
	topic    string // of Send
	ctx      context.Context
	producer engine.Producer

	mu       sync.Mutex
	over     bool
	failed   error // why it can only be aborted
	codecs   map[string]codec.Codec
	consumed map[*reader][]engine.TopicPartition // whose offsets are to be committed
}

// TxOption changes how [Client.Transact] runs a transaction.
type TxOption interface{ applyTx(*txConfig) }

type txConfig struct {
	id      string
	timeout time.Duration
}

type txOption func(*txConfig)

func (o txOption) applyTx(c *txConfig) { o(c) }

// WithTransactionalID names the producer of a transaction. Of one name the newest counts: what an earlier one has open is
// aborted, and its calls are ErrFenced.
func WithTransactionalID(id string) TxOption { return txOption(func(c *txConfig) { c.id = id }) }

// WithTransactionTimeout bounds how long a transaction may be open; default a minute. Then it is aborted and its calls are
// ErrTimeout: readers of committed records wait for whatever is open.
func WithTransactionTimeout(d time.Duration) TxOption {
	return txOption(func(c *txConfig) { c.timeout = d })
}

// Transaction runs fn in a transaction on one topic; see [Client.Transact].
func (c *Client) Transaction(ctx context.Context, topic string, fn func(tx *Tx) error) error {
	return c.transact(ctx, topic, fn, txConfig{})
}

// Transact runs fn in a transaction over any number of topics: readers of committed records see all that it sent, and the
// offsets that it committed, or none. It is durable when Transact returns nil.
//
// If fn returns an error the transaction is aborted and the error comes back as it is; if fn panics it is aborted and the
// panic goes on; a context that ends before fn returns aborts. Whatever else the error, the transaction is aborted, but
// for one case, which the error names: the fsync of the commit failed, and the outcome is unknown until the client is
// opened again.
//
// After an abort the consumers whose messages were given to [Tx.CommitOffsets] go back to what their group has committed,
// so that their loops see the same messages again. Give them first, before anything that may fail.
func (c *Client) Transact(ctx context.Context, fn func(tx *Tx) error, opts ...TxOption) error {
	var tc txConfig
	for _, o := range opts {
		o.applyTx(&tc)
	}
	return c.transact(ctx, "", fn, tc)
}

func (c *Client) transact(ctx context.Context, topic string, fn func(tx *Tx) error, tc txConfig) error {
	if err := ctx.Err(); err != nil {
		return sendError(err)
	}
	p, err := c.transactors.begin(ctx, c, tc)
	if err != nil {
		return err
	}
	tx := &Tx{client: c, topic: topic, ctx: ctx, producer: p, codecs: map[string]codec.Codec{}}
	committed := false
	defer func() { // also when fn panics, or ends its goroutine
		if !committed {
			tx.abort()
		}
		c.transactors.put(p, tc)
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.finish(); err != nil {
		return err
	}
	if err := p.End(ctx, true); err != nil {
		return err
	}
	committed = true
	return nil
}

// finish ends the use of tx by fn. It returns why the transaction cannot be committed, or nil.
func (tx *Tx) finish() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.over = true
	return tx.failed
}

// fail keeps an error of a send, unless it is about the message alone: a commit would leave the message out although others
// like it are in.
func (tx *Tx) fail(err error) error {
	for _, ofMessage := range []Code{ErrMessageTooLarge, ErrSerialization, ErrInvalidArgument, ErrTopicNotFound, ErrPartitionNotFound} {
		if errors.Is(err, ofMessage) {
			return err
		}
	}
	if !seeded.On(seeded.UnheededSend) {
		tx.failed = err
	}
	return err
}

// abort aborts, if the transaction has not ended yet, and makes the consumers go back.
func (tx *Tx) abort() {
	_ = tx.finish()
	_ = tx.producer.End(context.WithoutCancel(tx.ctx), false) // it has ended otherwise, or the engine is closed
	for r, tps := range tx.consumed {
		r.goBack(tps)
	}
}

// Send sends a message to the topic of [Client.Transaction]. A message that names another topic is ErrInvalidArgument.
func (tx *Tx) Send(m Message) error {
	topic := tx.topic
	if topic == "" {
		if topic = m.Topic; topic == "" {
			return engine.Errorf(ErrInvalidArgument, "the message names no topic; name one, or use SendTo")
		}
	}
	return tx.SendTo(topic, m)
}

// SendTo sends a message to a topic, which is made if that is allowed. The message is copied; it is written when its batch
// is full, or with the commit.
func (tx *Tx) SendTo(topic string, m Message) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if err := tx.usable(); err != nil {
		return err
	}
	c, ok := tx.codecs[topic]
	if !ok {
		var err error
		if c, err = tx.client.topicCodec(tx.ctx, topic); err != nil {
			return tx.fail(err)
		}
		tx.codecs[topic] = c
	}
	s := scratches.Get().(*scratch)
	defer s.free()
	if err := s.encode(topic, engine.AnyPartition, c, []Message{m}); err != nil {
		return err
	}
	if _, err := tx.producer.Produce(tx.ctx, topic, s.records); err != nil {
		return tx.fail(err)
	}
	return nil
}

// usable is why the transaction takes nothing more, or nil. The caller holds mu.
func (tx *Tx) usable() error {
	if tx.over {
		return engine.Errorf(ErrClosed, "the transaction has ended; its function returned")
	}
	if err := tx.ctx.Err(); err != nil {
		return sendError(err)
	}
	return tx.failed
}

// CommitOffsets makes the transaction commit that these messages, and all before them in their partitions, are processed.
// They come from consumers of groups, without auto-commit. ErrRebalanceInProgress says that a consumer has given the
// partition up since: the messages come again, to whoever reads it now. It may also be the error of the commit.
func (tx *Tx) CommitOffsets(ms ...*Message) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if err := tx.usable(); err != nil {
		return err
	}
	offsets, err := offsetsOf(ms)
	for r, next := range offsets {
		if err == nil {
			err = tx.commitOffsets(r, next)
		}
	}
	tx.failed = err // a commit without them would have the messages processed twice
	return err
}

func (tx *Tx) commitOffsets(r *reader, next map[*source]int64) error {
	if tx.consumed == nil {
		tx.consumed = map[*reader][]engine.TopicPartition{}
	}
	offsets := make(map[engine.TopicPartition]int64, len(next))
	for s, offset := range next {
		if !s.enter() {
			return r.errGone(s, nil)
		}
		defer s.leave()
		tx.consumed[r] = append(tx.consumed[r], s.tp)
		offsets[s.tp] = offset
	}
	return tx.producer.SendOffsets(tx.ctx, r.config.Group, offsets, r.engine)
}

// offsetsOf are the next offsets to read after messages, by consumer.
func offsetsOf(ms []*Message) (map[*reader]map[*source]int64, error) {
	offsets := map[*reader]map[*source]int64{}
	for _, m := range ms {
		if m.source == nil {
			return nil, errNotReceived()
		}
		r := m.source.reader
		if err := r.transactional(m.source); err != nil {
			return nil, err
		}
		if offsets[r] == nil {
			offsets[r] = map[*source]int64{}
		}
		offsets[r][m.source] = max(offsets[r][m.source], m.Offset+1)
	}
	return offsets, nil
}
