package engine

import (
	"context"
	"time"
)

// Failed is an engine that could not be opened: every verb returns err, but Close, which returns nil.
func Failed(err error) Engine { return failed{err} }

type failed struct{ err error }

func (f failed) OpenProducer(context.Context, ProducerConfig) (Producer, error) { return nil, f.err }
func (f failed) OpenConsumer(context.Context, ConsumerConfig) (Consumer, error) { return nil, f.err }

func (f failed) CreateTopic(context.Context, string, TopicConfig) error { return f.err }
func (f failed) ListTopics(context.Context) ([]TopicInfo, error)        { return nil, f.err }
func (f failed) DescribeTopic(context.Context, string) (TopicInfo, error) {
	return TopicInfo{}, f.err
}
func (f failed) AlterTopic(context.Context, string, TopicConfig) error              { return f.err }
func (f failed) DeleteTopic(context.Context, string) error                          { return f.err }
func (f failed) CreatePartitions(context.Context, string, int) error                { return f.err }
func (f failed) DeleteRecords(context.Context, TopicPartition, int64) error         { return f.err }
func (f failed) OffsetAt(context.Context, TopicPartition, time.Time) (int64, error) { return 0, f.err }

func (f failed) ListGroups(context.Context) ([]GroupInfo, error)                    { return nil, f.err }
func (f failed) DescribeGroup(context.Context, string) (GroupInfo, error)           { return GroupInfo{}, f.err }
func (f failed) DeleteGroup(context.Context, string) error                          { return f.err }
func (f failed) SetOffsets(context.Context, string, map[TopicPartition]int64) error { return f.err }

func (f failed) Health() Health { return Health{Notes: []string{f.err.Error()}} }
func (f failed) Stats() Stats   { return Stats{} }
func (f failed) Close() error   { return nil }
