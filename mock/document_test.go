package mock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/mock"
)

// A client that was dropped without a Close leaves no goroutine.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The two tests of the kafka.do document, word for word. In a bubble its second is none of a slow machine.

func TestOrderProcessing(t *testing.T) { synctest.Test(t, orderProcessing) }

func orderProcessing(t *testing.T) {
	client := mock.NewClient()

	// Seed test data
	client.Seed("orders", []kafka.Message{
		{Value: map[string]any{"order_id": "123", "amount": 99.99}},
		{Value: map[string]any{"order_id": "124", "amount": 149.99}},
	})

	// Process
	consumer := client.Consumer("orders", "test")
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	count := 0
	for msg := range consumer.Messages(ctx) {
		count++
		msg.Commit(ctx)
		if count == 2 {
			break
		}
	}

	if count != 2 {
		t.Errorf("expected 2 messages, got %d", count)
	}
}

func TestProducer(t *testing.T) {
	client := mock.NewClient()
	producer := client.Producer("orders")

	producer.Send(context.Background(), kafka.Message{
		Value: map[string]any{"order_id": "125"},
	})

	// Verify
	messages := client.GetMessages("orders")
	if len(messages) != 1 {
		t.Errorf("expected 1 message, got %d", len(messages))
	}
}
