package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// all are the values of a topic that a reader of committed records sees.
func all(t testing.TB, c *Client, topic string) (values []string) {
	t.Helper()
	k := c.Consumer(topic, "", WithUntilEnd())
	for m := range k.Messages(t.Context()) {
		values = append(values, m.Value.(string))
	}
	require.NoError(t, k.Err())
	require.NoError(t, k.Close())
	slices.Sort(values)
	return values
}

func TestTransaction(t *testing.T) {
	c := open(t, WithInMemory())
	failed := errors.New("failed")
	send := func(values ...string) func(*Tx) error {
		return func(tx *Tx) error {
			for _, v := range values {
				if err := tx.Send(Message{Value: v}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	t.Run("commits", func(t *testing.T) {
		require.NoError(t, c.Transaction(t.Context(), "t", send("a", "b")))
		require.Equal(t, []string{"a", "b"}, all(t, c, "t"))
	})
	t.Run("an error aborts and comes back as it is", func(t *testing.T) {
		err := c.Transaction(t.Context(), "t", func(tx *Tx) error { return errors.Join(send("x")(tx), failed) })
		require.ErrorIs(t, err, failed)
		err = c.Transaction(t.Context(), "t", func(tx *Tx) error { _ = send("x")(tx); return failed })
		require.True(t, err == failed)
	})
	t.Run("a panic aborts and goes on", func(t *testing.T) {
		require.PanicsWithValue(t, "oh", func() {
			_ = c.Transaction(t.Context(), "t", func(tx *Tx) error { _ = send("x")(tx); panic("oh") })
		})
	})
	t.Run("a cancelled context aborts", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var tx *Tx
		err := c.Transaction(ctx, "t", func(x *Tx) error { tx = x; err := send("x")(x); cancel(); return err })
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, tx.Send(Message{Value: "x"}), ErrClosed)
		require.ErrorIs(t, c.Transaction(ctx, "t", send("x")), context.Canceled)
	})
	t.Run("is over when its function has returned", func(t *testing.T) {
		var tx *Tx
		require.NoError(t, c.Transaction(t.Context(), "t", func(x *Tx) error { tx = x; return nil }))
		require.ErrorIs(t, tx.Send(Message{Value: "x"}), ErrClosed)
		require.ErrorIs(t, tx.SendTo("t", Message{Value: "x"}), ErrClosed)
		require.ErrorIs(t, tx.CommitOffsets(), ErrClosed)
	})
	t.Run("messages for another topic", func(t *testing.T) {
		require.NoError(t, c.Transact(t.Context(), func(tx *Tx) error {
			require.ErrorIs(t, tx.Send(Message{Value: "x"}), ErrInvalidArgument)
			return tx.SendTo("u", Message{Value: "u"})
		}))
		require.ErrorIs(t, c.Transaction(t.Context(), "t", func(tx *Tx) error {
			return tx.Send(Message{Topic: "u", Value: "x"})
		}), ErrInvalidArgument)
		require.Equal(t, []string{"u"}, all(t, c, "u"))
	})
	t.Run("a value that cannot be encoded leaves it as it was", func(t *testing.T) {
		require.NoError(t, c.Transaction(t.Context(), "t", func(tx *Tx) error {
			require.ErrorIs(t, tx.Send(Message{Value: make(chan int)}), ErrSerialization)
			return tx.Send(Message{Value: "c"})
		}))
	})
	require.Equal(t, []string{"a", "b", "c"}, all(t, c, "t"), "nothing of those that were aborted")
}

func TestTransactionalIDsFence(t *testing.T) {
	c := open(t, WithInMemory())
	id := WithTransactionalID("id")
	for i := range 3 { // one after the other do not
		require.NoError(t, c.Transact(t.Context(), func(tx *Tx) error { return tx.SendTo("t", Message{Value: fmt.Sprint(i)}) }, id))
	}
	err := c.Transact(t.Context(), func(tx *Tx) error {
		require.NoError(t, tx.SendTo("t", Message{Value: "first"}))
		require.NoError(t, c.Transact(t.Context(), func(tx *Tx) error { return tx.SendTo("t", Message{Value: "second"}) }, id))
		require.ErrorIs(t, tx.SendTo("t", Message{Value: "late"}), ErrFenced)
		return nil
	}, id)
	require.ErrorIs(t, err, ErrFenced)
	require.NoError(t, c.Transact(t.Context(), func(tx *Tx) error { return tx.SendTo("t", Message{Value: "third"}) }, id))
	require.Equal(t, []string{"0", "1", "2", "second", "third"}, all(t, c, "t"))
}

func TestTransactionTimeout(t *testing.T) {
	now := clock.NewManual(time.UnixMilli(1))
	c := open(t, WithInMemory(), WithClock(now))
	err := c.Transact(t.Context(), func(tx *Tx) error {
		require.NoError(t, tx.SendTo("t", Message{Value: "x"}))
		now.Advance(2 * time.Second)
		return nil
	}, WithTransactionTimeout(time.Second))
	require.ErrorIs(t, err, ErrTimeout)
	require.Empty(t, all(t, c, "t"))
}

func TestTransactionsAtOnceOnOneClient(t *testing.T) {
	c := open(t, WithInMemory(), WithDefaultPartitions(3))
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for i := range 64 {
		wg.Go(func() {
			for j := range 10 {
				errs <- c.Transact(t.Context(), func(tx *Tx) error {
					for range 3 {
						if err := tx.SendTo("t", Message{Value: fmt.Sprint(i, j)}); err != nil {
							return err
						}
					}
					if j%5 == 4 {
						return context.Canceled
					}
					return nil
				})
			}
		})
	}
	go func() { wg.Wait(); close(errs) }()
	failed := 0
	for err := range errs {
		if err != nil {
			require.True(t, err == context.Canceled, "%v", err)
			failed++
		}
	}
	require.Equal(t, 128, failed)
	require.Len(t, all(t, c, "t"), 64*8*3)
}

// TestConsumeTransformProduce: what a transaction took back comes again, at once and after a restart, and goes out once.
func TestConsumeTransformProduce(t *testing.T) {
	dir := t.TempDir()
	failed := errors.New("failed")
	const n = 40
	tries := map[string]int{}
	for life := 0; ; life++ {
		require.Less(t, life, 30)
		c, err := NewClient(t.Context(), WithDir(dir))
		require.NoError(t, err)
		if life == 0 {
			for i := range n {
				require.NoError(t, c.Producer("in").Send(t.Context(), Message{Value: fmt.Sprintf("%02d", i)}))
			}
		}
		k := c.Consumer("in", "g", WithUntilEnd())
		seen := 0
		for m := range k.Messages(t.Context()) {
			err := c.Transact(t.Context(), func(tx *Tx) error {
				v := m.Value.(string)
				if err := errors.Join(tx.SendTo("out", Message{Value: v}), tx.CommitOffsets(m)); err != nil {
					return err
				}
				if tries[v]++; tries[v]%3 != 0 && m.Offset%4 == 0 {
					return failed
				}
				return nil
			})
			require.True(t, err == nil || err == failed, "%v", err)
			if seen++; seen == 7 {
				break
			}
		}
		require.NoError(t, k.Err())
		require.NoError(t, c.Close())
		if seen == 0 {
			break
		}
	}
	require.Equal(t, 3, tries["00"])
	require.Equal(t, 1, tries["01"])
	c := open(t, WithDir(dir))
	out := all(t, c, "out")
	require.Len(t, out, n)
	require.Equal(t, n, len(slices.Compact(out)))
}

func TestCommitOffsetsOfOtherMessages(t *testing.T) {
	c := open(t, WithInMemory())
	require.NoError(t, c.Producer("in").Send(t.Context(), Message{Value: "x"}))
	commit := func(m *Message) error {
		return c.Transact(t.Context(), func(tx *Tx) error { return tx.CommitOffsets(m) })
	}
	require.ErrorIs(t, commit(&Message{}), ErrInvalidArgument, "not received")
	require.ErrorIs(t, c.Transact(t.Context(), func(tx *Tx) error {
		_ = tx.CommitOffsets(&Message{})
		_ = tx.SendTo("out", Message{Value: "x"})
		return nil
	}), ErrInvalidArgument, "the error was not heeded: what was sent must not be committed without the offsets")
	require.Empty(t, all(t, c, "out"))
	for name, k := range map[string]*Consumer{
		"without a group": c.Consumer("in", "", WithUntilEnd()),
		"auto-commit":     c.Consumer("in", "g", WithUntilEnd(), WithAutoCommit(true)),
	} {
		for m := range k.Messages(t.Context()) {
			require.ErrorIs(t, commit(m), ErrInvalidArgument, name)
			break
		}
		require.NoError(t, k.Close())
	}
	k := c.Consumer("in", "h", WithUntilEnd())
	for m := range k.Messages(t.Context()) {
		require.NoError(t, k.Close())
		require.Error(t, commit(m), "the consumer is closed")
	}
}
