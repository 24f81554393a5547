package main

import (
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

// watermillChannel: publish and subscribe in memory, without a subscriber, so that nothing is kept. Nothing is read.
var watermillChannel = Contender{
	Name: "watermill gochannel", Module: "github.com/ThreeDotsLabs/watermill",
	Reached: map[Level]Level{System: Memory},
	Open: func(string, OpenOptions) (Log, error) {
		return watermillLog{gochannel.NewGoChannel(gochannel.Config{}, watermill.NopLogger{})}, nil
	},
}

type watermillLog struct {
	channel *gochannel.GoChannel
}

func (l watermillLog) Append(records [][]byte) error {
	messages := make([]*message.Message, len(records))
	for i, record := range records {
		messages[i] = message.NewMessage(watermill.NewUUID(), record)
	}
	return l.channel.Publish("records", messages...)
}

func (watermillLog) ReadAll() (records, bytes int64, err error) { return 0, 0, errUnsupported }

func (watermillLog) Read(int64) ([]byte, error) { return nil, errUnsupported }

func (l watermillLog) Close() error { return l.channel.Close() }
