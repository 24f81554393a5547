package kafka_test

import (
	"context"
	"iter"
	"log/slog"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/mock"
)

// The signatures that programs rely on. What does not compile any more breaks them. Streams have their own.
var (
	_ func(context.Context, ...kafka.Option) (*kafka.Client, error)                            = kafka.NewClient
	_ func(*kafka.Client) error                                                                = (*kafka.Client).Close
	_ func(*kafka.Client, string, ...kafka.ProducerOption) *kafka.Producer                     = (*kafka.Client).Producer
	_ func(*kafka.Client, string, ...kafka.ProducerOption) *kafka.AsyncProducer                = (*kafka.Client).AsyncProducer
	_ func(*kafka.Client, string, string, ...kafka.ConsumerOption) *kafka.Consumer             = (*kafka.Client).Consumer
	_ func(*kafka.Client, context.Context, string, func(*kafka.Tx) error) error                = (*kafka.Client).Transaction
	_ func(*kafka.Client, context.Context, func(*kafka.Tx) error, ...kafka.TxOption) error     = (*kafka.Client).Transact
	_ func(*kafka.Client) *kafka.Admin                                                         = (*kafka.Client).Admin
	_ func(*kafka.Client, context.Context, kafka.Event) error                                  = (*kafka.Client).Publish
	_ func(*kafka.Client) kafka.Health                                                         = (*kafka.Client).Health
	_ func(*kafka.Client) kafka.Stats                                                          = (*kafka.Client).Stats
	_ func(*kafka.Client) *kafka.Client                                                        = kafka.SetDefault
	_ func() *kafka.Client                                                                     = kafka.Default
	_ func(string, ...kafka.ProducerOption) *kafka.Producer                                    = kafka.NewProducer
	_ func(string, ...kafka.ProducerOption) *kafka.AsyncProducer                               = kafka.NewAsyncProducer
	_ func(string, string, ...kafka.ConsumerOption) *kafka.Consumer                            = kafka.NewConsumer
	_ func() *kafka.Admin                                                                      = kafka.NewAdmin
	_ func(context.Context, kafka.Event) error                                                 = kafka.Publish
	_ func(*kafka.Client, string, ...kafka.ProducerOption) *kafka.TypedProducer[quake]         = kafka.NewTypedProducer[quake]
	_ func(*kafka.Client, string, string, ...kafka.ConsumerOption) *kafka.TypedConsumer[quake] = kafka.NewTypedConsumer[quake]
	_ func(*kafka.Client, string, string, handle, ...kafka.ConsumerOption) *kafka.Worker       = kafka.NewWorker
	_ func(*kafka.Worker, context.Context) error                                               = (*kafka.Worker).Run
	_ func(context.Context, func() error, ...kafka.RetryOption) error                          = kafka.Retry
	_ func(error) bool                                                                         = kafka.IsRetriable
	_ func(iter.Seq[int], func(int) bool) iter.Seq[int]                                        = kafka.Filter[int]
	_ func(iter.Seq[int], func(int) string) iter.Seq[string]                                   = kafka.Map[int, string]
	_ func(iter.Seq[int], int) iter.Seq[int]                                                   = kafka.Take[int]
	_ func(iter.Seq[int], int) iter.Seq[[]int]                                                 = kafka.Chunk[int]
	_ func() kafka.Config                                                                      = kafka.ConfigFromEnv
)

type handle = func(context.Context, *kafka.Message) error

