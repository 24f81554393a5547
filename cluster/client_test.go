package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
)

// The tests here look through the client: the same program on a cluster.

func newClient(t *testing.T, url string, opts ...kafka.Option) *kafka.Client {
	t.Helper()
	client, err := kafka.NewClient(t.Context(), append([]kafka.Option{kafka.WithURL(url)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// quickStart is the README's quick start with the client and names given; the loop ends with the first message.
func quickStart(ctx context.Context, client *kafka.Client, topic, group string) (got any, err error) {
	producer := client.Producer(topic)
	err = producer.Send(ctx, kafka.Message{
		Key:   "customer-456",
		Value: map[string]any{"order_id": "123", "amount": 99.99},
	})
	if err != nil {
		return nil, err
	}

	consumer := client.Consumer(topic, group)
	for msg := range consumer.Messages(ctx) {
		got = msg.Value
		if err := msg.Commit(ctx); err != nil {
			return got, err
		}
		break
	}
	return got, consumer.Err()
}

func TestQuickStart(t *testing.T) {
	name := names()
	for _, url := range []string{"mem:", testURL(t)} {
		client := newClient(t, url)
		got, err := quickStart(t.Context(), client, name("orders"), name("billing"))
		require.NoError(t, err, url)
		require.Equal(t, map[string]any{"order_id": "123", "amount": 99.99}, got, url)
		g, err := client.Admin().DescribeGroup(t.Context(), name("billing"))
		require.NoError(t, err, url)
		require.Equal(t, int64(1), g.Offsets[0].Committed, url)
	}
}

func TestURLFromEnvironment(t *testing.T) {
	t.Setenv("KAFKA_DO_URL", fakeURL(t))
	client, err := kafka.NewClient(t.Context())
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Producer("orders").Send(t.Context(), kafka.Message{Value: 1}))
}

// names makes names that nobody has used before, so that a real cluster can be used again.
func names() func(string) string {
	suffix := "-" + strings.ToLower(rand.Text()[:10])
	return func(name string) string { return name + suffix }
}

// readValues reads what is in a topic now.
func readValues(t *testing.T, client *kafka.Client, topic string) (values []any) {
	t.Helper()
	consumer := client.Consumer(topic, "", kafka.WithUntilEnd())
	for m := range consumer.Messages(t.Context()) {
		values = append(values, m.Value)
		require.NotContains(t, m.Headers, "kafka-do-codec")
	}
	require.NoError(t, consumer.Err())
	return values
}

// A topic's codec is found by other processes, and records say theirs.
func TestCodecTravels(t *testing.T) {
	url, name := testURL(t), names()
	first := newClient(t, url, kafka.WithCodec(kafka.JSON))
	order := map[string]any{"id": "1"}
	require.NoError(t, first.Producer(name("orders")).Send(t.Context(), kafka.Message{Value: order, Headers: map[string]string{"a": "b"}}))

	other := newClient(t, url) // whose codec is msgpack
	info, err := other.Admin().DescribeTopic(t.Context(), name("orders"))
	require.NoError(t, err)
	require.Equal(t, "json", info.Codec)
	list, err := other.Admin().ListTopics(t.Context())
	require.NoError(t, err)
	i := slices.IndexFunc(list, func(i kafka.TopicInfo) bool { return i.Name == name("orders") })
	require.Equal(t, "json", list[i].Codec)
	require.NoError(t, other.Producer(name("orders")).Send(t.Context(), kafka.Message{Value: order}))
	require.NoError(t, other.Transaction(t.Context(), name("orders"), func(tx *kafka.Tx) error {
		return tx.Send(kafka.Message{Value: order})
	}))
	raw := other.Consumer(name("orders"), "", kafka.WithUntilEnd(), kafka.WithRawValues())
	for m := range raw.Messages(t.Context()) {
		require.Equal(t, `{"id":"1"}`, string(m.Bytes()))
		headers := m.RawHeaders()
		require.Equal(t, kafka.Header{Key: "kafka-do-codec", Value: []byte("json")}, headers[len(headers)-1])
		require.NotContains(t, m.Headers, "kafka-do-codec")
	}
	require.Equal(t, []any{order, order, order}, readValues(t, first, name("orders")))
	require.Equal(t, []any{order, order, order}, readValues(t, other, name("orders")))
}

// Two processes that began before there was a record have their own codecs: each record is read as it says.
func TestCodecOfEachRecord(t *testing.T) {
	url, name := testURL(t), names()
	require.NoError(t, newClient(t, url).Admin().CreateTopic(t.Context(), name("orders"), kafka.TopicConfig{}))
	var clients []*kafka.Client
	for _, c := range []kafka.Codec{kafka.MsgPack, kafka.JSON, kafka.Raw} {
		client := newClient(t, url, kafka.WithCodec(c))
		_, err := client.Admin().DescribeTopic(t.Context(), name("orders"))
		require.NoError(t, err)
		clients = append(clients, client)
	}
	for i, client := range clients {
		require.NoError(t, client.Producer(name("orders")).Send(t.Context(), kafka.Message{Value: fmt.Sprint(i)}))
	}
	for _, client := range clients {
		require.Equal(t, []any{"0", "1", []byte("2")}, readValues(t, client, name("orders")))
	}
	type text = string
	typed := kafka.NewTypedConsumer[text](clients[2], name("orders"), "", kafka.WithUntilEnd())
	var got []string
	for m := range typed.Messages(t.Context()) {
		got = append(got, m.Value)
	}
	require.NoError(t, typed.Err())
	require.Equal(t, []string{"0", "1", "2"}, got)
}

// Forwarded messages, dead letters and streams keep the label right.
func TestCodecOfForwarded(t *testing.T) {
	url, name := testURL(t), names()
	client := newClient(t, url)
	admin := client.Admin()
	require.NoError(t, admin.CreateTopic(t.Context(), name("json"), kafka.TopicConfig{Codec: "json"}))
	require.NoError(t, admin.CreateTopic(t.Context(), name("msgpack"), kafka.TopicConfig{Codec: "msgpack"}))
	require.NoError(t, client.Producer(name("json")).Send(t.Context(), kafka.Message{Key: "k", Value: "a"}))
	consumer := client.Consumer(name("json"), "", kafka.WithUntilEnd())
	for m := range consumer.Messages(t.Context()) {
		require.NoError(t, client.Producer(name("msgpack")).Send(t.Context(), m.Forward()))
		copied := kafka.Message{Value: m.Value, Headers: map[string]string{"kafka-do-codec": "raw"}}
		require.NoError(t, client.Producer(name("msgpack")).Send(t.Context(), copied), "what a program says of it is not heeded")
	}
	require.NoError(t, consumer.Err())
	require.Equal(t, []any{"a", "a"}, readValues(t, client, name("msgpack")))

	stream := client.Stream(name("json"), kafka.WithApplicationID(name("copy")), kafka.WithUntilEnd())
	require.NoError(t, stream.To(t.Context(), name("msgpack")))
	require.Equal(t, []any{"a", "a", "a"}, readValues(t, client, name("msgpack")))
}

// Each record goes through a transaction, with the offset of what it was made of.
func TestConsumeTransformProduce(t *testing.T) {
	client, name := newClient(t, testURL(t)), names()
	for i := range 5 {
		require.NoError(t, client.Producer(name("in")).Send(t.Context(), kafka.Message{Value: float64(i)}))
	}
	consumer := client.Consumer(name("in"), name("transform"))
	failed := map[int64]bool{}
	for m := range consumer.Messages(t.Context()) {
		err := client.Transact(t.Context(), func(tx *kafka.Tx) error {
			if err := tx.CommitOffsets(m); err != nil {
				return err
			}
			if err := tx.SendTo(name("out"), kafka.Message{Value: 10 * m.Value.(float64)}); err != nil {
				return err
			}
			if m.Offset%2 == 1 && !failed[m.Offset] {
				failed[m.Offset] = true
				return errors.New("once")
			}
			return nil
		}, kafka.WithTransactionalID(name("transformer")))
		require.Equal(t, err == nil, err == nil || !failed[m.Offset], "%v", err)
		if err == nil && m.Offset == 4 {
			break
		}
	}
	require.NoError(t, consumer.Err())
	require.Equal(t, []any{0.0, 10.0, 20.0, 30.0, 40.0}, readValues(t, client, name("out")))
	g, err := client.Admin().DescribeGroup(t.Context(), name("transform"))
	require.NoError(t, err)
	require.Equal(t, int64(5), g.Offsets[0].Committed)
}

func TestAssignors(t *testing.T) {
	url, name := testURL(t), names()
	for _, assignor := range []string{
		kafka.AssignorRange, kafka.AssignorRoundRobin, kafka.AssignorSticky, kafka.AssignorCooperativeSticky,
	} {
		t.Run(assignor, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, url)
			require.NoError(t, client.Admin().CreateTopic(t.Context(), name(assignor), kafka.TopicConfig{Partitions: 6}))
			const members, messages = 3, 60
			var mu sync.Mutex
			var got []int
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			all := make(chan struct{})
			var wg sync.WaitGroup
			for range members {
				consumer := client.Consumer(name(assignor), name(assignor), kafka.WithAssignor(assignor), kafka.WithAutoCommit(true),
					kafka.WithHeartbeatInterval(50*time.Millisecond))
				wg.Go(func() {
					for m := range consumer.Messages(ctx) {
						mu.Lock()
						if v := int(m.Value.(float64)); !slices.Contains(got, v) {
							if got = append(got, v); len(got) == messages {
								close(all)
							}
						}
						mu.Unlock()
					}
					assert.NoError(t, consumer.Err())
				})
			}
			for i := range messages {
				_, err := client.Producer(name(assignor)).SendTo(t.Context(), i%6, kafka.Message{Value: i})
				require.NoError(t, err)
			}
			<-all
			for g := (kafka.GroupInfo{}); g.State != "Stable" || len(g.Members) < members; { // while members still join
				var err error
				g, err = client.Admin().DescribeGroup(t.Context(), name(assignor))
				require.NoError(t, err)
				if g.State == "Stable" {
					require.Equal(t, assignor, g.Protocol)
				}
			}
			cancel()
			wg.Wait()
		})
	}
}
