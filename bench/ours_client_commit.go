package main

import (
	"context"
	"fmt"
	"io"

	kafka "github.com/dot-do/kafka-embedded"
)

// commitRecords is how many records there are to commit; a run ends early when it has committed all.
const commitRecords = 400_000

// producerOf makes a producer for another topic, which reaches the operating system.
func (l *clientLog) producerOf(topic string) *kafka.Producer {
	return l.Producer(topic, kafka.WithAcks(kafka.AcksLeader))
}

// fillFor puts records into the topic that consumers commit.
func (l *clientLog) fillFor(records int) error {
	batch := make([]kafka.Message, batchSize)
	for i, record := range makeRecords() {
		batch[i].Value = record
	}
	producer := l.producerOf(clientTopic)
	for range records / batchSize {
		if err := producer.SendBatch(context.Background(), batch); err != nil {
			return err
		}
	}
	return nil
}

// messages are the first n of the topic, read as a member of a group.
func (l *clientLog) messages(group string, n int) ([]*kafka.Message, error) {
	consumer := l.Consumer(clientTopic, group, kafka.WithRawValues())
	messages := make([]*kafka.Message, 0, n)
	for m := range consumer.Messages(context.Background()) {
		if messages = append(messages, m); len(messages) == n {
			break
		}
	}
	return messages, consumer.Err()
}

func runClientCommits(r *Run) error {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return err
	}
	if err := log.fillFor(commitRecords); err != nil {
		return err
	}
	messages, err := log.messages("group", commitRecords)
	if err != nil {
		return err
	}
	err = r.timed(1, func(int) func() error {
		return func() error {
			if len(messages) == 0 {
				return io.EOF
			}
			m := messages[0]
			messages = messages[1:]
			return m.Commit(context.Background())
		}
	})
	if err != nil {
		return err
	}
	return log.Close()
}

// runClientTransactions has each goroutine, a group of its own, send a record to each of so many partitions and commit
// the record that this is made of, all in one transaction.
func runClientTransactions(r *Run, goroutines, partitions int) error {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return err
	}
	perGoroutine := 20 * batchSize / min(goroutines, 10)
	if err := log.fillFor(perGoroutine); err != nil {
		return err
	}
	inputs := make([][]*kafka.Message, goroutines)
	for i := range inputs {
		if inputs[i], err = log.messages(fmt.Sprintf("group-%d", i), perGoroutine); err != nil {
			return err
		}
	}
	err = r.timed(goroutines, func(i int) func() error {
		return func() error {
			if len(inputs[i]) == 0 {
				return io.EOF
			}
			m := inputs[i][0]
			inputs[i] = inputs[i][1:]
			return log.transact(m, partitions)
		}
	})
	if err != nil {
		return err
	}
	return log.Close()
}

// outputs are topics of one partition each.
var outputs = []string{"left", "right"}

func (l *clientLog) transact(m *kafka.Message, partitions int) error {
	return l.Transact(context.Background(), func(tx *kafka.Tx) error {
		if err := tx.CommitOffsets(m); err != nil {
			return err
		}
		for _, topic := range outputs[:partitions] {
			if err := tx.SendTo(topic, kafka.Message{Value: m.Bytes()}); err != nil {
				return err
			}
		}
		return nil
	})
}
