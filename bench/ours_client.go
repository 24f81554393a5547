package main

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	kafka "github.com/dot-do/kafka-embedded"
)

const clientName = "kafka-embedded client"

// embeddedClient is the whole library as its users see it: a topic of one partition behind a client, raw values.
var embeddedClient = Contender{
	Name:    clientName,
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    func(dir string, o OpenOptions) (Log, error) { return openClient(dir, o.Level) },
}

const clientTopic = "records"

type clientLog struct {
	*kafka.Client
	producer *kafka.Producer
	random   *kafka.Consumer // for Read; nil before the first
	batches  sync.Pool       // of []kafka.Message
}

func openClient(dir string, level Level) (*clientLog, error) {
	client, err := kafka.NewClient(context.Background(), kafka.WithDir(dir), kafka.WithCodec(kafka.Raw))
	if err != nil {
		return nil, err
	}
	return &clientLog{Client: client, producer: client.Producer(clientTopic, kafka.WithAcks(acks(level)))}, nil
}

// acks asks for a level.
func acks(level Level) kafka.Acks {
	if level == Fsync {
		return kafka.AcksAll
	}
	return kafka.AcksLeader
}

func (l *clientLog) Append(records [][]byte) error {
	if len(records) == 1 {
		return l.producer.Send(context.Background(), kafka.Message{Value: records[0]})
	}
	batch, _ := l.batches.Get().(*[]kafka.Message)
	if batch == nil || len(*batch) != len(records) {
		batch = new(make([]kafka.Message, len(records)))
	}
	defer l.batches.Put(batch)
	for i, record := range records {
		(*batch)[i].Value = record
	}
	return l.producer.SendBatch(context.Background(), *batch)
}

// ReadAll reads as a standalone consumer does, which is in no group.
func (l *clientLog) ReadAll() (records, bytes int64, err error) { return l.readAs("") }

// readAs reads all records as a member of a group.
func (l *clientLog) readAs(group string) (records, bytes int64, err error) {
	consumer := l.Consumer(clientTopic, group, kafka.WithRawValues(), kafka.WithUntilEnd())
	for m := range consumer.Messages(context.Background()) {
		records++
		bytes += int64(len(m.Bytes()))
	}
	return records, bytes, errors.Join(consumer.Err(), consumer.Close())
}

func (l *clientLog) Read(index int64) ([]byte, error) {
	if l.random == nil {
		l.random = l.Consumer(clientTopic, "", kafka.WithRawValues(), kafka.WithMaxPollRecords(1))
	}
	if err := l.random.Seek(context.Background(), clientTopic, 0, index); err != nil {
		return nil, err
	}
	m, err := first(l.random)
	if err != nil {
		return nil, err
	}
	return m.Bytes(), nil
}

// first returns the next message of a consumer.
func first(consumer *kafka.Consumer) (*kafka.Message, error) {
	for m := range consumer.Messages(context.Background()) {
		return m, nil
	}
	return nil, errors.Join(fs.ErrNotExist, consumer.Err())
}
