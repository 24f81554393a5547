package carry

import (
	"context"
	"errors"
	"fmt"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
)

// Config says what to carry.
type Config struct {
	Source, Target engine.Engine
	Topics         []string // that exist in the source, without duplicates
	// Ledger is the target's topic that holds the positions, and the transactional id. Of two carriers with one ledger the
	// newer ends the older, whose calls are [engine.ErrFenced].
	Ledger string
	// Resume is the Claim of the carrier before, when that was fenced. Open is [engine.ErrFenced] if somebody else has claimed
	// the ledger since, and goes on if nobody has: a cluster also fences a carrier whose transaction has timed out.
	Resume string
	// Create is the configuration of a topic that the target does not have, from that of the source.
	Create func(engine.TopicConfig) engine.TopicConfig
	// Exclusive refuses a partition of the target that has records and no position: [engine.ErrTopicExists].
	Exclusive bool
	// UntilEnd makes Gather return io.EOF once all was gathered that was there when the carrier opened.
	UntilEnd bool
	// KeepSyncs keeps pairs of offsets, for [Position.Around].
	KeepSyncs bool
	// Begin says where partitions that have no position begin, if it is not at their start: what is deleted since then counts
	// as skipped.
	Begin map[engine.TopicPartition]int64
	// CountDeleted counts records as skipped that the source deletes before they are carried, while the carrier is open. It
	// asks the source at each gap in the offsets.
	CountDeleted bool
	// TxBytes bounds the keys, values and headers of a transaction, unless it has one record; 0 means 4 MiB.
	TxBytes int
	// Keep says whether a record is to be carried; the others are counted as skipped. Nil keeps all.
	Keep  func(r *record.Record) bool
	Clock clock.Clock // for the patience of Gather
}

// Carrier carries records. Its methods belong to one goroutine at a time. After an error it can only be closed; a new one
// goes on where the last transaction that was committed has left off.
type Carrier struct {
	Config
	claimed string // what this carrier has written into the ledger
	exactly bool
	failed  error // of a transaction: the positions may be ahead of what is committed

	sources, targets []engine.TopicInfo // in the order of Topics
	positions        map[engine.TopicPartition]*Position
	keys             map[engine.TopicPartition]string
	labels           map[string][]record.Header // by topic
	keyed            map[string]bool            // topics that take no records without a key
	batch            int                        // bytes of a batch that holds any record
	fresh            []engine.TopicPartition    // that have no position in the ledger yet

	flusher  engine.Producer // of the source; made when it is first needed
	producer engine.Producer // of the target
	consumer engine.Consumer
	queue    []engine.Fetch  // polled and not sent
	records  []engine.Record // memory for take
	poll     int             // records to ask for
	unsynced int             // records since pairs of offsets were noted
}

// Open checks the topics, makes those that the target lacks, takes the ledger over, and finds where to go on.
func Open(ctx context.Context, config Config) (*Carrier, error) {
	if config.TxBytes <= 0 {
		config.TxBytes = 4 << 20
	}
	c := &Carrier{
		Config: config, poll: firstPoll,
		labels: map[string][]record.Header{}, keyed: map[string]bool{},
		positions: map[engine.TopicPartition]*Position{}, keys: map[engine.TopicPartition]string{},
	}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Carrier) open(ctx context.Context) (err error) {
	if err := c.topics(ctx); err != nil {
		return err
	}
	if err := c.makeLedger(ctx); err != nil {
		return err
	}
	found, err := c.takeOver(ctx)
	if err != nil {
		return err
	}
	if err := c.place(ctx, found); err != nil {
		return err
	}
	if c.KeepSyncs {
		if _, err := c.sync(ctx); err != nil {
			return err
		}
	}
	return c.seek(ctx)
}

// openTransactional opens the target's producer, with transactions if there are any.
func (c *Carrier) openTransactional(ctx context.Context) (err error) {
	c.producer, err = c.Target.OpenProducer(ctx, engine.ProducerConfig{TransactionalID: c.Ledger, BatchBytes: c.batch})
	if errors.Is(err, errors.ErrUnsupported) {
		return c.openPlain(ctx)
	}
	c.exactly = err == nil
	return err
}

// openPlain opens a producer for a target that has no transactions.
func (c *Carrier) openPlain(ctx context.Context) error {
	c.exactly, c.failed = false, nil
	var err error
	if c.producer != nil {
		err = c.producer.Close()
		c.producer = nil
	}
	p, failed := c.Target.OpenProducer(ctx, engine.ProducerConfig{BatchBytes: c.batch})
	if failed != nil {
		return errors.Join(err, failed)
	}
	c.producer = p
	return err
}

// seek opens the source's consumer at the positions.
func (c *Carrier) seek(ctx context.Context) error {
	k, err := c.Source.OpenConsumer(ctx, engine.ConsumerConfig{Topics: c.Topics, UntilEnd: c.UntilEnd})
	if err != nil {
		return err
	}
	c.consumer = k
	for tp, p := range c.positions {
		if err := k.Seek(ctx, tp, p.Next); err != nil {
			return again(err)
		}
	}
	return nil
}

// again marks an error as one of a moment: the source has deleted records since it was looked at.
func again(err error) error {
	var e *engine.Error
	if !errors.As(err, &e) || e.Code != engine.ErrOffsetOutOfRange {
		return err
	}
	retriable := *e
	retriable.Retriable = true
	return &retriable
}

// Claim is what the ledger knows this carrier by.
func (c *Carrier) Claim() string { return c.claimed }

// ExactlyOnce reports whether the target has transactions. Without, records may come twice after a crash or an error.
func (c *Carrier) ExactlyOnce() bool { return c.exactly }

// Positions are how far the partitions have been carried, as committed. The map is the carrier's own, and changes with
// Gather and Send.
func (c *Carrier) Positions() map[engine.TopicPartition]*Position { return c.positions }

// Close releases everything. What was not committed is aborted.
func (c *Carrier) Close() error {
	var errs []error
	if c.consumer != nil {
		errs = append(errs, c.consumer.Close(context.Background()))
	}
	for _, p := range []engine.Producer{c.producer, c.flusher} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	c.consumer, c.producer, c.flusher = nil, nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
}
