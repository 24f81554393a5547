package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
)

// The snippets do what the README says, as far as they end.
func TestReadmeRuns(t *testing.T) {
	ctx, client := inMemory(t)
	defer kafka.SetDefault(kafka.SetDefault(nil))
	admin := client.Admin()
	require.NoError(t, readmeAdmin(ctx, client, time.UnixMilli(0)), "offsets of a group that is made by its reset")
	_, err := readmeProducing(ctx, client)
	require.NoError(t, err)
	require.NoError(t, readmeAsync(ctx, client))
	readmeErrors(ctx, client.Producer("orders"), Order{})
	require.NoError(t, readmeRetry(ctx, Order{}))
	consumer := client.Consumer("orders", "biller")
	for msg := range consumer.Messages(ctx) {
		require.NoError(t, readmeTransaction(ctx, client, msg))
		break
	}
	info, err := admin.DescribeTopic(ctx, "invoices")
	require.NoError(t, err)
	require.Equal(t, 1, info.Partitions)

	for _, loop := range []func(context.Context, *kafka.Client) error{readmeLoops, readmeDeadLetters, readmeWorker} {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.NoError(t, loop(ended, client), "an ended context is a normal end")
	}
}
