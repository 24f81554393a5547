package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/mock"
)

func TestKafkaDoTopicAdministration(t *testing.T) {
	ctx, client := inMemory(t)
	admin := client.Admin()
	require.NoError(t, admin.CreateTopic(ctx, "old-quakes", kafka.TopicConfig{}))

	err := admin.CreateTopic(ctx, "quakes", kafka.TopicConfig{
		Partitions:  3,
		RetentionMs: 7 * 24 * 60 * 60 * 1000,
	})
	require.NoError(t, err)

	topics, err := admin.ListTopics(ctx)
	require.NoError(t, err)
	var lines []string
	for _, topic := range topics {
		lines = append(lines, fmt.Sprintf("%s: %d partitions", topic.Name, topic.Partitions))
	}
	require.Equal(t, []string{"old-quakes: 1 partitions", "quakes: 3 partitions"}, lines)

	info, err := admin.DescribeTopic(ctx, "quakes")
	require.NoError(t, err)
	require.Equal(t, "3 604800000", fmt.Sprintf("%d %d", info.Partitions, info.RetentionMs))

	err = admin.AlterTopic(ctx, "quakes", kafka.TopicConfig{
		RetentionMs: 30 * 24 * 60 * 60 * 1000,
	})
	require.NoError(t, err)
	info, err = admin.DescribeTopic(ctx, "quakes")
	require.NoError(t, err)
	require.Equal(t, "3 2592000000", fmt.Sprintf("%d %d", info.Partitions, info.RetentionMs))

	err = admin.DeleteTopic(ctx, "old-quakes")
	require.NoError(t, err)
}

func TestKafkaDoConsumerGroups(t *testing.T) {
	ctx, client, _ := sent(t)
	consumer := client.Consumer("quakes", "locator")
	n := 0
	for msg := range consumer.Messages(ctx) {
		require.NoError(t, msg.Commit(ctx))
		if n++; n == 3 {
			break
		}
	}
	admin := client.Admin()

	groups, err := admin.ListGroups(ctx)
	require.NoError(t, err)
	for _, group := range groups {
		require.Equal(t, "Group: locator, Members: 1", fmt.Sprintf("Group: %s, Members: %d", group.ID, group.MemberCount))
	}
	require.Len(t, groups, 1)

	info, err := admin.DescribeGroup(ctx, "locator")
	require.NoError(t, err)
	require.Equal(t, "Stable 1 2", fmt.Sprintf("%s %d %d", info.State, len(info.Members), info.TotalLag))

	require.NoError(t, consumer.Close(), "a group's offsets are reset while it has no member")
	err = admin.ResetOffsets(ctx, "locator", "quakes", kafka.OffsetEarliest)
	require.NoError(t, err)
	require.Zero(t, committedOf(t, client, "locator"))

	since := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	err = admin.ResetOffsetsToTime(ctx, "locator", "quakes", since)
	require.NoError(t, err)
	require.EqualValues(t, 3, committedOf(t, client, "locator"))
}

// classify tells errors apart as the document does.
func classify(err error) string {
	if err == nil {
		return ""
	}
	class := "other"
	var kafkaErr *kafka.Error
	if errors.As(err, &kafkaErr) {
		switch kafkaErr.Code {
		case kafka.ErrTopicNotFound:
			class = "topic not found"
		case kafka.ErrMessageTooLarge:
			class = "message too large"
		case kafka.ErrNotLeader:
			class = "not leader"
		case kafka.ErrDiskFull:
			class = fmt.Sprintf("%s - %s", kafkaErr.Code, kafkaErr.Message)
		}
		if kafkaErr.Retriable {
			class += ", retriable"
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		class = "timed out"
	}
	if errors.Is(err, context.Canceled) {
		class = "cancelled"
	}
	return class
}

func TestKafkaDoErrorHandling(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	for _, tc := range []struct {
		name   string
		ctx    context.Context
		topic  string
		value  any
		fault  error
		expect string
	}{
		{"sent", context.Background(), "quakes", "v", nil, ""},
		{"no such topic", context.Background(), "nowhere", "v", nil, "topic not found"},
		{"too large", context.Background(), "quakes", strings.Repeat("v", 3<<20), nil, "message too large"},
		{"a cluster's", context.Background(), "quakes", "v", kafka.ErrNotLeader, "not leader, retriable"},
		{"disk full", context.Background(), "quakes", "v", kafka.ErrDiskFull, "kafka: disk full - "},
		{"cancelled", cancelled, "quakes", "v", nil, "cancelled"},
		{"late", late, "quakes", "v", nil, "timed out"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := mock.NewClient(kafka.WithAutoCreateTopics(false))
			require.NoError(t, client.Admin().CreateTopic(context.Background(), "quakes", kafka.TopicConfig{}))
			if tc.fault != nil {
				client.FailNext(mock.Produce, tc.fault)
			}
			producer := client.Producer(tc.topic)
			err := producer.Send(tc.ctx, kafka.Message{Value: tc.value})
			if tc.expect == "" {
				require.NoError(t, err)
				return
			}
			require.Contains(t, classify(err), tc.expect)
		})
	}
}

// The constants are strings in the document, and so is what they are here: as a string, as an error, in a switch.
func TestKafkaDoErrorConstants(t *testing.T) {
	for code, name := range map[kafka.Code]string{
		kafka.ErrTopicNotFound:       "topic_not_found",
		kafka.ErrPartitionNotFound:   "partition_not_found",
		kafka.ErrMessageTooLarge:     "message_too_large",
		kafka.ErrNotLeader:           "not_leader",
		kafka.ErrOffsetOutOfRange:    "offset_out_of_range",
		kafka.ErrGroupCoordinator:    "group_coordinator",
		kafka.ErrRebalanceInProgress: "rebalance_in_progress",
		kafka.ErrUnauthorized:        "unauthorized",
		kafka.ErrQuotaExceeded:       "quota_exceeded",
	} {
		require.Equal(t, name, string(code))
	}
	_, client := inMemory(t)
	require.NoError(t, client.Close())
	err := client.Producer("quakes").Send(context.Background(), kafka.Message{Value: "v"})
	require.True(t, errors.Is(err, kafka.ErrClosed), "%v", err)
	var disconnected error = kafka.ErrDisconnected
	require.False(t, errors.Is(err, disconnected))
}
