package kafka

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// A thousand clients, each broken off in the middle of some kind of loop, leave nothing behind.
func TestNothingIsLeftBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	oops := errors.New("oops")
	handler := func(ctx context.Context, m *Message) error {
		if m.Offset == 3 {
			return oops
		}
		return nil
	}
	loops := []func(ctx context.Context, k *Consumer){
		func(ctx context.Context, k *Consumer) {
			for range k.Messages(ctx) {
				break
			}
		},
		func(ctx context.Context, k *Consumer) {
			for range k.All(ctx) {
				return
			}
		},
		func(ctx context.Context, k *Consumer) {
			defer func() { _ = recover() }()
			for range k.Filter(func(m *Message) bool { return m.Offset > 1 }).Messages(ctx) {
				panic(oops)
			}
		},
		func(ctx context.Context, k *Consumer) { <-k.Chan(ctx) },
		func(ctx context.Context, k *Consumer) {
			for range k.Batches(ctx) {
				break
			}
		},
		func(ctx context.Context, k *Consumer) {
			for range Chunk(Take(Map(k.Messages(ctx), (*Message).Bytes), 7), 3) {
				break
			}
		},
		func(ctx context.Context, k *Consumer) { _ = k.Parallel(ctx, 3, handler) },
		func(ctx context.Context, k *Consumer) {
			defer func() { _ = recover() }()
			_ = k.Parallel(ctx, 3, func(context.Context, *Message) error { panic(oops) })
		},
		func(ctx context.Context, k *Consumer) { _ = k.Subscribe(ctx, Handler{OnNext: handler}).Wait() },
		func(ctx context.Context, k *Consumer) {
			got := make(chan struct{})
			k.Subscribe(ctx, Handler{OnNext: func(ctx context.Context, m *Message) error {
				if m.Offset == 0 {
					close(got)
				}
				return nil
			}})
			<-got // and the subscription goes on until the client is closed
		},
		func(ctx context.Context, k *Consumer) {
			_ = NewWorker(k.reader.client, "t", "other", handler, WithBackoff(0, 0)).Run(ctx)
		},
		func(ctx context.Context, k *Consumer) {
			for m := range k.Messages(ctx) {
				m.CommitAsync()
				m.CommitAsync()
				break
			}
		},
	}
	for i := range 1000 {
		c, err := NewClient(t.Context(), WithInMemory())
		require.NoError(t, err)
		require.NoError(t, c.Producer("t").SendBatch(t.Context(), make([]Message, 10)))
		group := "g"
		if i%3 == 0 {
			group = ""
		}
		loops[i%len(loops)](t.Context(), c.Consumer("t", group, WithAutoCommit(i%2 == 0), WithBatchSize(3)))
		require.NoError(t, c.Close())
	}
}
