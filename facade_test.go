package kafka

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefaultFromTheEnvironment(t *testing.T) {
	t.Setenv("KAFKA_DO_URL", "https://kafka.do")
	before := SetDefault(nil)
	defer SetDefault(before)
	err := NewProducer("t").Send(t.Context(), Message{Value: "v"})
	require.ErrorIs(t, err, ErrInvalidArgument, "it surfaces with the first send")
	require.ErrorContains(t, err, "mem:")
	require.ErrorIs(t, result(NewAsyncProducer("t").Send(t.Context(), Message{Value: "v"})), ErrInvalidArgument)
	k := NewConsumer("t", "g")
	for range k.Messages(t.Context()) {
		t.Fatal("a message")
	}
	require.ErrorIs(t, k.Err(), ErrInvalidArgument)
	_, err = NewAdmin().ListTopics(t.Context())
	require.ErrorIs(t, err, ErrInvalidArgument)
	require.False(t, Default().Health().OK)
	require.NoError(t, Default().Close())

	t.Setenv("KAFKA_DO_URL", "mem:")
	require.NoError(t, NewProducer("t").Send(t.Context(), Message{Value: "v"}), "now it can be opened")
	c := Default()
	require.Same(t, c, Default())
	require.Len(t, values(t, c, "t")[0], 1)
	other := open(t, WithInMemory())
	require.Same(t, c, SetDefault(other))
	require.Same(t, other, Default())
	require.NoError(t, c.Close())
}

type plainEvent struct {
	ID string `json:"id"`
}

func (plainEvent) Topic() string { return "events" }

type fullEvent struct{ customer, id string }

func (fullEvent) Topic() string  { return "events" }
func (e fullEvent) Key() string  { return e.customer }
func (e fullEvent) Payload() any { return map[string]any{"order": e.id} }

func TestPublish(t *testing.T) {
	c := open(t, WithInMemory())
	defer SetDefault(SetDefault(c))
	require.NoError(t, c.Publish(t.Context(), plainEvent{"1"}))
	require.NoError(t, Publish(t.Context(), fullEvent{"c", "2"}))
	var got []Message
	for m := range c.Consumer("events", "", WithUntilEnd()).Messages(t.Context()) {
		got = append(got, Message{Key: m.Key, Value: m.Value})
	}
	require.Equal(t, []Message{{Value: map[string]any{"id": "1"}}, {Key: "c", Value: map[string]any{"order": "2"}}}, got)
	require.Len(t, c.publishers, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Publish(ctx, plainEvent{}), context.Canceled)
}
