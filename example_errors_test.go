package kafka_test

import (
	"context"
	"errors"
	"fmt"

	kafka "github.com/dot-do/kafka-embedded"
)

// Error handling.
func ExampleError() {
	ctx := context.Background()
	client := memory(ctx, kafka.WithAutoCreateTopics(false))
	defer client.Close()

	err := client.Producer("orders").Send(ctx, kafka.Message{Value: "order"})
	var kafkaErr *kafka.Error
	if errors.As(err, &kafkaErr) {
		switch kafkaErr.Code {
		case kafka.ErrTopicNotFound:
			fmt.Println("Topic not found:", kafkaErr.Topic)
		case kafka.ErrMessageTooLarge:
			fmt.Println("Message too large")
		case kafka.ErrTimeout:
			fmt.Println("Request timed out")
		default:
			fmt.Printf("Kafka error: %s - %s\n", kafkaErr.Code, kafkaErr.Message)
		}
		if kafkaErr.Retriable {
			fmt.Println("Safe to retry")
		}
	}
	// Output: Topic not found: orders
}

// The hierarchy: each code is an error to compare with, and one error may match several.
func ExampleCode() {
	ctx := context.Background()
	client := memory(ctx)
	defer client.Close()
	if err := client.Admin().CreateTopic(ctx, "orders", kafka.TopicConfig{MaxMessageBytes: 100}); err != nil {
		fmt.Println(err)
	}
	producer := client.Producer("orders")

	err := producer.Send(ctx, kafka.Message{Value: make([]byte, 1000)})
	fmt.Println(errors.Is(err, kafka.ErrMessageTooLarge))

	_, err = producer.SendTo(ctx, 7, kafka.Message{Value: "v"})
	fmt.Println(errors.Is(err, kafka.ErrPartitionNotFound))

	err = producer.Send(ctx, kafka.Message{Value: make(chan int)})
	fmt.Println(errors.Is(err, kafka.ErrSerialization))

	expired, cancel := context.WithTimeout(ctx, 0)
	defer cancel()
	err = producer.Send(expired, kafka.Message{Value: "v"})
	fmt.Println(errors.Is(err, kafka.ErrTimeout), errors.Is(err, context.DeadlineExceeded), kafka.IsRetriable(err))

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	err = producer.Send(cancelled, kafka.Message{Value: "v"})
	fmt.Println(errors.Is(err, context.Canceled), kafka.IsRetriable(err))
	// Output:
	// true
	// true
	// true
	// true true true
	// true false
}
