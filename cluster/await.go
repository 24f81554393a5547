package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// settling is how often it is looked whether a change has reached the broker that is asked. The cluster's time is the
// real one, whatever clock a client has.
const settling = 10 * time.Millisecond

// spreading is for how long at most it is waited until all brokers know what is new.
const spreading = 10 * time.Second

// await looks until done, an error, or the end of ctx.
func await(ctx context.Context, done func() (bool, error)) error {
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if err := clock.Sleep(ctx, clock.Real, settling); err != nil {
			return err
		}
	}
}

// patiently asks again while leadership of partitions or the coordination of groups is moving, or has not arrived at a broker
// yet, or the broker that has it cannot be reached: another one will have it soon. It ends with ctx.
func patiently(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if !moving(explain(err)) || clock.Sleep(ctx, clock.Real, settling) != nil {
			return err
		}
	}
}

func moving(err error) bool {
	return errors.Is(err, engine.ErrNotLeader) || errors.Is(err, engine.ErrGroupCoordinator) || errors.Is(err, engine.ErrDisconnected)
}

// awaitPartitions waits until a topic has partitions that are led, and until all brokers know them: any may be asked next.
func (e *cluster) awaitPartitions(ctx context.Context, topic string, n int) error {
	var tps []engine.TopicPartition
	err := await(ctx, func() (bool, error) {
		detail, err := e.topics.detail(ctx, topic)
		if err != nil && !errors.Is(err, engine.ErrTopicNotFound) && !engine.IsRetriable(explain(err)) {
			return false, err
		}
		for _, p := range detail.Partitions {
			if p.Leader < 0 || p.Err != nil {
				return false, nil
			}
		}
		tps = partitionsOf(detail)
		return len(tps) >= n, nil
	})
	if err == nil {
		err = e.awaitBrokers(ctx, topic, n)
	}
	if err == nil {
		_, err = e.listOffsets(ctx, tps, atEnd, engine.ReadUncommitted)
	}
	return err
}

// awaitBrokers waits until all brokers that answer know of so many partitions. What is new comes to each by itself, most
// often within milliseconds; one that lags behind for longer is not waited for.
func (e *cluster) awaitBrokers(ctx context.Context, topic string, n int) error {
	brokers, err := e.adm.ListBrokers(ctx)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, spreading)
	defer cancel()
	var wg sync.WaitGroup
	for _, b := range brokers {
		wg.Go(func() {
			_ = await(within, func() (bool, error) {
				known, err := e.knows(within, b.NodeID, topic)
				return known >= n, err
			})
		})
	}
	wg.Wait()
	return ctx.Err()
}

// knows is how many partitions of a topic a broker knows of.
func (e *cluster) knows(ctx context.Context, broker int32, topic string) (int, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	answer, err := req.RequestWith(ctx, e.admin.Broker(int(broker)))
	if err != nil || len(answer.Topics) != 1 {
		return 0, err
	}
	return len(answer.Topics[0].Partitions), nil
}
