package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/codec"
)

// runClientGroup reads everything as the only member of a group, of another one each time.
func runClientGroup(r *Run) error {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return err
	}
	err = r.timedReads(func(i int) (records, bytes int64, err error) {
		return log.readAs(fmt.Sprint("group-", i))
	})
	return errors.Join(err, log.Close())
}

// order is a typed value of about 60 bytes in msgpack.
type order struct {
	ID       string  `json:"order_id"`
	Customer string  `json:"customer"`
	Amount   float64 `json:"amount"`
	Items    int     `json:"items"`
}

var anOrder = order{ID: "order-000123", Customer: "customer-0017", Amount: 99.99, Items: 3}

// runClientTyped reads through a standalone consumer of orders.
func runClientTyped(r *Run) error {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return err
	}
	const topic = "orders"
	err = log.Admin().CreateTopic(context.Background(), topic, kafka.TopicConfig{Codec: kafka.MsgPack.Name()})
	if err != nil {
		return err
	}
	producer, batch := log.producerOf(topic), make([]kafka.Message, batchSize)
	for i := range batch {
		batch[i].Value = anOrder
	}
	for range r.Sizes.ReadRecords / batchSize {
		if err := producer.SendBatch(context.Background(), batch); err != nil {
			return err
		}
	}
	consumer := kafka.NewTypedConsumer[order](log.Client, topic, "", kafka.WithUntilEnd())
	r.meter.Start()
	var records, equal int64
	for m := range consumer.Messages(context.Background()) {
		records++
		if m.Value == anOrder {
			equal++
		}
	}
	r.meter.Stop(records)
	if err := consumer.Err(); err != nil {
		return err
	}
	if want := r.Sizes.ReadRecords / batchSize * batchSize; equal != want {
		return fmt.Errorf("read %d orders, want %d", equal, want)
	}
	r.value = r.meter.NsPerRecord()
	return log.Close()
}

// runCodec decodes the same orders, from memory.
func runCodec(r *Run) error {
	data, err := codec.MsgPack.Append(nil, anOrder)
	if err != nil {
		return err
	}
	var equal int64
	r.meter.Start()
	for range r.Sizes.ReadRecords {
		o := new(order)
		if err := codec.MsgPack.Unmarshal(data, o); err != nil {
			return err
		}
		if *o == anOrder {
			equal++
		}
	}
	r.meter.Stop(r.Sizes.ReadRecords)
	r.value = r.meter.NsPerRecord()
	if equal != r.Sizes.ReadRecords {
		return fmt.Errorf("decoded %d orders, want %d", equal, r.Sizes.ReadRecords)
	}
	return nil
}

// runClientSeek seeks in a topic of batches of 1000 whose records are a millisecond apart.
func runClientSeek(r *Run) error {
	log, err := openClient(r.Dir, r.Level)
	if err != nil {
		return err
	}
	ctx, base := context.Background(), time.UnixMilli(1_700_000_000_000)
	records, n := makeRecords(), r.Sizes.ReadRecords/batchSize*batchSize
	batch := make([]kafka.Message, batchSize)
	at := func(index int64) time.Time { return base.Add(time.Duration(index) * time.Millisecond) }
	for first := int64(0); first < n; first += batchSize {
		for i := range batch {
			batch[i] = kafka.Message{Value: records[i], Timestamp: at(first + int64(i))}
		}
		if err := log.producer.SendBatch(ctx, batch); err != nil {
			return err
		}
	}
	consumer := log.Consumer(clientTopic, "", kafka.WithRawValues(), kafka.WithMaxPollRecords(1))
	read := func(index int64, seek func() error) error {
		if err := seek(); err != nil {
			return err
		}
		m, err := first(consumer)
		if err == nil && m.Offset != index {
			err = fmt.Errorf("found offset %d, want %d", m.Offset, index)
		}
		return err
	}
	if _, err := first(consumer); err != nil { // so that it has its partition
		return err
	}
	byTime := func(index int64) error {
		return read(index, func() error { return consumer.SeekToTime(ctx, at(index)) })
	}
	byOffset := func(index int64) error {
		return read(index, func() error { return consumer.Seek(ctx, clientTopic, 0, index) })
	}
	if err := r.timedSeeks(n, byTime, byOffset); err != nil {
		return err
	}
	return log.Close()
}
