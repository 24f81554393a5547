package main

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

func openNATSFor(r *Run) (*natsLog, error) {
	log, err := openNATS(r.Dir, OpenOptions{Level: r.Level, Batch: 1, Goroutines: 1})
	if err != nil {
		return nil, err
	}
	return log.(*natsLog), nil
}

// pull makes a pull consumer, whose name is as good as a group's, and begins to receive.
func (l *natsLog) pull(name string, ack jetstream.AckPolicy) (jetstream.MessagesContext, error) {
	consumer, err := l.stream.CreateOrUpdateConsumer(context.Background(), jetstream.ConsumerConfig{
		Durable: name, AckPolicy: ack, MaxAckPending: -1,
	})
	if err != nil {
		return nil, err
	}
	return consumer.Messages(jetstream.PullMaxMessages(4 * batchSize))
}

func runNATSAsync(r *Run) error {
	log, err := openNATSFor(r)
	if err != nil {
		return err
	}
	send := func(record []byte) error {
		_, err := log.js.PublishAsync(natsSubject, record)
		return err
	}
	flush := func() error {
		<-log.js.PublishAsyncComplete()
		return nil
	}
	if err := r.timedAsync(send, flush); err != nil {
		return err
	}
	return log.Close()
}

func natsMessenger(r *Run) (messenger, error) {
	log, err := openNATSFor(r)
	if err != nil {
		return messenger{}, err
	}
	messages, err := log.pull("receiver", jetstream.AckNonePolicy)
	if err != nil {
		return messenger{}, err
	}
	return messenger{
		send: func(record []byte) error { return log.Append([][]byte{record}) },
		listen: func(ctx context.Context, got func()) error {
			defer context.AfterFunc(ctx, messages.Stop)()
			for {
				if _, err := messages.Next(); err != nil {
					return err
				}
				got()
			}
		},
		close: log.Close,
	}, nil
}

func readNATSConsumer(r *Run) (records, bytes int64, err error) {
	log, err := openNATSFor(r)
	if err != nil {
		return 0, 0, err
	}
	const name = "group"
	r.meter.Start()
	messages, err := log.pull(name, jetstream.AckNonePolicy)
	if err != nil {
		return 0, 0, err
	}
	for ; records < r.Records; records++ {
		message, err := messages.Next()
		if err != nil {
			return records, bytes, err
		}
		bytes += int64(len(message.Data()))
	}
	r.meter.Stop(records) // leaving is not part of it
	messages.Stop()
	if err := log.stream.DeleteConsumer(context.Background(), name); err != nil { // the next round has to start anew
		return records, bytes, err
	}
	return records, bytes, log.Close()
}

// runNATSAcks acknowledges messages one after the other, and waits for the server's answer to each.
func runNATSAcks(r *Run) error {
	log, err := openNATSFor(r)
	if err != nil {
		return err
	}
	ctx, records := context.Background(), makeRecords()
	const batches = 50
	for range batches {
		if err := log.Append(records); err != nil {
			return err
		}
	}
	messages, err := log.pull("group", jetstream.AckAllPolicy)
	if err != nil {
		return err
	}
	received := make([]jetstream.Msg, batches*batchSize)
	for i := range received {
		if received[i], err = messages.Next(); err != nil {
			return err
		}
	}
	at := 0
	err = r.timed(1, func(int) func() error {
		return func() error {
			if at == len(received) {
				return io.EOF
			}
			at++
			return received[at-1].DoubleAck(ctx)
		}
	})
	if err != nil {
		return err
	}
	messages.Stop()
	return log.Close()
}

func natsConsumers(r *Run) (waiting, error) {
	log, err := openNATSFor(r)
	if err != nil {
		return waiting{}, err
	}
	if err := log.Append(makeRecords()[:1]); err != nil {
		return waiting{}, err
	}
	var loops sync.WaitGroup
	var open []jetstream.MessagesContext
	return waiting{
		add: func(i int) error {
			messages, err := log.pull(fmt.Sprintf("group-%d", i), jetstream.AckAllPolicy)
			if err != nil {
				return err
			}
			open = append(open, messages)
			read := make(chan error)
			loops.Go(func() {
				_, err := messages.Next()
				read <- err
				_, _ = messages.Next() // until it is stopped
			})
			return <-read
		},
		close: func() error {
			for _, messages := range open {
				messages.Stop()
			}
			loops.Wait()
			return log.Close()
		},
	}, nil
}
