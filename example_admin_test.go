package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
)

// Topic administration.
func ExampleAdmin_topics() {
	ctx := context.Background()
	client, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	admin := client.Admin()

	err = admin.CreateTopic(ctx, "orders", kafka.TopicConfig{
		Partitions:  3,
		RetentionMs: 7 * 24 * 60 * 60 * 1000, // 7 days
	})
	fmt.Println("created:", err)

	topics, err := admin.ListTopics(ctx)
	for _, topic := range topics {
		fmt.Printf("%s: %d partitions\n", topic.Name, topic.Partitions)
	}

	err = admin.AlterTopic(ctx, "orders", kafka.TopicConfig{
		RetentionMs: 30 * 24 * 60 * 60 * 1000, // 30 days
	})
	fmt.Println("altered:", err)

	err = admin.CreatePartitions(ctx, "orders", 6)
	fmt.Println("extended:", err)

	info, err := admin.DescribeTopic(ctx, "orders")
	fmt.Printf("Partitions: %d\nRetention: %dms\n", info.Partitions, info.RetentionMs)

	err = admin.DeleteTopic(ctx, "old-events")
	fmt.Println("deleted:", err)
	// Output:
	// created: <nil>
	// orders: 3 partitions
	// altered: <nil>
	// extended: <nil>
	// Partitions: 6
	// Retention: 2592000000ms
	// deleted: kafka: topic not found (old-events): create it, or allow topics to be made by use
}

// Consumer groups: where they are, and moving them.
func ExampleAdmin_groups() {
	ctx := context.Background()
	client := orders(ctx)
	defer client.Close()
	admin := client.Admin()

	consumer := client.Consumer("orders", "order-processor")
	for msg := range kafka.Take(consumer.Messages(ctx), 3) {
		if err := msg.Commit(ctx); err != nil {
			fmt.Println(err)
		}
	}

	groups, err := admin.ListGroups(ctx)
	for _, group := range groups {
		fmt.Printf("Group: %s, Members: %d\n", group.ID, group.MemberCount)
	}
	info, err := admin.DescribeGroup(ctx, "order-processor")
	fmt.Printf("State: %s\nMembers: %d\nTotal Lag: %d\n", info.State, len(info.Members), info.TotalLag)

	err = admin.ResetOffsets(ctx, "order-processor", "orders", kafka.OffsetEarliest)
	fmt.Println("with a live member:", errors.Is(err, kafka.ErrGroupNotEmpty))
	consumer.Close()

	lag := func() int64 {
		info, err := admin.DescribeGroup(ctx, "order-processor")
		if err != nil {
			fmt.Println(err)
		}
		return info.TotalLag
	}
	err = admin.ResetOffsets(ctx, "order-processor", "orders", kafka.OffsetEarliest)
	fmt.Println("earliest:", lag(), err)
	err = admin.ResetOffsetsToTime(ctx, "order-processor", "orders", time.Date(2026, 1, 2, 14, 0, 0, 0, time.UTC))
	fmt.Println("since 14:00:", lag(), err)
	err = admin.ResetOffsetsTo(ctx, "order-processor", "orders", map[int]int64{0: 1})
	fmt.Println("from 1:", lag(), err)
	fmt.Println("deleted:", admin.DeleteGroup(ctx, "order-processor"))
	// Output:
	// Group: order-processor, Members: 1
	// State: Stable
	// Members: 1
	// Total Lag: 1
	// with a live member: true
	// earliest: 4 <nil>
	// since 14:00: 2 <nil>
	// from 1: 3 <nil>
	// deleted: <nil>
}