// Producing.
var (
	_ func(*kafka.Producer, context.Context, kafka.Message) error                              = (*kafka.Producer).Send
	_ func(*kafka.Producer, context.Context, []kafka.Message) error                            = (*kafka.Producer).SendBatch
	_ func(*kafka.Producer, context.Context, int, kafka.Message) (kafka.RecordMetadata, error) = (*kafka.Producer).SendTo
	_ func(*kafka.Producer, context.Context, ...kafka.Message) ([]kafka.RecordMetadata, error) = (*kafka.Producer).Produce
	_ func(*kafka.Producer) error                                                              = (*kafka.Producer).Close
	_ func(*kafka.AsyncProducer, context.Context, kafka.Message) *kafka.Delivery               = (*kafka.AsyncProducer).Send
	_ func(*kafka.AsyncProducer) <-chan kafka.DeliveryReport                                   = (*kafka.AsyncProducer).Reports
	_ func(*kafka.AsyncProducer, context.Context) error                                        = (*kafka.AsyncProducer).Flush
	_ func(*kafka.AsyncProducer) error                                                         = (*kafka.AsyncProducer).Close
	_ func(*kafka.Delivery) <-chan struct{}                                                    = (*kafka.Delivery).Done
	_ func(*kafka.Delivery, context.Context) (kafka.RecordMetadata, error)                     = (*kafka.Delivery).Wait
	_ func(*kafka.Delivery, func(kafka.RecordMetadata, error))                                 = (*kafka.Delivery).Then
	_ func(*kafka.TypedProducer[quake], context.Context, quake) error                          = (*kafka.TypedProducer[quake]).Send
	_ func(*kafka.TypedProducer[quake], context.Context, string, quake) error                  = (*kafka.TypedProducer[quake]).SendKey
	_ func(*kafka.Tx, kafka.Message) error                                                     = (*kafka.Tx).Send
	_ func(*kafka.Tx, string, kafka.Message) error                                             = (*kafka.Tx).SendTo
	_ func(*kafka.Tx, ...*kafka.Message) error                                                 = (*kafka.Tx).CommitOffsets
)

// Consuming.
var (
	_ func(*kafka.Consumer, context.Context) iter.Seq[*kafka.Message]                         = (*kafka.Consumer).Messages
	_ func(*kafka.Consumer, context.Context) iter.Seq2[*kafka.Message, error]                 = (*kafka.Consumer).All
	_ func(*kafka.Consumer, context.Context) <-chan *kafka.Message                            = (*kafka.Consumer).Chan
	_ func(*kafka.Consumer, context.Context) iter.Seq[*kafka.Batch]                           = (*kafka.Consumer).Batches
	_ func(*kafka.Consumer, context.Context, int, handle, ...kafka.ParallelOption) error      = (*kafka.Consumer).Parallel
	_ func(*kafka.Consumer, context.Context, kafka.Handler) *kafka.Subscription               = (*kafka.Consumer).Subscribe
	_ func(*kafka.Consumer, func(*kafka.Message) bool) *kafka.Consumer                        = (*kafka.Consumer).Filter
	_ func(*kafka.Consumer, context.Context, string, int, int64) error                        = (*kafka.Consumer).Seek
	_ func(*kafka.Consumer, context.Context, time.Time) error                                 = (*kafka.Consumer).SeekToTime
	_ func(*kafka.Consumer, string, ...int)                                                   = (*kafka.Consumer).Pause
	_ func(*kafka.Consumer, string, ...int)                                                   = (*kafka.Consumer).Resume
	_ func(*kafka.Consumer, string, int) (int64, error)                                       = (*kafka.Consumer).Position
	_ func(*kafka.Consumer, context.Context) (int64, error)                                   = (*kafka.Consumer).Lag
	_ func(*kafka.Consumer) error                                                             = (*kafka.Consumer).Err
	_ func(*kafka.Consumer) error                                                             = (*kafka.Consumer).Close
	_ func(*kafka.TypedConsumer[quake], context.Context) iter.Seq[*kafka.TypedMessage[quake]] = (*kafka.TypedConsumer[quake]).Messages
	_ func(*kafka.Message, context.Context) error                                             = (*kafka.Message).Commit
	_ func(*kafka.Message) *kafka.Delivery                                                    = (*kafka.Message).CommitAsync
	_ func(*kafka.Message, any) error                                                         = (*kafka.Message).Decode
	_ func(*kafka.Message) []byte                                                             = (*kafka.Message).Bytes
	_ func(*kafka.Message) []byte                                                             = (*kafka.Message).KeyBytes
	_ func(*kafka.Message) []kafka.Header                                                     = (*kafka.Message).RawHeaders
	_ func(*kafka.Message) kafka.Message                                                      = (*kafka.Message).Forward
	_ func(*kafka.Batch, context.Context) error                                               = (*kafka.Batch).Commit
)

