package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsStream: JetStream in this process, one file stream, and a client connected without a socket.
var natsStream = Contender{
	Name: "nats jetstream", Module: "github.com/nats-io/nats-server/v2",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openNATS,
}

const (
	natsSubject = "records"
	natsStart   = 10 * time.Second // how long the server may take to be ready
)

type natsLog struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
}

func openNATS(dir string, o OpenOptions) (Log, error) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: o.Level == Fsync,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(natsStart) {
		return nil, errors.New("the server did not start in time")
	}
	l := &natsLog{server: s}
	if l.conn, err = nats.Connect("", nats.InProcessServer(s)); err != nil {
		return nil, err
	}
	if l.js, err = jetstream.New(l.conn, jetstream.WithPublishAsyncMaxPending(2*batchSize)); err != nil {
		return nil, err
	}
	l.stream, err = l.js.CreateOrUpdateStream(context.Background(), jetstream.StreamConfig{
		Name: natsSubject, Subjects: []string{natsSubject}, Storage: jetstream.FileStorage, AllowDirect: true,
	})
	return l, err
}

func (l *natsLog) Append(records [][]byte) error {
	if len(records) == 1 {
		_, err := l.js.Publish(context.Background(), natsSubject, records[0])
		return err
	}
	futures := make([]jetstream.PubAckFuture, len(records))
	for i, record := range records {
		var err error
		if futures[i], err = l.js.PublishAsync(natsSubject, record); err != nil {
			return err
		}
	}
	for _, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return err
		}
	}
	return nil
}

func (l *natsLog) ReadAll() (records, bytes int64, err error) {
	info, err := l.stream.Info(context.Background())
	if err != nil {
		return 0, 0, err
	}
	consumer, err := l.stream.OrderedConsumer(context.Background(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		return 0, 0, err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(4 * batchSize))
	if err != nil {
		return 0, 0, err
	}
	defer messages.Stop()
	for records < int64(info.State.Msgs) {
		message, err := messages.Next()
		if err != nil {
			return records, bytes, err
		}
		records++
		bytes += int64(len(message.Data()))
	}
	return records, bytes, nil
}

func (l *natsLog) Read(index int64) ([]byte, error) {
	message, err := l.stream.GetMsg(context.Background(), uint64(index)+1)
	if err != nil {
		return nil, err
	}
	return message.Data, nil
}

func (l *natsLog) Close() error {
	l.conn.Close()
	l.server.Shutdown()
	l.server.WaitForShutdown()
	return nil
}
