package kafka

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// fill sends n records of about 100 bytes in batches of 1,000.
func fill(b *testing.B, c *Client, topic string, n int) {
	b.Helper()
	p := c.Producer(topic, WithAcks(AcksLeader))
	ms := make([]Message, 1000)
	for i := range ms {
		ms[i] = Message{Key: "customer-0017", Value: order{ID: "order-000123", Customer: "customer-0017", Amount: 99.99, Items: 3}}
	}
	for range n / len(ms) {
		require.NoError(b, p.SendBatch(b.Context(), ms))
	}
}

type order struct {
	ID       string  `json:"id"`
	Customer string  `json:"customer"`
	Amount   float64 `json:"amount"`
	Items    int     `json:"items"`
}

// benchRead reads a topic of a million records through a group, again and again.
func benchRead(b *testing.B, read func(ctx context.Context, k *Consumer, n int), opts ...ConsumerOption) {
	const records = 1_000_000
	c := open(b, WithInMemory())
	fill(b, c, "t", records)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	k := c.Consumer("t", "g", opts...)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= records {
		require.NoError(b, k.Seek(ctx, "t", 0, 0))
		read(ctx, k, min(left, records))
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	require.NoError(b, k.Close())
}

func readMessages(ctx context.Context, k *Consumer, n int) {
	for range Take(k.Messages(ctx), n) {
	}
}

func BenchmarkMessagesRaw(b *testing.B) { benchRead(b, readMessages, WithRawValues()) }

func BenchmarkMessagesRawAutoCommit(b *testing.B) {
	benchRead(b, readMessages, WithRawValues(), WithAutoCommit(true))
}

func BenchmarkMessages(b *testing.B) { benchRead(b, readMessages) }

func BenchmarkMessagesTyped(b *testing.B) {
	benchRead(b, func(ctx context.Context, k *Consumer, n int) {
		t := &TypedConsumer[order]{Consumer: k}
		for range Take(t.Messages(ctx), n) {
		}
	})
}

func BenchmarkBatchesRaw(b *testing.B) {
	benchRead(b, func(ctx context.Context, k *Consumer, n int) {
		for batch := range k.Batches(ctx) {
			if n -= len(batch.Messages); n <= 0 {
				break
			}
		}
	}, WithRawValues(), WithBatchSize(1000))
}

func BenchmarkChanRaw(b *testing.B) {
	benchRead(b, func(ctx context.Context, k *Consumer, n int) {
		ctx, cancel := context.WithCancel(ctx)
		ch := k.Chan(ctx)
		for range n {
			<-ch
		}
		cancel()
		for range ch {
		}
	}, WithRawValues())
}

func BenchmarkParallelRaw(b *testing.B) {
	benchRead(b, func(ctx context.Context, k *Consumer, n int) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		last := int64(n - 1)
		require.NoError(b, k.Parallel(ctx, 4, func(ctx context.Context, m *Message) error {
			if m.Offset == last {
				cancel()
			}
			return nil
		}))
	}, WithRawValues())
}

func BenchmarkCommit(b *testing.B) {
	c := open(b, WithInMemory())
	fill(b, c, "t", 1000)
	k := c.Consumer("t", "g", WithRawValues())
	for m := range k.Messages(b.Context()) {
		b.ReportAllocs()
		for b.Loop() {
			m.Offset++
			require.NoError(b, m.Commit(b.Context()))
		}
		break
	}
}
