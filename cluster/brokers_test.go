package cluster

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/brokertest"
)

var brokerMessages = flag.Int("brokers.messages", 300, "how many messages go through a cluster whose brokers are killed")

// three is a cluster of three brokers, of which any may go and come.
type three struct {
	url  string
	kill func(i int)
	back func(i int)
}

// newThree starts one in this process, where no broker goes but all that they lead and coordinate moves, or real brokers,
// where there is a script for that.
func newThree(t *testing.T) three {
	if brokertest.Script() != "" {
		return threeBrokers(t)
	}
	c, url := fakeCluster(t)
	move := func(int) {
		c.ShufflePartitionLeaders()
		c.RehashCoordinators()
	}
	return three{url, move, move}
}

// threeBrokers starts brokers that are controllers as well. Each partition is with all of them, and two have to have a record.
func threeBrokers(t *testing.T) three {
	const id = "q1Sh-9_ISia_zwGINzRvyQ"
	port := brokertest.Ports(t, 6)
	voters := fmt.Sprintf("controller.quorum.voters=1@127.0.0.1:%d,2@127.0.0.1:%d,3@127.0.0.1:%d", port+1, port+3, port+5)
	var brokers []*brokertest.Broker
	url := "kafka://"
	for i := range 3 {
		b := brokertest.New(t, port+2*i, voters, fmt.Sprint("node.id=", i+1),
			"default.replication.factor=3", "min.insync.replicas=2",
			"offsets.topic.replication.factor=3", "offsets.topic.num.partitions=3",
			"transaction.state.log.replication.factor=3", "transaction.state.log.min.isr=2", "transaction.state.log.num.partitions=3",
		).Of(id)
		b.Start()
		brokers = append(brokers, b)
		url += b.Addr() + ","
	}
	for _, b := range brokers {
		b.Await()
	}
	return three{url[:len(url)-1], func(i int) { brokers[i].Kill() }, func(i int) {
		brokers[i].Start()
		brokers[i].Await()
	}}
}

// TestBrokersGo: while a program produces, and a group of two members makes of each message another one in a transaction with
// its offset, each broker in turn is gone for a while. All messages are there in the end, each once.
func TestBrokersGo(t *testing.T) {
	c := newThree(t)
	name := names()
	client := newClient(t, c.url, kafka.WithTimeout(time.Minute))
	for _, topic := range []string{name("in"), name("out")} {
		require.NoError(t, client.Admin().CreateTopic(t.Context(), topic, kafka.TopicConfig{Partitions: 3}))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var sent, made atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range *brokerMessages {
			if !assert.NoError(t, client.Producer(name("in")).Send(ctx, kafka.Message{Key: fmt.Sprint(i), Value: i})) {
				cancel()
			}
			sent.Add(1)
		}
	})
	members, stop := context.WithCancel(ctx)
	defer stop()
	for i := range 2 {
		wg.Go(func() { transform(t, client, members, name, fmt.Sprint(name("transform"), i), &made) })
	}
	await := func(n int) {
		require.Eventually(t, func() bool { return min(sent.Load(), made.Load()) >= int64(n) || ctx.Err() != nil },
			10*time.Minute, time.Millisecond)
		require.NoError(t, ctx.Err(), "sent %d made %d want %d", sent.Load(), made.Load(), n)
	}
	for i := range 3 {
		await((2*i + 1) * *brokerMessages / 8)
		c.kill(i)
		await((2*i + 2) * *brokerMessages / 8)
		c.back(i)
	}
	await(*brokerMessages)
	stop()
	wg.Wait()
	var want []any
	for i := range *brokerMessages {
		want = append(want, float64(i))
	}
	for _, topic := range []string{name("in"), name("out")} {
		got := readValues(t, client, topic)
		slices.SortFunc(got, func(a, b any) int { return cmp.Compare(a.(float64), b.(float64)) })
		require.Equal(t, want, got, topic)
	}
}

// transform is a member of the group; made counts the messages whose transactions are committed.
func transform(t *testing.T, client *kafka.Client, ctx context.Context, name func(string) string, id string, made *atomic.Int64) {
	consumer := client.Consumer(name("in"), name("group"))
	for m := range consumer.Messages(ctx) {
		err := client.Transact(ctx, func(tx *kafka.Tx) error {
			if err := tx.CommitOffsets(m); err != nil {
				return err
			}
			return tx.SendTo(name("out"), kafka.Message{Value: m.Value})
		}, kafka.WithTransactionalID(id))
		switch {
		case err == nil:
			made.Add(1)
		case ctx.Err() == nil:
			t.Logf("aborted, and it comes again: %v", err)
		}
	}
	if ctx.Err() == nil {
		assert.NoError(t, consumer.Err())
	}
}
