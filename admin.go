package kafka

import (
	"context"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// TopicConfig configures a topic. A zero field means the default when a topic is created and no change when it is
// altered.
type TopicConfig = engine.TopicConfig

// CleanupPolicy says how a topic sheds old records.
type CleanupPolicy = engine.CleanupPolicy

// The policies.
const (
	CleanupDelete        = engine.CleanupDelete
	CleanupCompact       = engine.CleanupCompact
	CleanupCompactDelete = engine.CleanupCompactDelete
)

// PartitionInfo describes a partition.
type PartitionInfo = engine.PartitionInfo

// MemberInfo describes a member of a group.
type MemberInfo = engine.MemberInfo

// GroupOffset is a committed offset and what lies behind it.
type GroupOffset = engine.GroupOffset

// TopicInfo describes a topic: its configuration, whose Partitions is their number, and each partition.
type TopicInfo struct {
	Name string
	ID   [16]byte // tells a recreated topic from an earlier one of the same name
	TopicConfig
	Details []PartitionInfo
}

// GroupInfo describes a consumer group.
type GroupInfo struct {
	ID          string
	State       string // Empty, PreparingRebalance, CompletingRebalance, Stable
	Protocol    string // the assignor in use
	Members     []MemberInfo
	MemberCount int
	Offsets     []GroupOffset // sorted by topic and partition
	TotalLag    int64         // records behind the committed offsets
}

// Admin administers topics and groups. All methods may be called concurrently.
type Admin struct{ engine engine.Engine }

// Admin administers topics and groups.
func (c *Client) Admin() *Admin { return &Admin{c.engine} }

// CreateTopic makes a topic. One that exists is ErrTopicExists.
func (a *Admin) CreateTopic(ctx context.Context, name string, c TopicConfig) error {
	return a.engine.CreateTopic(ctx, name, c)
}

// ListTopics describes all topics, by name.
func (a *Admin) ListTopics(ctx context.Context) ([]TopicInfo, error) {
	list, err := a.engine.ListTopics(ctx)
	infos := make([]TopicInfo, len(list))
	for i, info := range list {
		infos[i] = topicInfo(info)
	}
	return infos, err
}

// DescribeTopic describes a topic.
func (a *Admin) DescribeTopic(ctx context.Context, name string) (TopicInfo, error) {
	info, err := a.engine.DescribeTopic(ctx, name)
	return topicInfo(info), err
}

func topicInfo(i engine.TopicInfo) TopicInfo {
	return TopicInfo{Name: i.Name, ID: i.ID, TopicConfig: i.Config, Details: i.Partitions}
}

// AlterTopic changes what is not zero in c: -1 is forever, and no compression. The codec cannot be changed, and for the number of partitions
// there is CreatePartitions.
func (a *Admin) AlterTopic(ctx context.Context, name string, c TopicConfig) error {
	return a.engine.AlterTopic(ctx, name, c)
}

// DeleteTopic removes a topic with all its records and the offsets that groups committed.
func (a *Admin) DeleteTopic(ctx context.Context, name string) error {
	return a.engine.DeleteTopic(ctx, name)
}

// CreatePartitions raises the number of partitions to total. Keys may then map to other partitions than before.
func (a *Admin) CreatePartitions(ctx context.Context, name string, total int) error {
	return a.engine.CreatePartitions(ctx, name, total)
}

// DeleteRecords makes everything below an offset of a partition unreadable, and frees what it can.
func (a *Admin) DeleteRecords(ctx context.Context, topic string, partition int, before int64) error {
	return a.engine.DeleteRecords(ctx, topicPartition(topic, partition), before)
}

// ListGroups describes all groups, by name.
func (a *Admin) ListGroups(ctx context.Context) ([]GroupInfo, error) {
	list, err := a.engine.ListGroups(ctx)
	infos := make([]GroupInfo, len(list))
	for i, info := range list {
		infos[i] = groupInfo(info)
	}
	return infos, err
}

// DescribeGroup describes a group.
func (a *Admin) DescribeGroup(ctx context.Context, group string) (GroupInfo, error) {
	info, err := a.engine.DescribeGroup(ctx, group)
	return groupInfo(info), err
}

func groupInfo(i engine.GroupInfo) GroupInfo {
	info := GroupInfo{
		ID: i.ID, State: i.State, Protocol: i.Protocol, Members: i.Members, MemberCount: len(i.Members), Offsets: i.Offsets,
	}
	for _, o := range i.Offsets {
		info.TotalLag += o.Lag
	}
	return info
}

// DeleteGroup forgets a group and its offsets. One with live members is ErrGroupNotEmpty.
func (a *Admin) DeleteGroup(ctx context.Context, group string) error {
	return a.engine.DeleteGroup(ctx, group)
}

// ResetOffsets moves a group without live members to the start or the end of a topic.
func (a *Admin) ResetOffsets(ctx context.Context, group, topic string, to Offset) error {
	return a.reset(ctx, group, topic, func(p PartitionInfo) (int64, error) {
		if to == OffsetLatest {
			return p.End, nil
		}
		return p.Start, nil
	})
}

// ResetOffsetsToTime moves a group without live members to the first records that are not older than t.
func (a *Admin) ResetOffsetsToTime(ctx context.Context, group, topic string, t time.Time) error {
	return a.reset(ctx, group, topic, func(p PartitionInfo) (int64, error) {
		return a.engine.OffsetAt(ctx, topicPartition(topic, int(p.Partition)), t)
	})
}

// ResetOffsetsTo moves a group without live members to given offsets of partitions.
func (a *Admin) ResetOffsetsTo(ctx context.Context, group, topic string, offsets map[int]int64) error {
	to := make(map[engine.TopicPartition]int64, len(offsets))
	for partition, offset := range offsets {
		to[topicPartition(topic, partition)] = offset
	}
	return a.engine.SetOffsets(ctx, group, to)
}

func (a *Admin) reset(ctx context.Context, group, topic string, where func(PartitionInfo) (int64, error)) error {
	info, err := a.engine.DescribeTopic(ctx, topic)
	if err != nil {
		return err
	}
	to := map[engine.TopicPartition]int64{}
	for _, p := range info.Partitions {
		offset, err := where(p)
		if err != nil {
			return err
		}
		to[topicPartition(topic, int(p.Partition))] = offset
	}
	return a.engine.SetOffsets(ctx, group, to)
}

// topicPartition names a partition; one that no int32 holds names none that exists.
func topicPartition(topic string, partition int) engine.TopicPartition {
	if partition < 0 || partition > 1<<31-1 {
		partition = -1
	}
	return engine.TopicPartition{Topic: topic, Partition: int32(partition)}
}
