package kafka_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	kafka "github.com/dot-do/kafka-embedded"
)

// TestIntegration runs against whatever TEST_KAFKA_URL names, and otherwise in a directory of its own. It is what a test of
// a program that uses the library may look like.
func TestIntegration(t *testing.T) {
	if testing.Short() {
		t.Skip("skipping integration test")
	}

	ctx := context.Background()
	client, err := kafka.NewClient(ctx,
		kafka.WithURL(cmp.Or(os.Getenv("TEST_KAFKA_URL"), "file:"+filepath.ToSlash(t.TempDir()))),
		kafka.WithAPIKey(os.Getenv("TEST_KAFKA_API_KEY")),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	topic := fmt.Sprintf("test-orders-%s", rand.Text())
	defer client.Admin().DeleteTopic(ctx, topic)

	// Produce
	producer := client.Producer(topic)
	err = producer.Send(ctx, kafka.Message{
		Value: map[string]any{"order_id": "123"},
	})
	if err != nil {
		t.Fatal(err)
	}

	// Consume
	consumer := client.Consumer(topic, "test")
	for msg := range consumer.Messages(ctx) {
		order := msg.Value.(map[string]any)
		if order["order_id"] != "123" {
			t.Errorf("unexpected order_id: %v", order["order_id"])
		}
		break
	}
	if err := consumer.Err(); err != nil {
		t.Fatal(err)
	}
}