// Administration, and the mock.
var (
	_ func(*kafka.Admin, context.Context, string, kafka.TopicConfig) error     = (*kafka.Admin).CreateTopic
	_ func(*kafka.Admin, context.Context) ([]kafka.TopicInfo, error)           = (*kafka.Admin).ListTopics
	_ func(*kafka.Admin, context.Context, string) (kafka.TopicInfo, error)     = (*kafka.Admin).DescribeTopic
	_ func(*kafka.Admin, context.Context, string, kafka.TopicConfig) error     = (*kafka.Admin).AlterTopic
	_ func(*kafka.Admin, context.Context, string) error                        = (*kafka.Admin).DeleteTopic
	_ func(*kafka.Admin, context.Context, string, int) error                   = (*kafka.Admin).CreatePartitions
	_ func(*kafka.Admin, context.Context, string, int, int64) error            = (*kafka.Admin).DeleteRecords
	_ func(*kafka.Admin, context.Context) ([]kafka.GroupInfo, error)           = (*kafka.Admin).ListGroups
	_ func(*kafka.Admin, context.Context, string) (kafka.GroupInfo, error)     = (*kafka.Admin).DescribeGroup
	_ func(*kafka.Admin, context.Context, string) error                        = (*kafka.Admin).DeleteGroup
	_ func(*kafka.Admin, context.Context, string, string, kafka.Offset) error  = (*kafka.Admin).ResetOffsets
	_ func(*kafka.Admin, context.Context, string, string, time.Time) error     = (*kafka.Admin).ResetOffsetsToTime
	_ func(*kafka.Admin, context.Context, string, string, map[int]int64) error = (*kafka.Admin).ResetOffsetsTo
	_ func(...kafka.Option) *mock.Client                                       = mock.NewClient
	_ func(*mock.Client, string, []kafka.Message)                              = (*mock.Client).Seed
	_ func(*mock.Client, string) []kafka.Message                               = (*mock.Client).GetMessages
	_ func(*mock.Client, mock.Verb, error)                                     = (*mock.Client).FailNext
)

// What serves as what.
var (
	_ = []kafka.Option{
		kafka.WithURL(""), kafka.WithDir(""), kafka.WithInMemory(), kafka.WithAPIKey(""), kafka.WithTimeout(time.Second),
		kafka.WithRetries(3), kafka.WithLogger((*slog.Logger)(nil)), kafka.WithCodec(kafka.JSON),
		kafka.WithAutoCreateTopics(true), kafka.WithDefaultPartitions(1), kafka.WithQuota(1), kafka.WithClock(nil),
		kafka.WithConfig(kafka.Config{}),
	}
	_ = []kafka.ProducerOption{
		kafka.WithBatchSize(1), kafka.WithLinger(time.Second), kafka.WithLingerMs(5),
		kafka.WithCompression(kafka.CompressionSnappy), kafka.WithAcks(kafka.AcksLeader), kafka.WithProducerRetries(3),
		kafka.WithRetryBackoff(time.Second), kafka.WithIdempotence("id"),
	}
	_ = []kafka.ConsumerOption{
		kafka.WithBatchSize(1), kafka.WithOffset(kafka.OffsetLatest), kafka.WithOffsetTime(time.Time{}),
		kafka.WithAutoCommit(true), kafka.WithAutoCommitInterval(time.Second), kafka.WithMaxPollRecords(1),
		kafka.WithFetchMinBytes(1), kafka.WithFetchMaxWait(time.Second), kafka.WithFetchMaxWaitMs(500),
		kafka.WithSessionTimeout(time.Second), kafka.WithHeartbeatInterval(time.Second),
		kafka.WithMaxPollInterval(time.Second), kafka.WithBatchTimeout(time.Second),
		kafka.WithIsolation(kafka.ReadUncommitted), kafka.WithAssignor(kafka.AssignorRange, kafka.AssignorSticky),
		kafka.WithGroupInstanceID("id"), kafka.WithDeadLetter("dlq", 3), kafka.WithUntilEnd(), kafka.WithTopics("more"),
		kafka.WithRawValues(), kafka.WithOnError(kafka.Skip), kafka.WithWorkers(2), kafka.WithMaxInFlight(10),
		kafka.WithAttempts(3), kafka.WithBackoff(time.Second, time.Minute),
	}
	_ = []kafka.TxOption{kafka.WithTransactionalID("id"), kafka.WithTransactionTimeout(time.Second)}

	_ error = kafka.ErrTopicNotFound
	_ error = (*kafka.Error)(nil)
	_ error = (*kafka.CorruptionError)(nil)

	_ kafka.ProducerConsumerOption = kafka.WithBatchSize(1)
	_ kafka.RecordMetadata         = kafka.DeliveryReport{}.RecordMetadata
	_ *kafka.Message               = kafka.TypedMessage[quake]{}.Message
)
