package main

import (
	"context"
	"errors"

	kafka "github.com/dot-do/kafka-embedded"
)

func runClientAsync(r *Run) error {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return err
	}
	ctx := context.Background()
	producer := log.AsyncProducer(clientTopic, kafka.WithAcks(acks(r.Level)), kafka.WithLinger(linger))
	send := func(record []byte) error {
		producer.Send(ctx, kafka.Message{Value: record}) // flush tells whether one has failed
		return nil
	}
	if err := r.timedAsync(send, func() error { return producer.Flush(ctx) }); err != nil {
		return err
	}
	return errors.Join(producer.Close(), log.Close())
}

func clientMessenger(r *Run) (messenger, error) {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return messenger{}, err
	}
	consumer := log.Consumer(clientTopic, "", kafka.WithRawValues())
	return messenger{
		send: func(record []byte) error {
			return log.producer.Send(context.Background(), kafka.Message{Value: record})
		},
		listen: func(ctx context.Context, got func()) error {
			for range consumer.Messages(ctx) {
				got()
			}
			return consumer.Err()
		},
		close: log.Close,
	}, nil
}
