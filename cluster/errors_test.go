package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/brokertest"
)

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		err       error
		code      engine.Code
		retriable bool
	}{
		{kerr.UnknownTopicOrPartition, engine.ErrTopicNotFound, false},
		{kerr.NotLeaderForPartition, engine.ErrNotLeader, true},
		{kerr.NotEnoughReplicas, engine.ErrNotLeader, true},
		{kerr.CoordinatorLoadInProgress, engine.ErrGroupCoordinator, true},
		{kerr.RebalanceInProgress, engine.ErrRebalanceInProgress, true},
		{kerr.UnknownMemberID, engine.ErrFenced, false},
		{kerr.FencedInstanceID, engine.ErrFenced, false},
		{kerr.ProducerFenced, engine.ErrFenced, false},
		{kerr.MessageTooLarge, engine.ErrMessageTooLarge, false},
		{kerr.OffsetOutOfRange, engine.ErrOffsetOutOfRange, false},
		{kerr.TopicAuthorizationFailed, engine.ErrUnauthorized, false},
		{kerr.ThrottlingQuotaExceeded, engine.ErrQuotaExceeded, false},
		{kerr.RequestTimedOut, engine.ErrTimeout, true},
		{kerr.GroupIDNotFound, engine.ErrGroupNotFound, false},
		{kerr.InvalidConfig, engine.ErrInvalidArgument, false},
		{kerr.UnknownServerError, engine.ErrIO, false},
		{kerr.KafkaStorageError, engine.ErrIO, true},
		{kgo.ErrRecordTimeout, engine.ErrTimeout, true},
		{kgo.ErrClientClosed, engine.ErrClosed, false},
		{context.DeadlineExceeded, engine.ErrTimeout, true},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, engine.ErrDisconnected, true},
	} {
		t.Run(tc.err.Error(), func(t *testing.T) {
			err := explain(fmt.Errorf("asking: %w", tc.err))
			require.ErrorIs(t, err, tc.code)
			require.Equal(t, tc.retriable, engine.IsRetriable(err))
			if tc.code != engine.ErrClosed {
				require.ErrorIs(t, err, tc.err, "the cause is kept")
			}
			again := at(err, engine.TopicPartition{Topic: "orders", Partition: 3})
			require.ErrorIs(t, again, tc.code)
			var e *engine.Error
			require.ErrorAs(t, again, &e)
			require.Equal(t, "orders", e.Topic)
		})
	}
	require.NoError(t, explain(nil))
	require.Equal(t, context.Canceled, explain(context.Canceled))
	require.ErrorIs(t, explain(kerr.UnsupportedVersion), errors.ErrUnsupported)
	require.ErrorIs(t, explain(kerr.UnsupportedVersion), kerr.UnsupportedVersion)
	require.ErrorContains(t, explain(tls.RecordHeaderError{Msg: "not a handshake"}), "does not speak TLS")
	require.ErrorContains(t, explain(kerr.SaslAuthenticationFailed), "credentials")
}

func TestNoBroker(t *testing.T) {
	url := fmt.Sprint("kafka://127.0.0.1:", brokertest.Ports(t, 1))
	_, err := kafka.NewClient(t.Context(), kafka.WithURL(url), kafka.WithTimeout(5*time.Second))
	require.ErrorIs(t, err, kafka.ErrDisconnected)
	require.True(t, kafka.IsRetriable(err))
	require.ErrorContains(t, err, "check the addresses")
}

// A broker that takes connections and says nothing.
func TestSilentBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted := make(chan net.Conn, 100)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	url := kafka.WithURL("kafka://" + l.Addr().String())
	_, err = kafka.NewClient(t.Context(), url, kafka.WithTimeout(100*time.Millisecond))
	require.ErrorIs(t, err, kafka.ErrTimeout)
	require.ErrorContains(t, err, "WithTimeout")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = kafka.NewClient(ctx, url)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, l.Close())
	for c := range accepted {
		require.NoError(t, c.Close())
	}
}

// What is acknowledged stays, and calls end, when the cluster goes away under a client.
func TestClusterGoesAway(t *testing.T) {
	c, url := fakeCluster(t)
	client, err := kafka.NewClient(t.Context(), kafka.WithURL(url), kafka.WithTimeout(3*time.Second), kafka.WithRetries(0))
	require.NoError(t, err)
	producer := client.Producer("orders")
	require.NoError(t, producer.Send(t.Context(), kafka.Message{Value: "a"}))
	consumer := client.Consumer("orders", "billing")
	for m := range consumer.Messages(t.Context()) {
		require.Equal(t, "a", m.Value)
		break
	}
	c.Close()
	err = producer.Send(t.Context(), kafka.Message{Value: "b"})
	require.Error(t, err)
	require.True(t, errors.Is(err, kafka.ErrTimeout) || errors.Is(err, kafka.ErrDisconnected), "%v", err)
	_, err = client.Admin().ListTopics(t.Context())
	require.True(t, errors.Is(err, kafka.ErrTimeout) || errors.Is(err, kafka.ErrDisconnected), "%v", err)
	require.False(t, client.Health().OK)
	_ = client.Close() // which ends too
}

func TestUnsupported(t *testing.T) {
	url := kafka.WithURL(fakeURL(t))
	for name, o := range map[string]kafka.Option{"quota": kafka.WithQuota(1), "fsync": kafka.WithFlushInterval(time.Second)} {
		_, err := kafka.NewClient(t.Context(), url, o)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
	client, err := kafka.NewClient(t.Context(), url)
	require.NoError(t, err)
	defer client.Close()
	numbered := client.Producer("orders", kafka.WithIdempotence("importer"))
	require.ErrorIs(t, numbered.Send(t.Context(), kafka.Message{Value: "a"}), errors.ErrUnsupported)
	require.ErrorIs(t, numbered.SendFrom(t.Context(), 0, 0, []kafka.Message{{Value: "a"}}), errors.ErrUnsupported)
	_, err = numbered.Progress(t.Context())
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
